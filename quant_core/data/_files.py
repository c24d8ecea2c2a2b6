"""Prices or returns from a CSV or Parquet file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from quant_core.data._csv import CsvFile
from quant_core.data._dates import parse_dates
from quant_core.data._layout import ColumnNames, Layout, find_layout
from quant_core.data._observations import Kind, RawObservations, encode
from quant_core.data._parquet import ParquetFile
from quant_core.errors import DataError

if TYPE_CHECKING:
    from quant_core.data._table_file import TableFile

__all__ = ["FileSource", "open_table"]


@dataclass(frozen=True, slots=True)
class FileSource:
    """A CSV or Parquet file, wide (a column a symbol) or long (a row an observation).

    Parameters
    ----------
    origin : str
        fsspec URL: a path, ``s3://bucket/prices.parquet``, ``https://host/returns.csv.gz``.
    kind : {"prices", "returns"}
        What the file holds.
    columns : ColumnNames
        Columns whose names are not the usual ones.
    exclude : tuple of str
        Symbols to leave unread.
    name : str
        Name of the source.
    volume : str or None
        Column of a long file that holds what was traded.

    Examples
    --------
    >>> FileSource("prices.csv", "prices").kind
    'prices'
    """

    origin: str
    kind: Kind
    columns: ColumnNames = field(default_factory=ColumnNames)
    exclude: tuple[str, ...] = ()
    name: str = "file"
    volume: str | None = None

    def read(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> RawObservations:
        """Read the observations from ``start``, included, to ``end``, excluded.

        Raises
        ------
        DataError
            If the file cannot be read as prices or returns; the message names the column, the
            row and the text found.
        """
        file = open_table(self.origin)
        # What is excluded has to be found first, wherever in the file it is.
        if not self.exclude and (start is not None or end is not None):
            file = file.within(self._layout(file).date, start, end)
        found = self.read_from(file)
        asked = found.between(start, end)
        # Which symbols there are may not depend on how the file is cut into parts.
        return asked if asked is found and file.whole else asked.observed()

    def read_from(self, file: TableFile) -> RawObservations:
        """Read all observations of a table that is open."""
        layout = self._layout(file)
        read = self._wide if layout.symbol is None else self._long
        found = read(file, layout)
        # The file's columns are copied by now, and Arrow would keep their memory for later.
        pa.default_memory_pool().release_unused()
        return found

    def _layout(self, file: TableFile) -> Layout:
        return find_layout(
            file.names,
            origin=self.origin,
            kind=self.kind,
            columns=self.columns,
            exclude=self.exclude,
        )

    def _wide(self, file: TableFile, layout: Layout) -> RawObservations:
        if self.volume is not None:
            raise DataError(
                f"{self.origin}: data.volume names a column of a long file, and this one is wide: "
                "a column a symbol; remove it, or bring a file with a row an observation"
            )
        unknown = [name for name in self.exclude if name not in file.names]
        if unknown:
            raise DataError(
                f"{self.origin}: data.exclude names {', '.join(unknown)}, which is no column of "
                "the file; correct the name or remove it"
            )
        table = file.load([layout.date], layout.values)
        values = _block([table.pop(place) for place in layout.values])
        dates = self._dates(table[layout.date], file, layout)
        rows = np.arange(file.first_read, file.first_read + len(dates), dtype=np.int32)
        filled = self._dated(dates, ~np.isnan(values).all(axis=1), rows, file, layout)
        names = [file.names[place].strip() for place in layout.values]
        symbols = tuple(sorted(names))
        place = {name: code for code, name in enumerate(symbols)}
        found = RawObservations(
            kind=self.kind,
            origin=self.origin,
            symbols=symbols,
            dates=dates.reshape(-1, 1),
            codes=np.array([[place[name] for name in names]], dtype=np.int32),
            values=values,
            rows=rows.reshape(-1, 1),
            row_word=file.row_word,
        )
        return found if bool(filled.all()) else found.at_rows(filled)

    def _long(self, file: TableFile, layout: Layout) -> RawObservations:
        assert layout.symbol is not None
        place = layout.values[0]
        volumes = self._volumes(file)
        table = file.load([layout.date, layout.symbol], [place, *volumes])
        values = table.pop(place).to_numpy()
        volume = table.pop(volumes[0]).to_numpy() if volumes else None
        symbols, codes = encode(table.pop(layout.symbol))
        dates = self._dates(table.pop(layout.date), file, layout)
        rows = np.arange(file.first_read, file.first_read + len(dates), dtype=np.int32)
        filled = self._dated(dates, ~np.isnan(values) | (codes >= 0), rows, file, layout)
        found = RawObservations(
            kind=self.kind,
            origin=self.origin,
            symbols=symbols,
            dates=dates.reshape(-1, 1),
            codes=codes.reshape(-1, 1),
            values=values.reshape(-1, 1),
            rows=rows.reshape(-1, 1),
            value_column=file.names[place],
            row_word=file.row_word,
            volume=None if volume is None else volume.reshape(-1, 1),
        )
        found = found if bool(filled.all()) else found.at_rows(filled)
        return found.without(self.exclude) if self.exclude else found

    def _volumes(self, file: TableFile) -> list[int]:
        if self.volume is None:
            return []
        if self.volume not in file.names:
            raise DataError(
                f"{self.origin}: data.volume names column {self.volume!r}, found "
                f"{', '.join(map(repr, file.names))}"
            )
        return [file.names.index(self.volume)]

    def _dates(self, column: pa.ChunkedArray[Any], file: TableFile, layout: Layout) -> np.ndarray:
        where = f"{self.origin}, column {file.names[layout.date]!r}"
        return parse_dates(column, where=where, row_word=file.row_word, first_row=file.first_read)

    def _dated(
        self,
        dates: np.ndarray,
        filled: np.ndarray,
        rows: np.ndarray,
        file: TableFile,
        layout: Layout,
    ) -> np.ndarray:
        """Return the rows that have a date; only a row without any content may lack one."""
        undated = np.isnat(dates)
        wrong = np.flatnonzero(undated & filled)
        if len(wrong):
            raise DataError(
                f"{self.origin}, column {file.names[layout.date]!r}, {file.row_word} "
                f"{rows[wrong[0]]}: the date is empty; write it, or remove the row"
            )
        return ~undated


def open_table(url: str) -> TableFile:
    """Open a CSV or Parquet file by its ending."""
    path = url.split("?", 1)[0].lower()
    if path.endswith((".csv", ".csv.gz")):
        return CsvFile.open(url)
    if path.endswith((".parquet", ".pq")):
        return ParquetFile.open(url)
    raise DataError(f"{url}: unsupported extension; expected .csv, .csv.gz, .parquet or .pq")


def _block(columns: list[pa.ChunkedArray[Any]]) -> np.ndarray:
    values = np.empty((len(columns[0]), len(columns)))
    for place in reversed(range(len(columns))):
        # Popped, so that a column is freed once it is copied: the file is never held twice.
        values[:, place] = columns.pop().to_numpy()
    return values
