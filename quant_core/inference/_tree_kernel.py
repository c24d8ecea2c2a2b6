"""The compiled kernel of tree ensembles.

A prediction adds the trees of its model in their order, and nothing else: rows and models share
loops and never a sum.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from quant_core.inference._gather import gather

__all__ = ["evaluate_forests"]

_LANES = 64  # descents under way at once: what hides the latency of memory
_FEW = 8  # fewer rows than this descend many trees at a time instead


@njit(cache=True, nogil=True, error_model="numpy")
def _descend(
    nodes: np.ndarray, inputs: np.ndarray, stride: np.uint64, depth: int, at: np.ndarray
) -> None:
    """Move every lane some levels down; lane i reads the inputs from ``i * stride`` on.

    Leaves stay where they are, so no lane asks whether it is done. Indices are unsigned: numba
    would test signed ones for being negative.
    """
    for _ in range(depth):
        start = np.uint64(0)
        for lane in range(len(at)):
            node = nodes[at[lane]]
            value = inputs[start + np.uint64(node.feature)]
            at[lane] = np.uint64(node.child) + np.uint64(value > node.threshold)
            start += stride


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _rounded(value: float, single: int) -> float:
    return np.float64(np.float32(value)) if single else value


@njit(cache=True, nogil=True, error_model="numpy")
def _by_rows(
    nodes: np.ndarray,
    depths: np.ndarray,
    single: int,
    inputs: np.ndarray,
    stride: np.uint64,
    at: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Sum the trees of one model for some rows, tree by tree."""
    sums[:] = 0.0
    for tree in range(len(depths)):
        at[:] = np.uint64(tree)
        _descend(nodes, inputs, stride, depths[tree], at)
        for lane in range(len(at)):
            sums[lane] = _rounded(sums[lane] + nodes[at[lane]].threshold, single)


@njit(cache=True, nogil=True, error_model="numpy")
def _descend_all(
    nodes: np.ndarray, inputs: np.ndarray, depth: int, at: np.ndarray, going: np.ndarray
) -> None:
    """Move every lane of one row to its leaf; those that are there take no further steps."""
    left = len(at)
    for lane in range(left):
        going[lane] = np.uint64(lane)
    for _ in range(depth):
        still = np.uint64(0)
        for place in range(left):
            lane = going[place]
            before = at[lane]
            node = nodes[before]
            value = inputs[np.uint64(node.feature)]
            after = np.uint64(node.child) + np.uint64(value > node.threshold)
            at[lane] = after
            going[still] = lane
            still += np.uint64(after != before)
        left = int(still)


@njit(cache=True, nogil=True, error_model="numpy")
def _by_trees(
    nodes: np.ndarray,
    depths: np.ndarray,
    single: int,
    inputs: np.ndarray,
    at: np.ndarray,
    going: np.ndarray,
) -> float:
    """Sum the trees of one model for one row, many trees at a time."""
    total = 0.0
    for start in range(0, len(depths), _LANES):
        some = depths[start : start + _LANES]
        lanes = at[: len(some)]
        for lane in range(len(lanes)):
            lanes[lane] = np.uint64(start + lane)
        _descend_all(nodes, inputs, some.max(), lanes, going)
        for lane in range(len(lanes)):
            total = _rounded(total + nodes[lanes[lane]].threshold, single)
    return total


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _sum_trees(
    nodes: np.ndarray,
    depths: np.ndarray,
    single: int,
    inputs: np.ndarray,
    stride: int,
    at: np.ndarray,
    going: np.ndarray,
    sums: np.ndarray,
) -> None:
    if len(sums) < _FEW:
        for lane in range(len(sums)):
            sums[lane] = _by_trees(nodes, depths, single, inputs[lane * stride :], at, going)
    else:
        _by_rows(nodes, depths, single, inputs, np.uint64(stride), at[: len(sums)], sums)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _finished(total: float, divisor: float, base: float, single: int, single_output: int) -> float:
    if divisor != 1.0:
        total = _rounded(total / divisor, single)
    total = _rounded(_rounded(total + base, single), single_output)
    return total if np.isfinite(total) else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate_forests(
    rows: np.ndarray,
    active: np.ndarray,
    columns: np.ndarray,
    layout: np.ndarray,
    numbers: np.ndarray,
    depths: np.ndarray,
    nodes: np.ndarray,
    out: np.ndarray,
) -> None:
    """Evaluate m forests for K rows.

    Parameters
    ----------
    rows : ndarray of shape (K, U)
        Shared inputs.
    active : ndarray of bool, shape (K, M)
        Cells to compute.
    columns : ndarray of uint64, shape (m, F)
        Columns of ``rows`` that are the inputs of each model.
    layout : ndarray of int64, shape (m, 8)
        Column of ``active`` and ``out``, inputs, first node, first tree, trees; whether inputs,
        sums and the prediction are float32.
    numbers : ndarray of shape (m, 2)
        Divisor and base.
    depths : ndarray of int64
        Depths of the trees of all forests.
    nodes : ndarray of NODE
        Nodes of all forests; children count from the first node of their forest.
    out : ndarray of shape (K, M)
        Predictions, written where active and finite.
    """
    inputs = np.empty(_LANES * (columns.shape[1] + 1))
    lane_row, at = np.empty(_LANES, dtype=np.int64), np.empty(_LANES, dtype=np.uint64)
    going, sums = np.empty(_LANES, dtype=np.uint64), np.empty(_LANES)
    for model in range(len(layout)):
        place, width, first, tree, trees, single_input, single, single_output = layout[model]
        own, down = nodes[first:], depths[tree : tree + trees]
        own_columns, count, stride = columns[model], np.uint64(width), width + 1
        inputs[width : _LANES * stride : stride] = -np.inf
        row = 0
        while row < len(rows):
            lanes = 0
            while row < len(rows) and lanes < _LANES:
                lane_row[lanes] = row
                if active[row, place]:
                    start = np.uint64(lanes * stride)
                    lanes += gather(rows, row, own_columns, count, single_input, inputs, start)
                row += 1
            _sum_trees(own, down, single, inputs, stride, at, going, sums[:lanes])
            for lane in range(lanes):
                out[lane_row[lane], place] = _finished(
                    sums[lane], numbers[model, 0], numbers[model, 1], single, single_output
                )
