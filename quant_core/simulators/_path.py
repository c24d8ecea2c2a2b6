"""What a simulation answers: the path of a portfolio's value."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["RUIN", "SimulatedPath"]

RUIN = 1e-9
"""Part of the value of the close before that is nothing: a path left with no more is bankrupt.

A total loss leaves a residue of rounding, of another size and sign in every simulator.
"""


@dataclass(frozen=True, slots=True)
class SimulatedPath:
    """The path of one cell, day by day.

    Parameters
    ----------
    nav : numpy.ndarray, shape (T,)
        Net asset value after the day's trade and its cost, from 1 before the first row. Zero from
        the day of a bankruptcy on, at whose close everything is liquidated.
    turnover : numpy.ndarray, shape (T,)
        One-way turnover: half the traded value as a fraction of the value before the trade.
    cost : numpy.ndarray, shape (T,)
        Cost of the day's trade as a fraction of the value before the trade.
    """

    nav: np.ndarray = field(repr=False)
    turnover: np.ndarray = field(repr=False)
    cost: np.ndarray = field(repr=False)

    @property
    def period_returns(self) -> np.ndarray:
        """Simple return of each day after costs, shape (T,); zero after a bankruptcy."""
        before = np.concatenate(([1.0], self.nav[:-1]))[: len(self.nav)]
        growth: np.ndarray = np.divide(
            self.nav, before, out=np.ones_like(self.nav), where=before > 0.0
        )
        return growth - 1.0
