"""Parquet files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from quant_core.data._table_file import TableFile, opened
from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ParquetFile"]


class ParquetFile(TableFile):
    """A Parquet file; only the columns asked for are read."""

    __slots__ = ()

    row_word: ClassVar[str] = "row"
    first_row: ClassVar[int] = 1

    @classmethod
    def open(cls, url: str) -> ParquetFile:
        """Read the schema.

        Raises
        ------
        DataError
            If the file is missing, empty or no Parquet file.
        """
        with opened(url) as handle:
            return cls(url, tuple(_file(url, handle).schema_arrow.names))

    def load(self, texts: Sequence[int], numbers: Sequence[int]) -> dict[int, pa.ChunkedArray[Any]]:
        """Read columns."""
        places = (*texts, *numbers)
        with opened(self.url) as handle:
            table = _file(self.url, handle).read(columns=[self.names[place] for place in places])
        if not table.num_rows:
            raise DataError(f"{self.url}: the file has columns and no rows")
        found = {place: table[self.names[place]] for place in places}
        for place in texts:
            self._refuse_nested(found[place], place)
        for place in numbers:
            found[place] = self._numbers(found[place], place)
        return found

    def _refuse_nested(self, column: pa.ChunkedArray[Any], place: int) -> None:
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            raise DataError(
                f"{self.url}, column {self.names[place]!r}: expected dates or names, found "
                f"{column.type}; convert the column, or name another by data.date or data.symbol"
            )

    def _numbers(self, column: pa.ChunkedArray[Any], place: int) -> pa.ChunkedArray[Any]:
        kind = column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            self.refuse_text(column, place)
        elif not (_is_number(kind) or pa.types.is_null(kind)):
            raise DataError(
                f"{self.url}, column {self.names[place]!r}: expected numbers, found {kind}; "
                "convert or remove the column, or list it in data.exclude"
            )
        return column.cast(pa.float64(), safe=False)


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind))


def _file(url: str, handle: Any) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(handle)
    except pa.ArrowInvalid as error:
        raise DataError(f"{url}: empty, or not a Parquet file: {error}") from error
