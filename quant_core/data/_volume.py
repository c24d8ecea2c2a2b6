"""What was traded of each symbol, in money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from quant_core.data._observations import RawObservations

__all__ = ["DollarVolume"]


@dataclass(frozen=True, slots=True)
class DollarVolume:
    """Price times volume of symbols over dates.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Strictly increasing.
    symbols : tuple of str, length n
        Sorted.
    values : numpy.ndarray of float64, shape (T, n)
        In the currency of the prices; NaN where price or volume is unknown.
    """

    dates: np.ndarray = field(repr=False)
    symbols: tuple[str, ...]
    values: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, raw: RawObservations, dates: np.ndarray, symbols: tuple[str, ...]) -> Self | None:
        """Lay price times volume on a grid; None where the source has no volume.

        Parameters
        ----------
        raw : RawObservations
            Observations in long form. A price that is not above zero and a volume below zero
            count as unknown; of two observations of a date and symbol the first counts.
        dates : numpy.ndarray of datetime64[us], shape (T,)
            Rows of the grid, increasing.
        symbols : tuple of str, length n
            Columns of the grid.
        """
        if raw.volume is None:
            return None
        values = np.full((len(dates), len(symbols)), np.nan)
        row = np.searchsorted(dates, raw.dates[:, 0])
        row[row == len(dates)] = 0
        place = {name: number for number, name in enumerate(symbols)}
        lookup = np.array([*(place.get(name, -1) for name in raw.symbols), -1], dtype=np.int64)
        column = lookup[raw.codes[:, 0]]
        traded = raw.values[:, 0] * raw.volume[:, 0]
        known = (raw.values[:, 0] > 0) & (raw.volume[:, 0] >= 0) & np.isfinite(traded)
        if len(dates):
            known &= (column >= 0) & (dates[row] == raw.dates[:, 0])
            # Backwards, so that the first of two stays.
            at = np.flatnonzero(known)[::-1]
            values[row[at], column[at]] = traded[at]
        values.flags.writeable = False
        return cls(dates, symbols, values)
