"""Hierarchical risk parity against other libraries, and what tells them apart: the leaf order."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.data import SAMPLE_BENCHMARK, DataConfig, ingest, open_source
from quant_core.engines import NativeEngine
from quant_core.engines.native import _hierarchy
from quant_core.errors import UnavailableError
from quant_core.profiles import Hrp, Problem
from quant_core.verification._result import PublishedResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd

__all__ = ["hierarchical_peers"]

_SUBJECT = "hierarchical risk parity"
_SAME = 1e-12
_FIGURES = (
    "largest difference of a weight",
    "largest difference of a weight, its optimal leaf order",
)

type Answer = tuple[np.ndarray, np.ndarray]  # weights by column, leaves left to right


def hierarchical_peers() -> Iterator[PublishedResult]:
    """Yield how far the weights of other libraries are from ours, on the sample.

    All link the correlation distance singly and bisect by inverse variance. Where the leaves are
    in the order of the tree the weights are the same. The others may also reorder the leaves so
    that neighbours are close, which changes what the bisection splits: the second figure hands
    their order to our bisection.
    """
    for name, peer in _PEERS.items():
        rows = [PublishedResult(_SUBJECT, f"{name}: {what}", name, 0.0, _SAME) for what in _FIGURES]
        try:
            frame = _sample_returns()
            answers = [peer(frame, optimal) for optimal in (False, True)]
        except ImportError as error:
            yield from (row.lacking(_why(name, error)) for row in rows)
            continue
        yield from _compared([_by(row, name) for row in rows], frame, answers)


def _compared(
    rows: list[PublishedResult], frame: pd.DataFrame, answers: list[Answer]
) -> Iterator[PublishedResult]:
    values = frame.to_numpy()
    problem = Problem(values.mean(axis=0), np.cov(values, rowvar=False))
    ours = NativeEngine().solve(Hrp(), problem).weights
    (plain, _), (optimal, leaves) = answers
    told = f"{values.shape[1]} stocks, {len(values)} days"
    yield rows[0].found(np.abs(plain - ours).max(), told)
    order = np.ascontiguousarray(leaves, dtype=np.int64)
    bisected = _hierarchy.bisect(np.ascontiguousarray(problem.covariance), order, 1.0)
    apart = f"{np.abs(optimal - ours).max():.4f} from the order of the tree, which ours keeps"
    yield rows[1].found(np.abs(optimal - bisected).max(), apart)


def _by(row: PublishedResult, name: str) -> PublishedResult:
    return PublishedResult(
        row.subject, row.what, f"{name} {version(name)}", row.expected, row.tolerance
    )


def _why(name: str, error: ImportError) -> str:
    if isinstance(error, UnavailableError):
        return str(error)
    return f"{name}: {error}; install the extra: pip install 'quant-assets[engines]'"


def _sample_returns() -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - slow to import, and only the peers take it

    data = DataConfig(sample=True, exclude=(SAMPLE_BENCHMARK,))
    matrix = ingest(open_source(data), data).matrix
    return pd.DataFrame(matrix.values, columns=list(matrix.symbols)).dropna()


def _riskfolio(frame: pd.DataFrame, optimal: bool) -> Answer:  # noqa: FBT001 - one of two answers
    found: Any = import_module("riskfolio").HCPortfolio(returns=frame)
    weights = found.optimization(
        model="HRP", codependence="pearson", rm="MV", rf=0, linkage="single", leaf_order=optimal
    )
    return weights.loc[frame.columns].to_numpy().ravel(), np.array(found.sort_order)


def _skfolio(frame: pd.DataFrame, optimal: bool) -> Answer:  # noqa: FBT001 - one of two answers
    cluster, seriation = import_module("skfolio.cluster"), import_module("skfolio.seriation")
    single = cluster.HierarchicalClustering(linkage_method=cluster.LinkageMethod.SINGLE)
    found: Any = import_module("skfolio.optimization").HierarchicalRiskParity(
        seriation_estimator=seriation.HierarchicalSeriation(
            hierarchical_clustering_estimator=single, optimal_ordering=optimal
        )
    )
    found.fit(frame)
    return np.asarray(found.weights_), np.asarray(found.seriation_estimator_.ordering_)


_PEERS: Mapping[str, Callable[[pd.DataFrame, bool], Answer]] = MappingProxyType(
    {"riskfolio-lib": _riskfolio, "skfolio": _skfolio}
)
