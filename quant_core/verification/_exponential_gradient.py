"""The exponentiated gradient rule of online portfolio selection."""

from __future__ import annotations

import numpy as np

__all__ = ["exponential_gradient"]


def exponential_gradient(relatives: np.ndarray, *, rate: float) -> np.ndarray:
    """Return the weights that the rule holds after each period.

    From equal weights, ``w_i <- w_i exp(rate x_i / x'w)``, normalised.

    Parameters
    ----------
    relatives : numpy.ndarray, shape (T, n)
        Price relatives, positive.
    rate : float
        Learning rate, eta in the paper.

    Returns
    -------
    numpy.ndarray, shape (T + 1, n)
        Weights before the first period, and after each; a row is a function of the rows of
        ``relatives`` before it.

    References
    ----------
    Helmbold, D. P., Schapire, R. E., Singer, Y. and Warmuth, M. K. (1998). On-Line Portfolio
    Selection Using Multiplicative Updates. Mathematical Finance 8(4), equation 3.
    """
    periods, columns = relatives.shape
    weights = np.empty((periods + 1, columns))
    weights[0] = 1.0 / columns
    for period, today in enumerate(relatives):
        held = weights[period]
        moved = held * np.exp(rate * today / (today @ held))
        weights[period + 1] = moved / moved.sum()
    return weights
