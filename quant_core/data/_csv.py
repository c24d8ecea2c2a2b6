"""CSV files, also gzipped."""

from __future__ import annotations

import csv
import gzip
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import pyarrow as pa
import pyarrow.csv as pacsv

from quant_core.data._table_file import TableFile, opened
from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["CsvFile"]


class CsvFile(TableFile):
    """Comma-separated UTF-8 text with a header line."""

    __slots__ = ()

    row_word: ClassVar[str] = "line"
    first_row: ClassVar[int] = 2

    @classmethod
    def open(cls, url: str) -> CsvFile:
        """Read the header.

        Raises
        ------
        DataError
            If the file is missing or empty.
        """
        with _stream(url) as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
            header = next(csv.reader(text), None)
        if header is None or not any(name.strip() for name in header):
            raise DataError(f"{url}: the file is empty; expected a header line and rows")
        return cls(url, tuple(name.strip() for name in header))

    def load(self, texts: Sequence[int], numbers: Sequence[int]) -> dict[int, pa.ChunkedArray[Any]]:
        """Read columns; a file that does not convert is read again as text to find the cell."""
        try:
            table = self._read(texts, numbers)
        except pa.ArrowInvalid as error:
            self._explain(texts, numbers, error)
        if not table.num_rows:
            raise DataError(f"{self.url}: the file has a header and no rows")
        return {place: table[str(place)] for place in (*texts, *numbers)}

    def _read(self, texts: Sequence[int], numbers: Sequence[int]) -> pa.Table:
        kinds: dict[str, pa.DataType] = {str(place): pa.string() for place in texts}
        kinds |= {str(place): pa.float64() for place in numbers}
        # Columns go by place, so that a name that is empty or there twice is no matter here.
        places = [str(place) for place in range(len(self.names))]
        with _stream(self.url) as stream:
            return pacsv.read_csv(
                stream,
                read_options=pacsv.ReadOptions(column_names=places, skip_rows=1),
                convert_options=pacsv.ConvertOptions(
                    column_types=kinds, include_columns=list(kinds)
                ),
            )

    def _explain(
        self, texts: Sequence[int], numbers: Sequence[int], error: pa.ArrowInvalid
    ) -> NoReturn:
        try:
            table = self._read((*texts, *numbers), ())
        except pa.ArrowInvalid as broken:
            raise DataError(f"{self.url}: not a readable CSV file: {broken}") from broken
        for place in numbers:
            self.refuse_text(table[str(place)], place)
        raise DataError(f"{self.url}: {error}") from error


@contextmanager
def _stream(url: str) -> Iterator[Any]:
    with opened(url) as handle:
        if url.lower().endswith(".gz"):
            with gzip.open(handle) as stream:
                yield stream
        else:
            yield handle
