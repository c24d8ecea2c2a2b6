"""Compiled kernels of hierarchical risk parity.

A kernel calls kernels of its own file only: numba's cache on disk does not notice an edit of
another file.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["bisect", "quasi_diagonal_order", "variance_of"]


def quasi_diagonal_order(matrix: np.ndarray) -> np.ndarray:
    """Return the leaves of the single-linkage tree of correlation distances, left to right.

    Single linkage sees only the order of the distances, so ``1 - rho`` stands for
    ``sqrt((1 - rho) / 2)``, and a minimum spanning tree (Prim 1957; ties to the lowest number)
    is all of it. Edges in increasing order, the earlier cluster to the left: the leaf order of
    ``scipy.cluster.hierarchy``. An asset without variance counts as uncorrelated.
    """
    tails, heads, lengths = _spanning_tree(matrix)
    # Sorted outside: numba takes seconds to compile a stable sort.
    return np.asarray(_leaves(tails, heads, np.argsort(lengths, kind="stable")))


@njit(cache=True)
def _leaves(tails: np.ndarray, heads: np.ndarray, rank: np.ndarray) -> np.ndarray:
    n = len(rank) + 1
    parent, label = np.arange(n), np.arange(n)
    first, last, after = np.arange(n), np.arange(n), np.full(n, -1)
    for merged in range(n - 1):
        edge = rank[merged]
        a, b = _root(parent, tails[edge]), _root(parent, heads[edge])
        left, right = (a, b) if label[a] < label[b] else (b, a)
        after[last[left]] = first[right]
        last[left] = last[right]
        parent[right] = left
        label[left] = n + merged
    order = np.empty(n, dtype=np.int64)
    leaf = first[_root(parent, 0)]
    for place in range(n):
        order[place] = leaf
        leaf = after[leaf]
    return order


@njit(cache=True)
def _spanning_tree(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = len(matrix)
    inverse = np.zeros(n)
    for i in range(n):
        if matrix[i, i] > 0.0:
            inverse[i] = 1.0 / np.sqrt(matrix[i, i])
    tails, heads = np.zeros(n - 1, dtype=np.int64), np.zeros(n - 1, dtype=np.int64)
    lengths = np.empty(n - 1)
    reached = np.zeros(n, dtype=np.bool_)
    distance, near = np.full(n, np.inf), np.zeros(n, dtype=np.int64)
    current = 0
    for edge in range(n - 1):
        reached[current] = True
        row = matrix[current]
        following = -1
        for i in range(n):
            if reached[i]:
                continue
            away = 1.0 - row[i] * (inverse[i] * inverse[current])
            if away < distance[i]:
                distance[i] = away
                near[i] = current
            if following < 0 or distance[i] < distance[following]:
                following = i
        tails[edge], heads[edge], lengths[edge] = near[following], following, distance[following]
        current = following
    return tails, heads, lengths


@njit(cache=True)
def _root(parent: np.ndarray, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True)
def bisect(matrix: np.ndarray, order: np.ndarray, cap: float) -> np.ndarray:
    """Return weights by recursive bisection of the ordered assets, each at most the cap."""
    n = len(order)
    share, weights = np.ones(n), np.empty(n)
    starts, stops = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    starts[0], stops[0] = 0, n
    depth = 1
    while depth > 0:
        depth -= 1
        start, stop = starts[depth], stops[depth]
        whole = share[start]
        if stop - start == 1 or whole == 0.0:
            continue
        middle = start + (stop - start) // 2
        left = _cluster_variance(matrix, order[start:middle])
        right = _cluster_variance(matrix, order[middle:stop])
        total = left + right
        part = right / total if total > 0.0 else 0.5
        part = min(part, cap * (middle - start) / whole)
        rest = min(1.0 - part, cap * (stop - middle) / whole)
        part = 1.0 - rest
        for place in range(start, stop):
            share[place] *= part if place < middle else rest
        starts[depth], stops[depth] = start, middle
        starts[depth + 1], stops[depth + 1] = middle, stop
        depth += 2
    for place in range(n):
        weights[order[place]] = share[place]
    return weights


@njit(cache=True)
def variance_of(matrix: np.ndarray, weights: np.ndarray) -> float:
    """Return ``w'Sw``, 0 where rounding makes it negative."""
    marginal, total = np.zeros(len(weights)), 0.0
    for i in range(len(weights)):
        row, held = matrix[i], weights[i]
        for j in range(len(weights)):
            marginal[j] += held * row[j]
    for i in range(len(weights)):
        total += weights[i] * marginal[i]
    return max(total, 0.0)


@njit(cache=True)
def _cluster_variance(matrix: np.ndarray, members: np.ndarray) -> float:
    count = len(members)
    part, total = np.empty(count), 0.0
    for a in range(count):
        own = matrix[members[a], members[a]]
        if not own > 0.0:
            return 0.0
        part[a] = 1.0 / own
        total += part[a]
    variance = 0.0
    for a in range(count):
        row = matrix[members[a]]
        inner = 0.0
        for b in range(count):
            inner += row[members[b]] * part[b]
        variance += part[a] * inner
    return max(variance / total / total, 0.0)
