"""Figures of weights and of windows taken together."""

from __future__ import annotations

import numpy as np

__all__ = ["concentration", "fragility"]

_FEWEST = 2


def concentration(weights: np.ndarray) -> float:
    """Return the Herfindahl index of weights, averaged over windows.

    Parameters
    ----------
    weights : numpy.ndarray, shape (W, n)
        Weights of each window; a window in cash counts as 0.

    Returns
    -------
    float
        Mean of sum w^2; NaN without a window.
    """
    return float(np.mean(np.sum(np.square(weights), axis=1))) if len(weights) else np.nan


def fragility(window_sharpe: np.ndarray) -> np.ndarray:
    """Return how much the Sharpe ratio differs from window to window.

    Parameters
    ----------
    window_sharpe : numpy.ndarray, shape (P, W)
        Sharpe ratio of each window; windows without one (NaN) are left out.

    Returns
    -------
    numpy.ndarray, shape (P,)
        Sample standard deviation over the absolute mean; NaN with fewer than two windows or a
        mean of zero.
    """
    ratios = np.full(len(window_sharpe), np.nan)
    for path, sharpe in enumerate(window_sharpe):
        known = sharpe[np.isfinite(sharpe)]
        if len(known) >= _FEWEST and known.mean() != 0.0:
            ratios[path] = known.std(ddof=1) / abs(known.mean())
    return ratios
