"""The stages of relaxation: who is taken, and by which stage."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STAGES", "relax"]

_STRICT, _SPECTRAL, _CLUSTER, _FILL = 1, 2, 3, 4

STAGES: Mapping[int, str] = MappingProxyType(
    {_STRICT: "strict", _SPECTRAL: "spectral", _CLUSTER: "cluster", _FILL: "fill"}
)
"""Names of the stages."""


def relax(
    score: np.ndarray,
    cluster: np.ndarray,
    strict: np.ndarray,
    spectral: np.ndarray,
    orderly: np.ndarray,
    *,
    least: int,
    most: int,
) -> np.ndarray:
    """Take winners in stages until there are enough.

    Stages 1 to 3 give each cluster that has no winner yet its best candidate among those that pass
    the strict thresholds, the relaxed ones, and the bound on entropy alone. If clusters are fewer
    than winners must be, stage 4 fills up by score: first with the others that pass the strict
    thresholds, then with anybody. A stage begins only while there are fewer winners than ``least``;
    what an earlier one took stays. Equal scores go in the order given.

    Parameters
    ----------
    score : numpy.ndarray, shape (k,)
        Higher is better, no NaN.
    cluster : numpy.ndarray of int32, shape (k,)
        Number of each candidate's cluster.
    strict, spectral, orderly : numpy.ndarray of bool, shape (k,)
        Who passes in stage 1, 2 and 3.
    least, most : int
        Winners that there must be at least, and may be at most.

    Returns
    -------
    numpy.ndarray of int32, shape (k,)
        The stage that took each winner, 0 for the others.
    """
    stage = np.zeros(len(score), np.int32)
    for number, passes in ((_STRICT, strict), (_SPECTRAL, spectral), (_CLUSTER, orderly)):
        winners = stage > 0
        if winners.sum() >= least:
            break
        empty = ~np.isin(cluster, cluster[winners])
        found = _representatives(score, cluster, passes & empty)
        stage[found[: most - winners.sum()]] = number
    rest = np.lexsort((-score, ~strict))
    rest = rest[stage[rest] == 0]
    stage[rest[: max(0, least - np.count_nonzero(stage))]] = _FILL
    return stage


def _representatives(score: np.ndarray, cluster: np.ndarray, passes: np.ndarray) -> np.ndarray:
    """Return the best of each cluster among those that pass, the best of all first."""
    order = np.argsort(-score, kind="stable")
    order = order[passes[order]]
    _, first = np.unique(cluster[order], return_index=True)
    return np.asarray(order[np.sort(first)])
