"""The panel that a model is trained on: a row a date and asset, its label known in time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from quant_core.strategies._config import StrategyConfig

__all__ = ["Panel", "forward_returns"]


def forward_returns(returns: np.ndarray, horizon: int) -> np.ndarray:
    """Return the simple return of the next ``horizon`` rows, at each row.

    Parameters
    ----------
    returns : numpy.ndarray of float64, shape (T, n)
        Simple returns, NaN where there is none.
    horizon : int
        Rows to look ahead.

    Returns
    -------
    numpy.ndarray of float64, shape (T, n)
        ``(1 + r[t+1]) ... (1 + r[t+h]) - 1``; NaN where one of these is missing, so in the last
        ``horizon`` rows.
    """
    found = np.full(returns.shape, np.nan)
    rows = len(returns) - horizon
    if rows > 0:
        grown = np.ones((rows, *returns.shape[1:]))
        for ahead in range(1, horizon + 1):
            grown *= 1.0 + returns[ahead : ahead + rows]
        found[:rows] = grown - 1.0
    return found


@dataclass(frozen=True, slots=True)
class Panel:
    """Complete rows of one training, date by date.

    Parameters
    ----------
    features : numpy.ndarray of float64, shape (R, F)
        Rows to train on.
    labels : numpy.ndarray of float64, shape (R,)
        Their forward returns: each ends before the first date held out, embargo included.
    held_out : numpy.ndarray of float64, shape (H, F)
        Rows to score on.
    outcomes : numpy.ndarray of float64, shape (H,)
        Their forward returns: each ends inside the slice.
    dates : numpy.ndarray of int64, shape (H,)
        Date of each held-out row, as its number in the slice.
    """

    features: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    held_out: np.ndarray = field(repr=False)
    outcomes: np.ndarray = field(repr=False)
    dates: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, strategy: StrategyConfig, features: np.ndarray, returns: np.ndarray) -> Self:
        """Cut the slice that a training reads.

        Parameters
        ----------
        strategy : StrategyConfig
            The strategy; the slice has its ``training.observations`` rows.
        features : numpy.ndarray of float64, shape (T, n, F)
            Features of the slice.
        returns : numpy.ndarray of float64, shape (T, n)
            Returns of the slice: a label that would need one after it is missing.
        """
        training, horizon = strategy.training, strategy.horizon
        labels = forward_returns(returns, horizon)
        complete = np.isfinite(features).all(axis=2) & np.isfinite(labels)
        tail = len(returns) - training.validation
        head = max(tail - horizon - training.embargo, 0)
        dates = np.broadcast_to(np.arange(len(returns))[:, None], returns.shape)
        train, hold = complete[:head], complete[tail:]
        return cls(
            features[:head][train],
            labels[:head][train],
            features[tail:][hold],
            labels[tail:][hold],
            dates[tail:][hold],
        )
