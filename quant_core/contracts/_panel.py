"""What every check of an audit reads, found once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from quant_core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.contracts._audit import Matrix

__all__ = ["Panel", "runs"]


@dataclass(frozen=True, slots=True)
class Panel:
    """Returns with the life of each symbol.

    Parameters
    ----------
    days : numpy.ndarray of datetime64[D], shape (T,)
        Calendar days of the dates.
    symbols : tuple of str, length n
        Symbols.
    values : numpy.ndarray of float64, shape (T, n)
        Returns.
    seen : numpy.ndarray of bool, shape (T, n)
        Where there is an observation.
    first, last : numpy.ndarray of int, shape (n,)
        Rows of genesis and end; ``first > last`` for a symbol without observations.
    sessions : numpy.ndarray of datetime64[D], or None
        Sessions of the calendar, where one was given.
    """

    days: np.ndarray
    symbols: tuple[str, ...]
    values: np.ndarray = field(repr=False)
    seen: np.ndarray = field(repr=False)
    first: np.ndarray = field(repr=False)
    last: np.ndarray = field(repr=False)
    sessions: np.ndarray | None = field(repr=False, default=None)

    @classmethod
    def of(cls, matrix: Matrix, prices: np.ndarray | None, sessions: np.ndarray | None) -> Self:
        """Find the lives."""
        values = np.asarray(matrix.values)
        if prices is not None and prices.shape != values.shape:
            raise ContractError(
                f"audit: expected prices of shape {values.shape}, found {prices.shape}"
            )
        seen = ~np.isnan(values if prices is None else prices)
        count = len(values)
        none = ~seen.any(axis=0)
        first = np.where(none, count, seen.argmax(axis=0) if count else count)
        last = np.where(none, -1, count - 1 - seen[::-1].argmax(axis=0) if count else -1)
        days = np.asarray(matrix.dates).astype("datetime64[D]")
        return cls(days, tuple(matrix.symbols), values, seen, first, last, sessions)

    @property
    def alive(self) -> np.ndarray:
        """Whether a date lies in the life of a symbol, shape (T, n)."""
        row = np.arange(len(self.days)).reshape(-1, 1)
        return (row >= self.first) & (row <= self.last)

    def day(self, row: int) -> str:
        """Return a day as text."""
        return str(self.days[row])


def runs(marked: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Yield ``(column, first row, last row)`` of each run of marks, column by column."""
    padded = np.zeros((marked.shape[1], marked.shape[0] + 2), dtype=np.int8)
    padded[:, 1:-1] = marked.T
    steps = np.diff(padded, axis=1)
    begins, ends = np.argwhere(steps == 1), np.argwhere(steps == -1)
    for (column, first), (_, after) in zip(begins.tolist(), ends.tolist(), strict=True):
        yield column, first, after - 1
