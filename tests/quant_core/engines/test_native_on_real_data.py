"""Every profile on every window of real prices: certified, and the same bytes warm or cold."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.engines import NativeEngine
from quant_core.profiles import PROFILES, Problem, Profile, Solution, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

SOLVED = {Status.OPTIMAL, Status.FALLBACK}
RISK = ["max_diversification", "max_sharpe", "mean_variance", "min_variance", "risk_parity"]


def make(name: str, cap: float | None) -> Profile:
    return PROFILES[name].model_validate({"cap": cap})


def kkt(profile: Profile, problem: Problem, w: np.ndarray) -> float:
    """The optimality conditions, written out per profile and independent of the solver's own."""
    cap = getattr(profile, "cap", None) or 1.0
    risk = problem.covariance @ w
    if profile.name == "risk_parity":
        share = (w * risk)[w < cap]
        return float(share.max() / share.min() - 1)
    variance = float(w @ risk)
    volatility = np.sqrt(np.diag(problem.covariance))
    slope = {
        "min_variance": risk,
        "mean_variance": getattr(profile, "risk_aversion", 1.0) * risk - problem.mean,
        "max_sharpe": risk - problem.mean * variance / (problem.mean @ w),
        "max_diversification": risk - volatility * variance / (volatility @ w),
    }[profile.name]
    return float(max(0.0, slope[w > 0].max() - slope[w < cap].min()) / np.abs(risk[w > 0]).max())


def check(profile: Profile, problem: Problem, solution: Solution) -> None:
    weights = solution.weights
    if solution.status is Status.INFEASIBLE:
        assert profile.name == "max_sharpe"
        assert not weights.any()
        assert "positive excess mean" in solution.message
        return
    assert solution.status in SOLVED, solution
    assert weights.min() >= 0
    assert weights.max() <= (getattr(profile, "cap", None) or 1.0)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.isfinite(solution.objective)
    assert solution.shrinkage == problem.shrinkage
    if profile.name == "hrp":
        assert np.isnan(solution.kkt_residual)
    else:
        assert solution.kkt_residual <= 1e-9
        assert kkt(profile, problem, weights) <= 1e-9


def facts(solution: Solution) -> bytes:
    return repr([getattr(solution, one.name) for one in fields(solution)[1:]]).encode()


def walk(profile: Profile, problems: Sequence[Problem]) -> list[Solution]:
    """Solve window after window, warm, and compare each with its cold twin."""
    engine, warm, found = NativeEngine(), None, []
    for problem in problems:
        solution = engine.solve(profile, problem, warm=warm)
        cold = engine.solve(profile, problem)
        assert solution.weights.tobytes() == cold.weights.tobytes()
        assert facts(solution) == facts(cold)
        check(profile, problem, solution)
        warm = solution.weights
        found.append(solution)
    return found


@pytest.mark.parametrize("cap", [None, 0.1])
@pytest.mark.parametrize("name", [*RISK, "hrp"])
def test_twenty_stocks_on_every_window(small: Any, name: str, cap: float | None) -> None:
    found = walk(make(name, cap), [small.problem(stop) for stop in small.stops])
    assert len(found) == 384
    infeasible = {None: 0, 0.1: 5}[cap] if name == "max_sharpe" else 0
    assert [one.status for one in found].count(Status.OPTIMAL) == 384 - infeasible


@pytest.mark.parametrize("cap", [0.5, 0.06])
@pytest.mark.parametrize("name", [*RISK, "hrp"])
def test_twenty_stocks_under_loose_and_tight_caps(small: Any, name: str, cap: float) -> None:
    walk(make(name, cap), [small.problem(stop) for stop in small.stops[::5]])


@pytest.mark.parametrize("covariance", ["ledoit_wolf", "sample", "ewma"])
@pytest.mark.parametrize("cap", [None, 0.02])
@pytest.mark.parametrize("name", [*RISK, "hrp"])
def test_more_stocks_than_days(large: Any, name: str, cap: float | None, covariance: str) -> None:
    problems = [large.problem(stop, covariance) for stop in large.stops[::36]]
    found = walk(make(name, cap), problems)
    assert all(one.status is Status.OPTIMAL for one in found)


@pytest.mark.parametrize("name", RISK)  # hrp halves an order of leaves that follows their numbers
def test_order_of_the_columns_permutes_the_weights(small: Any, name: str) -> None:
    engine = NativeEngine()
    order = np.random.default_rng(3).permutation(20)
    for cap in (None, 0.1):
        for stop in small.stops[::40]:
            problem = small.problem(stop)
            moved = Problem(problem.mean[order], problem.covariance[np.ix_(order, order)])
            plain = engine.solve(make(name, cap), problem).weights
            permuted = engine.solve(make(name, cap), moved).weights
            np.testing.assert_allclose(permuted, plain[order], atol=1e-10)


@pytest.mark.parametrize("name", ["max_sharpe", "mean_variance", "min_variance", "risk_parity"])
def test_against_clarabel(small: Any, name: str) -> None:
    """Against an interior-point solver: never worse than it, and equal to its own accuracy."""
    cvxpy = pytest.importorskip("cvxpy", reason="cvxpy is an extra")
    for cap in (1.0, 0.1):
        profile = make(name, cap)
        for stop in small.stops[::60]:
            problem = small.problem(stop)
            mine = NativeEngine().solve(profile, problem)
            if mine.status is Status.INFEASIBLE or (name == "risk_parity" and cap < 1):
                continue
            peer = solve_with_clarabel(cvxpy, name, problem, cap)
            sense = -1 if name in {"max_sharpe", "mean_variance"} else 1
            reached, best = (score(name, problem, w) for w in (mine.weights, peer))
            gap = sense * (reached - best) / abs(best)
            assert -1e-5 < gap < 1e-9
            np.testing.assert_allclose(mine.weights, peer, atol=1e-3)


def score(name: str, problem: Problem, w: np.ndarray) -> float:
    variance = float(w @ problem.covariance @ w)
    return {
        "min_variance": variance,
        "risk_parity": np.log(variance) / 2 - np.log(np.maximum(w, 1e-300)).mean(),
        "max_sharpe": problem.mean @ w / np.sqrt(variance),
        "mean_variance": problem.mean @ w - 2.5 * variance,
    }[name]


def solve_with_clarabel(cvxpy: Any, name: str, problem: Problem, cap: float) -> np.ndarray:
    scale = np.trace(problem.covariance) / 20
    risk = cvxpy.psd_wrap(problem.covariance / scale)
    x, total = cvxpy.Variable(20, nonneg=True), cvxpy.Variable(nonneg=True)
    variance = cvxpy.quad_form(x, risk)
    bounds = [cvxpy.sum(x) == total, x <= cap * total]
    objective, extra = {
        "min_variance": (variance, [total == 1]),
        "mean_variance": (2.5 * variance - (problem.mean / scale) @ x, [total == 1]),
        "max_sharpe": (variance, [(problem.mean / np.abs(problem.mean).max()) @ x == 1]),
        "risk_parity": (variance / 2 - cvxpy.sum(cvxpy.log(x)) / 20, []),
    }[name]
    cvxpy.Problem(cvxpy.Minimize(objective), [*bounds, *extra]).solve(solver="CLARABEL")
    weights = np.maximum(x.value, 0)
    return np.asarray(weights / weights.sum())
