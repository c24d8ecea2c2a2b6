"""The NAV paths of a tournament, thinned to what a screen can show."""

from __future__ import annotations

import base64
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.report._columns import runs
from quant_core.report._folder import AXES

if TYPE_CHECKING:
    from quant_core.report._folder import OutputFolder

__all__ = ["Cell", "Paths", "days"]

Cell = tuple[str, ...]

_FULL_POINTS = 2600
_PICKED_BYTES = 1_500_000
_BAND_POINTS = 300
_BAND = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Paths:
    """NAV of every cell that has one.

    Parameters
    ----------
    cells : list of tuple of str
        The five names of each cell, in the order of the file.
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Every date of the tournament, increasing.
    nav : numpy.ndarray of float64, shape (P, T)
        NAV at each close; NaN where a cell has no row.
    """

    cells: list[Cell]
    dates: np.ndarray
    nav: np.ndarray

    @classmethod
    def read(cls, folder: OutputFolder) -> Paths:
        """Read ``nav.parquet`` of an output folder."""
        table = folder.table("nav", ["date", *AXES, "nav"])
        borders = runs(*(table[axis] for axis in AXES))
        names = table.select(AXES).take(borders[:-1])
        cells = [tuple(row[axis] for axis in AXES) for row in names.to_pylist()]
        stamps = table["date"].to_numpy().astype("datetime64[us]")
        values = table["nav"].to_numpy()
        return cls(cells, *_matrix(stamps, values, borders))

    def line(self, cell: Cell) -> dict[str, list[Any]] | None:
        """Return NAV and drawdown of one cell, or None if it has no path.

        A drawdown is the deepest of the days that share a point, so that thinning hides none.
        """
        if cell not in self.cells:
            return None
        nav = self.nav[self.cells.index(cell)]
        seen = np.isfinite(nav)
        nav, dates = nav[seen], self.dates[seen]
        drawdown = nav / np.maximum.accumulate(np.maximum(nav, 1.0)) - 1.0
        ends = _ends(len(nav), _FULL_POINTS)
        starts = np.r_[0, ends[:-1] + 1]
        return {
            "date": days(dates[ends]),
            "nav": _rounded(nav[ends], 5),
            "drawdown": _rounded(np.minimum.reduceat(drawdown, starts), 5),
        }

    def band(self) -> dict[str, list[Any]]:
        """Return the 10 %, 50 % and 90 % quantiles of NAV over all cells."""
        ends = _ends(len(self.dates), _BAND_POINTS)
        known = np.isfinite(self.nav[:, ends]).all(axis=0)
        ends = ends[known]
        low, middle, high = np.quantile(self.nav[:, ends], _BAND, axis=0)
        return {
            "date": days(self.dates[ends]),
            "low": _rounded(low, 4),
            "middle": _rounded(middle, 4),
            "high": _rounded(high, 4),
        }

    def every(self) -> dict[str, Any]:
        """Return all paths in single precision, for drawing any cell on demand."""
        most = max(24, _PICKED_BYTES // (4 * max(1, len(self.cells))))
        ends = _ends(len(self.dates), min(most, _FULL_POINTS // 4))
        block = np.ascontiguousarray(self.nav[:, ends], dtype="<f4")
        return {
            "date": days(self.dates[ends]),
            "cells": ["|".join(cell) for cell in self.cells],
            "nav": base64.b64encode(block.tobytes()).decode(),
        }


def days(dates: np.ndarray) -> list[str]:
    """Return dates as ISO text, without the time of day when all are midnights."""
    whole = dates.astype("datetime64[D]")
    shown = whole if bool((whole == dates).all()) else dates.astype("datetime64[m]")
    return [str(stamp) for stamp in shown]


def _matrix(
    stamps: np.ndarray, values: np.ndarray, borders: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    count, length = len(borders) - 1, int(borders[1]) if len(borders) > 1 else 0
    if len(stamps) == count * length:
        grid = stamps.reshape(count, length)
        if bool((grid == grid[:1]).all()):
            return stamps[:length], values.reshape(count, length)
    dates = np.unique(stamps)
    nav = np.full((count, len(dates)), math.nan)
    for row, (start, stop) in enumerate(itertools.pairwise(borders)):
        nav[row, np.searchsorted(dates, stamps[start:stop])] = values[start:stop]
    return dates, nav


def _ends(length: int, most: int) -> np.ndarray:
    step = max(1, math.ceil(length / most))
    return np.arange(length - 1, -1, -step)[::-1]


def _rounded(values: np.ndarray, digits: int) -> list[float]:
    found: list[float] = np.round(values, digits).tolist()
    return found
