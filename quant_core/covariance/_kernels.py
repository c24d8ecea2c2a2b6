"""Compiled kernels of the rolling covariance.

A symmetric matrix is packed by rows of its lower triangle: entry ``(i, j)``, ``j <= i``, is at
``i * (i + 1) / 2 + j``. Every entry is summed in the order of the rows of the data, and loops run
side by side over entries only, so the bits of an entry depend on its own two columns.

A kernel calls kernels of its own file only: numba's cache on disk does not notice an edit of
another file.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["add_part", "expand", "mean_of", "moments", "packed_square_sum", "row_fourth_sum"]

_TILE = 16


@njit(cache=True)
def moments(
    values: np.ndarray, start: int, stop: int, decay: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the weight, mean and packed centred Gram matrix of rows ``[start, stop)``."""
    rows, n = stop - start, values.shape[1]
    centred, weighted = np.empty((rows, n)), np.empty((rows, n))
    weights = np.empty(rows)
    weight = 1.0
    for t in range(rows - 1, -1, -1):
        weights[t] = weight
        weight *= decay
    mean = _centre(values, start, weights, centred, weighted)
    gram = np.empty(n * (n + 1) // 2)
    for i in range(n):
        first = i * (i + 1) // 2
        _gram_row(weighted, centred, i, gram[first : first + i + 1])
    return weights.sum(), mean, gram


@njit(cache=True)
def _centre(
    values: np.ndarray,
    start: int,
    weights: np.ndarray,
    centred: np.ndarray,
    weighted: np.ndarray,
) -> np.ndarray:
    rows, n = centred.shape
    origin, mean = np.empty(n), np.zeros(n)
    for t in range(rows):
        for j in range(n):
            value = values[start + t, j]
            centred[t, j] = 0.0 if np.isnan(value) else value
    # Measured from the first row: the mean of a constant column is that constant to the bit.
    origin[:] = centred[0]
    for t in range(rows):
        for j in range(n):
            mean[j] += weights[t] * (centred[t, j] - origin[j])
    total = weights.sum()
    for j in range(n):
        mean[j] = origin[j] + mean[j] / total
    for t in range(rows):
        for j in range(n):
            centred[t, j] -= mean[j]
            weighted[t, j] = weights[t] * centred[t, j]
    return mean


@njit(cache=True)
def _gram_row(weighted: np.ndarray, centred: np.ndarray, i: int, out: np.ndarray) -> None:
    rows = len(centred)
    out[:] = 0.0
    t = 0
    # Four rows a pass, still added one after the other: fewer loads, the same bits.
    while t + 4 <= rows:
        a, b, c, d = weighted[t, i], weighted[t + 1, i], weighted[t + 2, i], weighted[t + 3, i]
        first, second, third, fourth = centred[t], centred[t + 1], centred[t + 2], centred[t + 3]
        for j in range(len(out)):
            out[j] = (((out[j] + a * first[j]) + b * second[j]) + c * third[j]) + d * fourth[j]
        t += 4
    while t < rows:
        a = weighted[t, i]
        first = centred[t]
        for j in range(len(out)):
            out[j] += a * first[j]
        t += 1


@njit(cache=True)
def add_part(
    out: np.ndarray, gram: np.ndarray, scale: float, weight: float, delta: np.ndarray
) -> None:
    """Add ``scale * gram + weight * delta delta'`` to a packed matrix in place."""
    for i in range(len(delta)):
        first = i * (i + 1) // 2
        target = out[first : first + i + 1]
        source = gram[first : first + i + 1]
        factor = weight * delta[i]
        for j in range(i + 1):
            target[j] += scale * source[j] + factor * delta[j]


@njit(cache=True)
def mean_of(values: np.ndarray, start: int, stop: int, columns: np.ndarray) -> np.ndarray:
    """Return the arithmetic mean of columns over rows ``[start, stop)``; NaN counts as 0."""
    origin, total = np.empty(len(columns)), np.zeros(len(columns))
    for k in range(len(columns)):
        value = values[start, columns[k]]
        origin[k] = 0.0 if np.isnan(value) else value
    for t in range(start, stop):
        for k in range(len(columns)):
            value = values[t, columns[k]]
            total[k] += (0.0 if np.isnan(value) else value) - origin[k]
    return origin + total / (stop - start)


@njit(cache=True)
def row_fourth_sum(
    values: np.ndarray, start: int, stop: int, columns: np.ndarray, mean: np.ndarray
) -> float:
    """Return the sum over rows of the fourth power of the centred row's Euclidean norm."""
    total = 0.0
    count = len(columns)
    square = np.zeros(count + 7)
    for t in range(start, stop):
        row = values[t]
        for k in range(count):
            value = row[columns[k]]
            centred = (0.0 if np.isnan(value) else value) - mean[k]
            square[k] = centred * centred
        norm = _lane_sum(square)
        total += norm * norm
    return total


@njit(cache=True)
def _lane_sum(x: np.ndarray) -> float:
    """Sum in eight lanes, which run side by side in an order that is always the same."""
    a = b = c = d = e = f = g = h = 0.0
    for k in range(0, len(x) - 7, 8):
        a += x[k]
        b += x[k + 1]
        c += x[k + 2]
        d += x[k + 3]
        e += x[k + 4]
        f += x[k + 5]
        g += x[k + 6]
        h += x[k + 7]
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@njit(cache=True)
def packed_square_sum(packed: np.ndarray, columns: np.ndarray) -> tuple[float, float]:
    """Return the trace and the sum of squares of the columns' symmetric submatrix."""
    count = len(columns)
    squares = np.zeros(count)
    trace = 0.0
    diagonal = 0.0
    for a in range(count):
        first = columns[a] * (columns[a] + 1) // 2
        for b in range(a):
            value = packed[first + columns[b]]
            squares[b] += value * value
        value = packed[first + columns[a]]
        trace += value
        diagonal += value * value
    total = 0.0
    for b in range(count):
        total += squares[b]
    return trace, 2.0 * total + diagonal


@njit(cache=True)
def expand(packed: np.ndarray, columns: np.ndarray, factor: float, ridge: float) -> np.ndarray:
    """Return ``factor * matrix + ridge * identity`` of the columns, unpacked to ``(k, k)``."""
    count = len(columns)
    out = np.empty((count, count))
    together = columns[count - 1] - columns[0] == count - 1
    for a in range(count):
        first = columns[a] * (columns[a] + 1) // 2
        if together:
            source = packed[first + columns[0] : first + columns[0] + a + 1]
            for b in range(a + 1):
                out[a, b] = factor * source[b]
        else:
            for b in range(a + 1):
                out[a, b] = factor * packed[first + columns[b]]
    _mirror(out)
    for a in range(count):
        out[a, a] += ridge
    return out


@njit(cache=True)
def _mirror(out: np.ndarray) -> None:
    count = len(out)
    for a0 in range(0, count, _TILE):
        a1 = min(a0 + _TILE, count)
        for b0 in range(0, a0 + 1, _TILE):
            for b in range(b0, min(b0 + _TILE, a1)):
                row = out[b]
                for a in range(max(a0, b + 1), a1):
                    row[a] = out[a, b]
