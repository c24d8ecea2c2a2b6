"""CSV and Parquet files as columns, with the place of every cell that cannot be read."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from quant_core.errors import DataError, UnavailableError

__all__ = ["TableFile", "open_table"]


class TableFile(Protocol):
    """A file that gives its columns by place."""

    names: tuple[str, ...]
    row_word: str
    first_row: int

    def load(self, texts: Sequence[int], numbers: Sequence[int]) -> dict[int, pa.ChunkedArray]:
        """Return the columns at the given places, those of ``numbers`` as float64."""
        ...


def open_table(url: str) -> TableFile:
    """Open a CSV (also ``.gz``) or Parquet file by fsspec URL.

    Raises
    ------
    DataError
        If the file is missing, empty, of another kind or broken.
    UnavailableError
        If the protocol of the URL needs a package that is not installed.
    """
    path = url.split("::", 1)[0].lower()
    if path.endswith((".csv", ".csv.gz")):
        return _CsvFile.open(url)
    if path.endswith((".parquet", ".pq")):
        return _ParquetFile.open(url)
    raise DataError(f"{url}: unsupported extension; expected .csv, .csv.gz, .parquet or .pq")


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    try:
        with fsspec.open(url, "rb") as handle:
            yield handle
    except FileNotFoundError as error:
        raise DataError(
            f"{url}: no such file; check the path, which is relative to where you are"
        ) from error
    except IsADirectoryError as error:
        raise DataError(f"{url}: a folder; expected a CSV or Parquet file") from error
    except PermissionError as error:
        raise DataError(f"{url}: not allowed to read the file") from error
    except ImportError as error:
        raise UnavailableError(f"{url}: {error}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{url}: the gzip stream is broken: {error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{url}: not UTF-8 text: {error}") from error


@dataclass(frozen=True, slots=True)
class _CsvFile:
    url: str
    names: tuple[str, ...]
    row_word: str = "line"
    first_row: int = 2

    @classmethod
    def open(cls, url: str) -> _CsvFile:
        with _stream(url) as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
            header = next(csv.reader(text), None)
            if header is None or not any(name.strip() for name in header):
                raise DataError(f"{url}: the file is empty; expected a header line and rows")
        return cls(url, tuple(name.strip() for name in header))

    def load(self, texts: Sequence[int], numbers: Sequence[int]) -> dict[int, pa.ChunkedArray]:
        try:
            table = self._read(texts, numbers)
        except pa.ArrowInvalid as error:
            self._explain(texts, numbers, error)
        if not table.num_rows:
            raise DataError(f"{self.url}: the file has a header and no rows")
        return {place: table[str(place)] for place in (*texts, *numbers)}

    def _read(self, texts: Sequence[int], numbers: Sequence[int]) -> pa.Table:
        ids = [str(place) for place in range(len(self.names))]
        kinds = dict.fromkeys((str(place) for place in texts), pa.string())
        kinds |= dict.fromkeys((str(place) for place in numbers), pa.float64())
        with _stream(self.url) as stream:
            return pacsv.read_csv(
                stream,
                read_options=pacsv.ReadOptions(column_names=ids, skip_rows=1),
                parse_options=pacsv.ParseOptions(newlines_in_values=False),
                convert_options=pacsv.ConvertOptions(
                    column_types=kinds, include_columns=list(kinds)
                ),
            )

    def _explain(
        self, texts: Sequence[int], numbers: Sequence[int], error: pa.ArrowInvalid
    ) -> None:
        try:
            table = self._read((*texts, *numbers), ())
        except pa.ArrowInvalid as broken:
            raise DataError(f"{self.url}: not a readable CSV file: {broken}") from broken
        for place in numbers:
            _refuse_text(table[str(place)], self, self.url, self.names[place])
        raise DataError(f"{self.url}: {error}") from error


@contextmanager
def _stream(url: str) -> Iterator[Any]:
    with _opened(url) as handle:
        if url.lower().endswith(".gz"):
            with gzip.open(handle) as stream:
                yield stream
        else:
            yield handle


@dataclass(frozen=True, slots=True)
class _ParquetFile:
    url: str
    names: tuple[str, ...]
    row_word: str = "row"
    first_row: int = 1

    @classmethod
    def open(cls, url: str) -> _ParquetFile:
        with _opened(url) as handle:
            return cls(url, tuple(cls._file(url, handle).schema_arrow.names))

    @staticmethod
    def _file(url: str, handle: Any) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(handle)
        except pa.ArrowInvalid as error:
            raise DataError(f"{url}: not a readable Parquet file, or empty: {error}") from error

    def load(self, texts: Sequence[int], numbers: Sequence[int]) -> dict[int, pa.ChunkedArray]:
        places = (*texts, *numbers)
        with _opened(self.url) as handle:
            table = self._file(self.url, handle).read(
                columns=[self.names[place] for place in places]
            )
        if not table.num_rows:
            raise DataError(f"{self.url}: the file has columns and no rows")
        found = {place: table[self.names[place]] for place in places}
        for place in numbers:
            found[place] = self._numbers(found[place], place)
        return found

    def _numbers(self, column: pa.ChunkedArray, place: int) -> pa.ChunkedArray:
        if pa.types.is_boolean(column.type) or pa.types.is_temporal(column.type):
            raise DataError(
                f"{self.url}, column {self.names[place]!r}: expected numbers, found {column.type}; "
                "remove the column or list it in data.exclude"
            )
        try:
            return column.cast(pa.float64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            _refuse_text(column.cast(pa.string()), self, self.url, self.names[place])
            raise


def _refuse_text(column: pa.ChunkedArray, file: TableFile, url: str, name: str) -> None:
    empty = pacsv.ConvertOptions().null_values
    for row, text in enumerate(column.to_pylist()):
        if text is not None and text.strip() not in empty and not _is_number(text.strip()):
            raise DataError(
                f"{url}, column {name!r}, {file.row_word} {file.first_row + row}: expected a number, "
                f"found {text!r}; correct the cell, leave it empty if there is no value, or list the "
                "column in data.exclude"
            )


def _is_number(text: str) -> bool:
    try:
        pa.array([text]).cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def to_numpy(columns: Sequence[pa.ChunkedArray]) -> np.ndarray:
    """Return float columns as one (R, C) block, NaN where empty."""
    values = np.empty((len(columns[0]), len(columns)))
    for place, column in enumerate(columns):
        values[:, place] = column.to_numpy()
    return values
