"""Where engines of other libraries are told what they would not do by default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.engines import ENGINES
from quant_core.profiles import PROFILES, Hrp, MinVariance, Problem, RiskParity, Status

if TYPE_CHECKING:
    from collections.abc import Callable

NATIVE = ENGINES["native"]()


@pytest.mark.parametrize("library", ["pyportfolioopt", "riskfolio", "skfolio"])
def test_hrp_has_our_leaf_order(small: Any, library: str) -> None:
    engine = ENGINES[library]()
    for stop in small.stops[::150]:
        problem = small.problem(stop)
        found = engine.solve(Hrp(), problem)
        assert found.weights == pytest.approx(NATIVE.solve(Hrp(), problem).weights, abs=1e-12)


def test_hrp_of_skfolio_bounds_splits_as_ours(small: Any) -> None:
    problem, profile = small.problem(small.stops[200]), Hrp(cap=0.08)
    peer = NATIVE.solve(profile, problem)
    assert peer.weights.max() == pytest.approx(0.08)
    assert ENGINES["skfolio"]().solve(profile, problem).weights == pytest.approx(
        peer.weights, abs=1e-12
    )


@pytest.mark.parametrize(
    ("library", "name", "why"),
    [
        ("pyportfolioopt", "hrp", "HRPOpt takes no bounds"),
        ("pyportfolioopt", "risk_parity", "the barrier takes no bounds of a budget"),
        ("riskfolio", "hrp", "riskfolio clips weights and spreads the rest"),
        ("riskfolio", "risk_parity", "riskfolio bounds budgets by another rule"),
        ("skfolio", "risk_parity", "skfolio bounds budgets by another rule"),
    ],
)
def test_a_cap_that_binds_where_the_rule_differs_is_unsupported(
    library: str, name: str, why: str
) -> None:
    engine, problem = ENGINES[library](), Problem(np.zeros(2), np.diag([1.0, 4.0]))
    bound = engine.solve(PROFILES[name].model_validate({"cap": 0.6}), problem)
    assert bound.status is Status.UNSUPPORTED
    assert bound.message == f"a cap of 0.6 binds: {why}"
    assert not bound.weights.any()
    loose = engine.solve(PROFILES[name].model_validate({"cap": 0.9}), problem)
    assert loose.weights.tobytes() == engine.solve(PROFILES[name](), problem).weights.tobytes()


@pytest.mark.parametrize("library", ["cvxportfolio", "pyportfolioopt", "riskfolio", "skfolio"])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e6])
def test_the_unit_of_returns_changes_nothing(
    random_problem: Callable[[int, int], Problem], library: str, scale: float
) -> None:
    problem = random_problem(8, 1)
    engine, scaled = ENGINES[library](), Problem(problem.mean, problem.covariance * scale)
    found = engine.solve(MinVariance(), scaled)
    assert found.weights == pytest.approx(engine.solve(MinVariance(), problem).weights, abs=1e-6)
    assert found.status in {Status.OPTIMAL, Status.APPROXIMATE}


@pytest.mark.parametrize("library", ["cvxportfolio", "pyportfolioopt", "riskfolio", "skfolio"])
def test_a_hundred_stocks_are_as_tight(large: Any, library: str) -> None:
    problem = large.problem(large.stops[50], n=100)
    best = NATIVE.solve(MinVariance(), problem)
    found = ENGINES[library]().solve(MinVariance(), problem)
    assert found.objective == pytest.approx(best.objective, rel=1e-8)
    assert found.weights == pytest.approx(best.weights, abs=1e-5)


def test_a_riskless_atom_has_no_equal_share_of_risk() -> None:
    problem = Problem(np.zeros(2), np.diag([0.0, 1.0]))
    for library in ("pyportfolioopt", "riskfolio", "skfolio"):
        found = ENGINES[library]().solve(RiskParity(), problem)
        assert found.status in {Status.FAILED, Status.INFEASIBLE, Status.APPROXIMATE}, found
        assert found.status is Status.APPROXIMATE or found.message
