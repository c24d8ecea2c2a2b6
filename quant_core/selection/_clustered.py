"""One or two representatives of each correlation cluster."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from quant_core.selection._base import Selected, Selection, TrainView, best

__all__ = ["Clustered"]


class Clustered(Selection):
    """Hold the best atoms of each cluster of correlated atoms.

    Clusters come from Ward linkage on the distance ``sqrt((1 - correlation) / 2)`` (Mantegna
    1999), cut at ``threshold`` or where ``clusters`` of them remain, whichever leaves fewer.
    Representatives have the highest ratio of mean to standard deviation in their cluster.

    Parameters
    ----------
    threshold : float
        Height of the cut through the tree.
    clusters : int
        The most clusters to keep.
    per_cluster : int
        Representatives of a cluster.
    """

    name: Literal["clustered"] = "clustered"
    threshold: float = Field(0.7, gt=0.0)
    clusters: int = Field(25, ge=1)
    per_cluster: int = Field(1, ge=1, le=2)
    code_module: ClassVar[str] = __name__

    def select(self, view: TrainView) -> Selected:
        """Return the representatives, with the cluster of every candidate."""
        deviation = view.returns.std(axis=0, ddof=1)
        score = view.returns.mean(axis=0) / deviation
        cluster = self._clusters(view)
        chosen = np.zeros(len(score), dtype=bool)
        for number in range(cluster.max(initial=-1) + 1):
            members = np.flatnonzero(cluster == number)
            chosen[members[best(score[members], self.per_cluster)]] = True
        reason = tuple(
            "" if winner else f"cluster {number} has a better representative"
            for winner, number in zip(chosen, cluster, strict=True)
        )
        return Selected(chosen, score, cluster, reason)

    @property
    def most(self) -> int:
        """The most atoms the rule can choose."""
        return self.clusters * self.per_cluster

    def _clusters(self, view: TrainView) -> np.ndarray:
        count = len(view.symbols)
        if count < 2:  # noqa: PLR2004 - a tree needs two leaves
            return np.zeros(count, np.int32)
        from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - slow to import

        distance = np.sqrt(np.clip((1.0 - view.correlation()) / 2.0, 0.0, 1.0))
        tree = linkage(distance[np.triu_indices(count, 1)], method="ward")
        labels = fcluster(tree, self.threshold, criterion="distance")
        if labels.max() > self.clusters:
            labels = fcluster(tree, self.clusters, criterion="maxclust")
        return _in_order_of_appearance(labels)


def _in_order_of_appearance(labels: np.ndarray) -> np.ndarray:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[inverse]
