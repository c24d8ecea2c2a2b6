"""A decision tree, the same for every library that grows one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

__all__ = ["Tree", "double_thresholds"]


@dataclass(frozen=True, slots=True)
class Tree:
    """A binary tree whose node sends a row left where ``feature <= threshold``.

    Parameters
    ----------
    feature : numpy.ndarray of int64, shape (nodes,)
        Column that each node reads; the first node is the root.
    threshold : numpy.ndarray of float64, shape (nodes,)
        Threshold of each node.
    left, right : numpy.ndarray of int64, shape (nodes,)
        The node that comes next, or ``~leaf`` (below zero) where a leaf does.
    value : numpy.ndarray of float64, shape (leaves,)
        Value of each leaf.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray

    @classmethod
    def constant(cls, value: float) -> Self:
        """Return a tree that answers every row alike: a node with one leaf on both sides."""
        leaf = np.array([-1])
        return cls(np.array([0]), np.array([0.0]), leaf, leaf, np.array([value], dtype=np.float64))

    @classmethod
    def from_nodes(
        cls,
        *,
        is_leaf: np.ndarray,
        feature: np.ndarray,
        threshold: np.ndarray,
        left: np.ndarray,
        right: np.ndarray,
        value: np.ndarray,
    ) -> Self:
        """Build a tree from one table of nodes and leaves, the root first.

        Parameters
        ----------
        is_leaf : numpy.ndarray of bool, shape (entries,)
            Which entries are leaves.
        feature, threshold, left, right, value : numpy.ndarray, shape (entries,)
            What nodes split on, the entries that come next, and the values of leaves.
        """
        if is_leaf[0]:
            return cls.constant(float(value[0]))
        place = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), np.cumsum(~is_leaf) - 1)
        nodes = ~is_leaf
        return cls(
            feature[nodes].astype(np.int64),
            threshold[nodes].astype(np.float64),
            place[left[nodes]],
            place[right[nodes]],
            value[is_leaf].astype(np.float64),
        )


def double_thresholds(threshold: np.ndarray) -> np.ndarray:
    """Return the thresholds at which a double falls as its nearest float falls in XGBoost.

    XGBoost rounds a feature to float32 and sends it left where it is below the float32 threshold.
    A double rounds to below ``t`` up to the middle between ``t`` and the float before it; the
    middle itself rounds to the one of the two whose last bit is zero.

    Parameters
    ----------
    threshold : numpy.ndarray of float32
        Thresholds of the rule ``float32(x) < threshold``.

    Returns
    -------
    numpy.ndarray of float64
        Thresholds of the rule ``x <= threshold``, equivalent for doubles within the
        range of floats.
    """
    exact = np.ascontiguousarray(threshold, dtype=np.float32) + np.float32(0.0)
    with np.errstate(over="ignore"):  # below the lowest float lies minus infinity
        below = np.nextafter(exact, np.float32(-np.inf))
    middle = (exact.astype(np.float64) + below.astype(np.float64)) / 2
    ties_below = (below.view(np.uint32) & 1) == 0
    moved: np.ndarray = np.where(ties_below, middle, np.nextafter(middle, -np.inf))
    return moved
