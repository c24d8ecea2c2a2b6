"""The hierarchical profile against scipy's linkage and skfolio's portfolio."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from quant_core.engines import NativeEngine
from quant_core.engines.native._hierarchy import bisect, quasi_diagonal_order
from quant_core.profiles import PROFILES


def scipy_order(covariance: np.ndarray) -> np.ndarray:
    volatility = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(volatility, volatility)
    distance = np.sqrt(np.clip((1 - correlation) / 2, 0, None))
    np.fill_diagonal(distance, 0)
    condensed = squareform((distance + distance.T) / 2, checks=False)
    return np.asarray(leaves_list(linkage(condensed, "single")))


def test_leaf_order_is_that_of_scipy(small: Any) -> None:
    for stop in small.stops[::10]:
        covariance = small.problem(stop).covariance
        order = quasi_diagonal_order(covariance)
        assert order.tolist() == scipy_order(covariance).tolist()


@pytest.mark.parametrize("n", [1, 2, 3, 50, 200])
def test_leaf_order_of_random_matrices(n: int) -> None:
    for seed in range(5):
        sample = np.random.default_rng(seed).standard_normal((max(2 * n, 5), n))
        covariance = np.cov(sample, rowvar=False).reshape(n, n)
        order = quasi_diagonal_order(covariance)
        assert sorted(order.tolist()) == list(range(n))
        if n > 1:
            assert order.tolist() == scipy_order(covariance).tolist()


def test_ties_are_broken_by_number() -> None:
    assert quasi_diagonal_order(np.eye(5)).tolist() == [4, 3, 2, 0, 1]


@pytest.mark.parametrize("cap", [None, 0.08, 0.05])
def test_bisection_is_that_of_skfolio(small: Any, cap: float | None) -> None:
    """skfolio turns subtrees for an optimal leaf order first; on its order the weights agree."""
    optimization = pytest.importorskip("skfolio.optimization", reason="skfolio is an extra")
    for stop in small.stops[::60]:
        values = small.values[stop - 252 : stop]
        covariance = np.cov(values, rowvar=False)
        peer = optimization.HierarchicalRiskParity(max_weights=cap or 1.0).fit(values)
        order = np.asarray(peer.seriation_estimator_.ordering_, dtype=np.int64)
        np.testing.assert_allclose(bisect(covariance, order, cap or 1.0), peer.weights_, atol=1e-12)


def test_a_cap_of_one_is_no_cap(small: Any) -> None:
    problem = small.problem(small.stops[0])
    free, capped = (
        NativeEngine().solve(PROFILES["hrp"].model_validate({"cap": cap}), problem)
        for cap in (None, 1.0)
    )
    assert free.weights.tobytes() == capped.weights.tobytes()
