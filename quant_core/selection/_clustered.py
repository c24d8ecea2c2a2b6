"""One or two representatives of each correlation cluster."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from quant_core.selection._base import Selected, Selection, TrainView, best
from quant_core.selection._clusters import ward_clusters

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
        return Selected.ranked(chosen, score, reason, cluster)

    @property
    def most(self) -> int:
        """The most atoms the rule can choose."""
        return self.clusters * self.per_cluster

    def _clusters(self, view: TrainView) -> np.ndarray:
        count = len(view.symbols)
        correlation = view.correlation() if count > 1 else np.eye(count)
        return ward_clusters(correlation, self.threshold, self.clusters)
