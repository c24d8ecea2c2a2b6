"""Elementwise rules on prices and returns."""

from __future__ import annotations

import numpy as np

__all__ = [
    "HIGHEST_RETURN",
    "LOWEST_RETURN",
    "non_finite",
    "non_positive",
    "out_of_range",
    "past_one",
]

LOWEST_RETURN = -1.0
"""A simple return is above this: nothing loses more than everything."""
HIGHEST_RETURN = 5.0
"""A simple return is at most this."""


def non_finite(values: np.ndarray) -> np.ndarray:
    """Tell which values are infinite; a NaN is missing, not infinite."""
    return np.isinf(values)


def non_positive(prices: np.ndarray) -> np.ndarray:
    """Tell which prices are zero or negative, NaN and infinities aside."""
    low = prices <= 0
    return low & (prices > -np.inf) if low.any() else low


def out_of_range(returns: np.ndarray) -> np.ndarray:
    """Tell which returns lie outside (-1, 5], NaN aside."""
    return (returns <= LOWEST_RETURN) | (returns > HIGHEST_RETURN)


def past_one(returns: np.ndarray) -> np.ndarray:
    """Tell which returns in range are past +1; the range leaves none past -1."""
    high = returns > 1.0
    return high & (returns <= HIGHEST_RETURN) if high.any() else high
