"""The compiled kernel of combinatorially symmetric cross-validation.

Every configuration is treated alike and on its own, without a matrix product: equal columns get
equal Sharpe ratios to the last bit, so that ties are ties.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["cross_validate"]


@njit(cache=True, error_model="numpy")
def _sharpe(
    part: np.ndarray,
    sums: np.ndarray,
    squares: np.ndarray,
    counts: np.ndarray,
    shift: np.ndarray,
    floor: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write the Sharpe ratio of every configuration over a part of the blocks."""
    total, power = np.zeros(len(out)), np.zeros(len(out))
    count = 0
    for block in part:
        count += counts[block]
        for p in range(len(out)):
            total[p] += sums[block, p]
            power[p] += squares[block, p]
    for p in range(len(out)):
        mean = total[p] / count
        variance = (power[p] - total[p] * mean) / (count - 1)
        out[p] = (mean + shift[p]) / np.sqrt(variance) if variance > floor[p] else -np.inf


@njit(cache=True, error_model="numpy")
def _judge(inside: np.ndarray, outside: np.ndarray) -> tuple[float, float, float]:
    """Return the best ratio inside, its ratio outside, and the average rank of that one."""
    best = 0
    for p in range(len(inside)):
        if inside[p] > inside[best]:
            best = p
    below, equal = 0, 0
    for p in range(len(inside)):
        below += outside[p] < outside[best]
        equal += outside[p] == outside[best]
    return inside[best], outside[best], below + (equal + 1) / 2.0


@njit(cache=True, error_model="numpy")
def cross_validate(
    halves: np.ndarray,
    blocks: int,
    sums: np.ndarray,
    squares: np.ndarray,
    counts: np.ndarray,
    shift: np.ndarray,
    floor: np.ndarray,
) -> np.ndarray:
    """Return inside ratio, outside ratio and outside rank of the best, for each half and its rest.

    A half and its complement are two splits: what is inside of one is outside of the other.
    """
    splits = len(halves)
    found = np.empty((2 * splits, 3))
    one, other = np.empty(sums.shape[1]), np.empty(sums.shape[1])
    rest = np.empty(blocks - halves.shape[1], np.int64)
    for split in range(splits):
        taken = np.zeros(blocks, np.bool_)
        for block in halves[split]:
            taken[block] = True
        place = 0
        for block in range(blocks):
            if not taken[block]:
                rest[place] = block
                place += 1
        _sharpe(halves[split], sums, squares, counts, shift, floor, one)
        _sharpe(rest, sums, squares, counts, shift, floor, other)
        found[2 * split, 0], found[2 * split, 1], found[2 * split, 2] = _judge(one, other)
        found[2 * split + 1, 0], found[2 * split + 1, 1], found[2 * split + 1, 2] = _judge(
            other, one
        )
    return found
