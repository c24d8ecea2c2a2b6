"""The compiled kernel of the stationary bootstrap."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["resampled_sharpe"]


@njit(cache=True, error_model="numpy")
def resampled_sharpe(
    sums: np.ndarray,
    squares: np.ndarray,
    shift: np.ndarray,
    floor: np.ndarray,
    offsets: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
) -> np.ndarray:
    """Return the Sharpe ratio of every path in every draw, shape (draws, P).

    ``sums`` and ``squares`` are running sums over periods, shape (T + 1, P), so a block costs two
    look-ups a path whatever its length. Blocks of draw d are ``offsets[d]`` to ``offsets[d + 1]``.
    """
    periods, paths = sums.shape[0] - 1, sums.shape[1]
    found = np.empty((len(offsets) - 1, paths))
    total, power = np.empty(paths), np.empty(paths)
    for draw in range(len(offsets) - 1):
        total[:] = 0.0
        power[:] = 0.0
        for block in range(offsets[draw], offsets[draw + 1]):
            first, last = starts[block], starts[block] + lengths[block]
            wrapped = max(last - periods, 0)
            last -= wrapped
            for p in range(paths):
                total[p] += sums[last, p] - sums[first, p]
                power[p] += squares[last, p] - squares[first, p]
            if wrapped:
                for p in range(paths):
                    total[p] += sums[wrapped, p]
                    power[p] += squares[wrapped, p]
        for p in range(paths):
            mean = total[p] / periods
            variance = (power[p] - total[p] * mean) / (periods - 1)
            ratio = (mean + shift[p]) / np.sqrt(variance)
            found[draw, p] = ratio if variance > floor[p] else np.nan
    return found
