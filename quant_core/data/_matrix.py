"""The returns matrix: dates by symbols."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DATE_TYPE", "ReturnsMatrix"]

DATE_TYPE = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class ReturnsMatrix:
    """Simple returns of a set of symbols over a set of dates.

    Symbols are sorted, dates strictly increase, and the arrays are read-only, so that equal data
    is equal to the byte whatever the order of the file it came from.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64[us], shape (T,)
        UTC instants, strictly increasing.
    symbols : tuple of str, length n
        Sorted and unique.
    values : numpy.ndarray of float64, shape (T, n)
        Simple returns as fractions, C-contiguous. NaN where a symbol has no observation.

    Raises
    ------
    DataError
        If shapes disagree, dates do not increase or symbols are not sorted and unique.
    """

    dates: np.ndarray
    symbols: tuple[str, ...]
    values: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        dates = np.ascontiguousarray(self.dates, dtype="datetime64[us]")
        values = np.ascontiguousarray(self.values, dtype=np.float64)
        if values.shape != (len(dates), len(self.symbols)):
            raise DataError(
                f"returns matrix: expected values of shape {(len(dates), len(self.symbols))} "
                f"(dates, symbols), found {values.shape}"
            )
        if len(dates) > 1 and not bool((dates[1:] > dates[:-1]).all()):
            raise DataError("returns matrix: dates must strictly increase; sort, drop repeats")
        if list(self.symbols) != sorted(set(self.symbols)):
            raise DataError("returns matrix: symbols must be sorted and unique")
        for array in (dates, values):
            array.flags.writeable = False
        object.__setattr__(self, "dates", dates)
        object.__setattr__(self, "values", values)

    def columns(self, symbols: Sequence[str]) -> np.ndarray:
        """Return the column numbers of symbols, shape (len(symbols),).

        Raises
        ------
        DataError
            If a symbol is not in the matrix.
        """
        place = {symbol: number for number, symbol in enumerate(self.symbols)}
        missing = sorted(set(symbols) - place.keys())
        if missing:
            raise DataError(f"returns matrix: no column for {', '.join(missing)}")
        return np.array([place[symbol] for symbol in symbols], dtype=np.int64)

    def until(self, end: np.datetime64) -> Self:
        """Return the rows strictly before an instant."""
        stop = int(np.searchsorted(self.dates, end))
        return type(self)(self.dates[:stop], self.symbols, self.values[:stop])

    def to_table(self) -> pa.Table:
        """Return the matrix as a wide table: ``date``, then one float column a symbol."""
        dates = pa.array(self.dates, pa.timestamp("us")).cast(DATE_TYPE)
        columns = [pa.array(self.values[:, number]) for number in range(len(self.symbols))]
        return pa.table([dates, *columns], names=["date", *self.symbols])

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Read the matrix back from the table that `to_table` made."""
        symbols = sorted(name for name in table.column_names if name != "date")
        dates = table["date"].cast(DATE_TYPE).to_numpy().astype("datetime64[us]")
        values = np.empty((table.num_rows, len(symbols)))
        for number, symbol in enumerate(symbols):
            values[:, number] = table[symbol].to_numpy()
        return cls(dates, tuple(symbols), values)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Stack matrices in date order; a symbol that a part lacks is NaN there.

        Raises
        ------
        DataError
            If there are no parts, or two of them share a date.
        """
        if not parts:
            raise DataError("returns matrix: nothing to concatenate")
        filled = (part for part in parts if len(part.dates))
        ordered = sorted(filled, key=lambda part: part.dates[0])
        symbols = tuple(sorted({symbol for part in parts for symbol in part.symbols}))
        dates = np.concatenate([part.dates for part in ordered] or [parts[0].dates])
        values = np.full((len(dates), len(symbols)), np.nan)
        row = 0
        places = {symbol: number for number, symbol in enumerate(symbols)}
        for part in ordered:
            columns = [places[symbol] for symbol in part.symbols]
            values[row : row + len(part.dates), columns] = part.values
            row += len(part.dates)
        return cls(dates, symbols, values)
