"""What a solve may know of the market: its returns, and how atoms go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.atoms import HOLD

if TYPE_CHECKING:
    from quant_core.tournament._inputs import Inputs

__all__ = ["betas", "market_columns", "market_returns"]


def market_columns(inputs: Inputs) -> np.ndarray:
    """Return the columns whose mean is the market: the benchmark, or else every asset."""
    if len(inputs.benchmark):
        return inputs.benchmark
    assets = [atom.logic == HOLD and atom.sign > 0 for atom in inputs.atoms]
    return np.flatnonzero(assets)


def market_returns(values: np.ndarray) -> np.ndarray:
    """Return the mean return of what is observed, day by day.

    Parameters
    ----------
    values : numpy.ndarray, shape (t, m)
        Returns of the market's columns over the train period.

    Returns
    -------
    numpy.ndarray, shape (t,)
        NaN on a day without any observation.
    """
    seen = np.isfinite(values)
    count = seen.sum(axis=1)
    total = np.where(seen, values, 0.0).sum(axis=1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def betas(values: np.ndarray, market: np.ndarray) -> np.ndarray:
    """Return the regression slope of each column on the market, ``cov(x, m) / var(m)``.

    Parameters
    ----------
    values : numpy.ndarray, shape (t, n)
        Returns of the atoms over the train period.
    market : numpy.ndarray, shape (t,)
        Returns of the market; days where they are NaN are left out.

    Returns
    -------
    numpy.ndarray, shape (n,)
        NaN for a market that does not move.
    """
    seen = np.isfinite(market)
    moves = market[seen] - market[seen].mean() if seen.any() else np.zeros(0)
    spread = float(moves @ moves)
    if spread <= 0:
        return np.full(values.shape[1], np.nan)
    return np.asarray(moves @ np.nan_to_num(values[seen]) / spread)
