"""The compiled kernel of the path metrics.

A figure depends on the bits of its own path and rows alone: paths never meet in a sum, and the
compiler may not reassociate.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["figures"]

_TAIL = 0.05


@njit(cache=True, error_model="numpy")
def _select(values: np.ndarray, count: int, rank: int) -> float:
    """Return the order statistic of a rank, moving what is below it before it."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if rank <= right:
            high = right
        elif rank >= left:
            low = left
        else:
            break
    found: float = values[rank]
    return found


@njit(cache=True, error_model="numpy")
def _candidates(returns: np.ndarray, limit: float, scratch: np.ndarray) -> int:
    """Copy the returns up to a limit to the scratch and return how many there are."""
    count = 0
    for t in range(len(returns)):
        scratch[count] = returns[t]
        count += returns[t] <= limit
    return count


@njit(cache=True, error_model="numpy")
def _tail(returns: np.ndarray, guess: float, scratch: np.ndarray) -> tuple[float, float]:
    """Return the 5 % quantile and the mean of the returns up to its lower order statistic."""
    place = _TAIL * (len(returns) - 1)
    rank = int(place)
    count = _candidates(returns, guess, scratch)
    if count < rank + 2:
        count = _candidates(returns, np.inf, scratch)
    lower, total = _select(scratch, count, rank), 0.0
    for t in range(rank + 1):
        total += scratch[t]
    upper = scratch[rank + 1] if rank + 1 < count else lower
    for t in range(rank + 1, count):
        upper = min(upper, scratch[t])
    return lower + (upper - lower) * (place - rank), total / (rank + 1)


@njit(cache=True, error_model="numpy")
def _mean(returns: np.ndarray) -> float:
    """Return the mean; the sum runs over four interleaved lanes."""
    whole = len(returns) - len(returns) % 4
    s0 = s1 = s2 = s3 = 0.0
    for t in range(0, whole, 4):
        s0 += returns[t]
        s1 += returns[t + 1]
        s2 += returns[t + 2]
        s3 += returns[t + 3]
    for t in range(whole, len(returns)):
        s0 += returns[t]
    return ((s0 + s2) + (s1 + s3)) / len(returns)


@njit(inline="always")
def _powers(value: float, mean: float, risk_free: float) -> tuple[float, float, float, float]:
    distance = value - mean
    square = distance * distance
    loss = min(value - risk_free, 0.0)
    return square, square * distance, square * square, loss * loss


@njit(cache=True, error_model="numpy")
def _moments(
    returns: np.ndarray, mean: float, risk_free: float
) -> tuple[float, float, float, float]:
    """Return the sums of the 2nd, 3rd and 4th central powers, and of the squared shortfalls.

    Even and odd rows are summed apart, which hides the latency of an addition.
    """
    even2 = even3 = even4 = even_short = 0.0
    odd2 = odd3 = odd4 = odd_short = 0.0
    whole = len(returns) - len(returns) % 2
    for t in range(0, whole, 2):
        square, cube, fourth, short = _powers(returns[t], mean, risk_free)
        even2 += square
        even3 += cube
        even4 += fourth
        even_short += short
        square, cube, fourth, short = _powers(returns[t + 1], mean, risk_free)
        odd2 += square
        odd3 += cube
        odd4 += fourth
        odd_short += short
    for t in range(whole, len(returns)):
        square, cube, fourth, short = _powers(returns[t], mean, risk_free)
        even2 += square
        even3 += cube
        even4 += fourth
        even_short += short
    return even2 + odd2, even3 + odd3, even4 + odd4, even_short + odd_short


@njit(cache=True, error_model="numpy")
def _growth(returns: np.ndarray) -> tuple[float, float]:
    """Return the final value of 1 and the deepest drawdown."""
    value, peak, deepest = 1.0, 1.0, 0.0
    for t in range(len(returns)):
        value *= 1.0 + returns[t]
        peak = max(peak, value)
        deepest = min(deepest, value / peak - 1.0)
    return value, deepest


@njit(cache=True, error_model="numpy")
def _signs(returns: np.ndarray) -> tuple[int, int, bool]:
    """Return how many returns are positive, how many are not zero, and whether all are equal."""
    up, moved, differing = 0, 0, 0
    for t in range(len(returns)):
        up += returns[t] > 0.0
        moved += returns[t] != 0.0
        differing += returns[t] != returns[0]
    return up, moved, differing == 0


@njit(cache=True, error_model="numpy")
def _describe(
    returns: np.ndarray,
    periods_per_year: float,
    risk_free: float,
    scratch: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write the figures of one path, in the order of the names; undefined ones are NaN."""
    count = len(returns)
    year = np.sqrt(periods_per_year)
    up, moved, constant = _signs(returns)
    mean = returns[0] if constant else _mean(returns)
    second, third, fourth, short = _moments(returns, mean, risk_free)
    deviation = np.sqrt(second / (count - 1))
    variance = second / count
    value, deepest = _growth(returns)
    out[1] = (mean - risk_free) / deviation
    out[0] = out[1] * year
    out[2] = (mean - risk_free) / np.sqrt(short / count) * year
    if value >= 0.0:  # below, an even power would pass for a growth
        out[4] = value ** (periods_per_year / count) - 1.0
    out[3] = out[4] / -deepest
    out[5] = deviation * year
    out[6] = deepest
    out[7] = value - 1.0
    out[8], out[9] = _tail(returns, mean - 1.3 * deviation, scratch)
    out[10] = up / moved
    out[11] = third / count / variance**1.5
    out[12] = fourth / count / variance**2
    for figure in range(len(out)):
        if not np.isfinite(out[figure]):
            out[figure] = np.nan


@njit(cache=True, error_model="numpy")
def figures(
    returns: np.ndarray, bounds: np.ndarray, periods_per_year: float, risk_free: float, width: int
) -> np.ndarray:
    """Return the figures of every path between two bounds of rows, shape (P, W, width)."""
    paths, days = returns.shape
    windows = len(bounds) - 1
    out = np.full((paths, windows, width), np.nan)
    scratch = np.empty(days + 1)
    for path in range(paths):
        for window in range(windows):
            first, last = bounds[window], bounds[window + 1]
            if last > first:
                _describe(
                    returns[path, first:last],
                    periods_per_year,
                    risk_free,
                    scratch,
                    out[path, window],
                )
    return out
