"""Clusters of correlated atoms."""

from __future__ import annotations

import numpy as np

__all__ = ["ward_clusters"]


def ward_clusters(correlation: np.ndarray, threshold: float, most: int) -> np.ndarray:
    """Return the clusters of correlated columns.

    Ward linkage on the distance ``sqrt((1 - correlation) / 2)`` (Mantegna 1999), cut at
    ``threshold`` or where ``most`` clusters remain, whichever leaves fewer.

    Parameters
    ----------
    correlation : numpy.ndarray, shape (k, k)
        Their correlation, no NaN.
    threshold : float
        Height of the cut through the tree.
    most : int
        The most clusters to keep.

    Returns
    -------
    numpy.ndarray of int32, shape (k,)
        Number of each column's cluster, from 0 in order of appearance.
    """
    count = len(correlation)
    if count < 2:  # noqa: PLR2004 - a tree needs two leaves
        return np.zeros(count, np.int32)
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - slow to import

    distance = np.sqrt(np.clip((1.0 - correlation) / 2.0, 0.0, 1.0))
    tree = linkage(distance[np.triu_indices(count, 1)], method="ward")
    labels = fcluster(tree, threshold, criterion="distance")
    if labels.max() > most:
        labels = fcluster(tree, most, criterion="maxclust")
    return _in_order_of_appearance(labels)


def _in_order_of_appearance(labels: np.ndarray) -> np.ndarray:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[inverse]
