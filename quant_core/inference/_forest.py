"""Trees laid out for the kernel: 16 bytes a node, children side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quant_core.inference._ensemble import EQ, GT, GTE, LEAF, LEQ, LT, NEQ, Ensemble
from quant_core.inference._graph import UnrecognisedGraphError

__all__ = ["NODE", "Forest", "lay_out"]

NODE = np.dtype([("threshold", np.float64), ("child", np.uint32), ("feature", np.uint32)])
_JUMP = LEAF + 1  # goes on at another node, whatever the input


@dataclass(frozen=True, slots=True)
class Forest:
    """A tree ensemble of one output.

    A node sends a row to ``child`` where the feature is at most the threshold, else to the node
    after it. A leaf stays where it is: its feature is the column behind the last one, which holds
    minus infinity, its child is itself and its threshold the weight.

    Parameters
    ----------
    nodes : ndarray of NODE, shape (N,)
        The roots, then the children level by level, of all trees.
    depths : ndarray of int64, shape (T,)
        Steps from the root of each tree to its farthest leaf. The roots are the first T nodes, in
        the order in which trees are added.
    base : float
        Added at the end.
    divisor : float
        What the sum of the trees is divided by.
    single_input, single_sum, single_output : bool
        Whether inputs, every partial sum or the prediction are rounded to float32.
    """

    nodes: np.ndarray
    depths: np.ndarray
    base: float
    divisor: float
    single_input: bool
    single_sum: bool
    single_output: bool

    @property
    def detail(self) -> str:
        """Its size in words."""
        return f"{len(self.depths)} trees, {len(self.nodes)} nodes"


def lay_out(ensemble: Ensemble, inputs: int) -> Forest:
    """Return the forest of an ensemble.

    Parameters
    ----------
    ensemble : Ensemble
        The nodes as ONNX names them.
    inputs : int
        Columns of the input.

    Raises
    ------
    UnrecognisedGraphError
        If nodes have several parents or are their own ancestors.
    """
    source = _only_at_most(ensemble)
    nodes = _breadth_first(source, ensemble.roots, inputs)
    trees = len(ensemble.roots)
    return Forest(
        nodes=nodes,
        depths=_heights(nodes, inputs)[:trees],
        base=float(np.float32(ensemble.base)) if ensemble.single_sum else ensemble.base,
        divisor=float(trees) if ensemble.average else 1.0,
        single_input=ensemble.single_input,
        single_sum=ensemble.single_sum,
        single_output=ensemble.single_output,
    )


@dataclass(slots=True)
class _Source:
    mode: np.ndarray
    feature: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def _only_at_most(ensemble: Ensemble) -> _Source:
    """Write every comparison as ``x <= t``: ``x < t`` is ``x <= the number before t``."""
    mode, low, high = ensemble.mode.copy(), ensemble.on_true.copy(), ensemble.on_false.copy()
    value = ensemble.value.copy()
    swap = np.isin(mode, (GTE, GT, NEQ))
    low[swap], high[swap] = high[swap], low[swap]
    strict = np.isin(mode, (LT, GTE))
    value[strict] = np.nextafter(value[strict], -np.inf)
    equal = np.flatnonzero(np.isin(mode, (EQ, NEQ)))
    mode[mode != LEAF] = LEQ
    source = _Source(mode, ensemble.feature.copy(), value, low, high)
    return _split_equal(source, equal) if len(equal) else source


def _split_equal(source: _Source, equal: np.ndarray) -> _Source:
    """Turn ``x == t`` into ``x <= t`` and, below it, not ``x <= the number before t``.

    What follows where they differ hangs on the upper node; the lower one jumps to it.
    """
    count, more = len(source.mode), len(equal)
    lower, jump = count + np.arange(more), count + more + np.arange(more)
    nothing = np.zeros(more, dtype=np.int64)
    matched, differ = source.low[equal], source.high[equal]
    source.low[equal] = lower
    return _Source(
        np.concatenate([source.mode, nothing + LEQ, nothing + _JUMP]),
        np.concatenate([source.feature, source.feature[equal], nothing]),
        np.concatenate([source.value, np.nextafter(source.value[equal], -np.inf), 0.0 * nothing]),
        np.concatenate([source.low, jump, differ]),
        np.concatenate([source.high, matched, nothing]),
    )


def _breadth_first(source: _Source, roots: np.ndarray, inputs: int) -> np.ndarray:
    """Place the nodes level by level, the two children of a node side by side."""
    slots = len(roots) + len(roots) % 2
    frontier, places = roots, np.arange(len(roots))
    slot_of = np.full(len(source.mode), -1, dtype=np.int64)
    levels = []
    while len(frontier):
        branch = source.mode[frontier] == LEQ
        if (slot_of[frontier[branch]] >= 0).any() or len(
            np.unique(frontier[branch])
        ) < branch.sum():
            raise UnrecognisedGraphError("nodes with several parents")
        slot_of[frontier] = places
        child = places.copy()
        child[branch] = slots + 2 * np.arange(branch.sum())
        levels.append((frontier, places, child, branch))
        pairs = np.stack([source.low[frontier[branch]], source.high[frontier[branch]]], axis=1)
        frontier = pairs.reshape(-1)
        places = slots + np.arange(len(frontier))
        slots += len(frontier)
    nodes = np.zeros(slots, dtype=NODE)
    nodes["child"], nodes["feature"] = np.arange(slots), inputs
    for frontier, places, child, branch in levels:
        jump = source.mode[frontier] == _JUMP
        child[jump] = slot_of[source.low[frontier[jump]]]
        nodes["child"][places] = child
        nodes["feature"][places] = np.where(branch, source.feature[frontier], inputs)
        nodes["threshold"][places] = source.value[frontier]
    return nodes


def _heights(nodes: np.ndarray, inputs: int) -> np.ndarray:
    """Return the steps from each node to its farthest leaf."""
    child = nodes["child"].astype(np.int64)
    other = np.where(nodes["feature"] < inputs, child + 1, child)
    moves = child != np.arange(len(nodes))
    heights = np.zeros(len(nodes), dtype=np.int64)
    for _ in range(len(nodes)):
        higher = np.where(moves, 1 + np.maximum(heights[child], heights[other]), 0)
        if np.array_equal(higher, heights):
            return heights
        heights = higher
    raise UnrecognisedGraphError("nodes that are their own ancestors")
