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
def _descend(nodes: np.ndarray, inputs: np.ndarray, lanes: int, at: np.ndarray) -> None:
    """Move every lane from a root to its leaf; lane i reads row i of the inputs."""
    moved = True
    while moved:
        moved = False
        for lane in range(lanes):
            place = at[lane]
            node = nodes[place]
            after = node.child + (inputs[lane, node.feature] > node.threshold)
            moved |= after != place
            at[lane] = after


@njit(cache=True, nogil=True, error_model="numpy")
def _descend_one(nodes: np.ndarray, inputs: np.ndarray, lanes: int, at: np.ndarray) -> None:
    """Move every lane from a root to its leaf; all lanes read one row."""
    moved = True
    while moved:
        moved = False
        for lane in range(lanes):
            place = at[lane]
            node = nodes[place]
            after = node.child + (inputs[node.feature] > node.threshold)
            moved |= after != place
            at[lane] = after


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _rounded(value: float, single: int) -> float:
    return np.float64(np.float32(value)) if single else value


@njit(cache=True, nogil=True, error_model="numpy")
def _by_rows(
    nodes: np.ndarray,
    trees: int,
    single: int,
    inputs: np.ndarray,
    lanes: int,
    at: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Sum the trees of one model for some rows, tree by tree."""
    sums[:lanes] = 0.0
    for tree in range(trees):
        at[:lanes] = tree
        _descend(nodes, inputs, lanes, at)
        for lane in range(lanes):
            sums[lane] = _rounded(sums[lane] + nodes[at[lane]].threshold, single)


@njit(cache=True, nogil=True, error_model="numpy")
def _by_trees(
    nodes: np.ndarray, trees: int, single: int, inputs: np.ndarray, at: np.ndarray
) -> float:
    """Sum the trees of one model for one row, many trees at a time."""
    total = 0.0
    for start in range(0, trees, _LANES):
        lanes = min(_LANES, trees - start)
        for lane in range(lanes):
            at[lane] = start + lane
        _descend_one(nodes, inputs, lanes, at)
        for lane in range(lanes):
            total = _rounded(total + nodes[at[lane]].threshold, single)
    return total


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
    columns : integer ndarray of shape (m, F)
        Columns of ``rows`` that are the inputs of each model.
    layout : integer ndarray of shape (m, 7)
        Column of ``active`` and ``out``, inputs, first root, trees; whether inputs, sums and the
        prediction are float32.
    numbers : ndarray of shape (m, 2)
        Divisor and base.
    nodes : ndarray of NODE
        Nodes of all forests; children count from the first root of their forest.
    out : ndarray of shape (K, M)
        Predictions, written where active and finite.
    """
    inputs = np.empty((_LANES, columns.shape[1] + 1))
    lane_row, at = np.empty(_LANES, dtype=np.int64), np.empty(_LANES, dtype=np.int64)
    sums = np.empty(_LANES)
    for model in range(len(layout)):
        place, width, first, trees = layout[model, :4]
        single_input, single, single_output = layout[model, 4:]
        own = nodes[first:]
        inputs[:, width] = -np.inf
        row = 0
        while row < len(rows):
            lanes = 0
            while row < len(rows) and lanes < _LANES:
                if active[row, place] and gather(
                    rows[row], columns[model], width, single_input, inputs[lanes]
                ):
                    lane_row[lanes] = row
                    lanes += 1
                row += 1
            if lanes < _FEW:
                for lane in range(lanes):
                    sums[lane] = _by_trees(own, trees, single, inputs[lane], at)
            else:
                _by_rows(own, trees, single, inputs, lanes, at, sums)
            for lane in range(lanes):
                out[lane_row[lane], place] = _finished(
                    sums[lane], numbers[model, 0], numbers[model, 1], single, single_output
                )
