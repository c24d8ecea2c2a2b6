"""Searches over sets at bounds: they end where the old ways went round, and at the same weights."""

from __future__ import annotations

import numpy as np
import pytest

from quant_core.engines import NativeEngine
from quant_core.engines._certificate import certificate
from quant_core.engines.native import _active_set as kernels
from quant_core.engines.native._capped_ratio import price_of, richest
from quant_core.engines.native._polytope import polytope_of
from quant_core.engines.native._quadratic import leap, minimise, near
from quant_core.profiles import (
    PROFILES,
    Group,
    MaxDiversification,
    MaxSharpe,
    MinVariance,
    Problem,
    Status,
)


def drawn(n: int, seed: int, calm: float = 1.0) -> Problem:
    """Return estimates of n assets with a market factor, the last one of `calm` times the risk."""
    random = np.random.default_rng(seed)
    values = random.normal(0, 0.01, (252, 1)) * random.uniform(0.5, 1.5, n)
    values += random.normal(0.0015, 0.012, (252, n))
    values[:, -1] *= calm
    symbols = tuple(f"S{number}" for number in range(n))
    return Problem(values.mean(axis=0), np.cov(values.T), symbols=symbols)


@pytest.mark.parametrize("cap", [0.03, 0.1, 0.2, 0.5])
@pytest.mark.parametrize("model", [MaxSharpe, MaxDiversification])
@pytest.mark.parametrize("seed", range(3))
def test_a_capped_ratio_with_an_asset_that_is_all_but_cash(
    model: type[MaxSharpe | MaxDiversification], cap: float, seed: int
) -> None:
    profile, problem = model(cap=cap), drawn(60, seed, calm=0.05)
    found = NativeEngine().solve(profile, problem)
    assert found.status is Status.OPTIMAL
    assert found.weights.max() <= cap
    assert certificate(profile, problem, found.weights) <= 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_last_windows_weights_leave_no_trace_in_a_capped_ratio(seed: int) -> None:
    profile, problem = MaxSharpe(cap=0.1), drawn(40, seed)
    cold = NativeEngine().solve(profile, problem)
    before = NativeEngine().solve(profile, drawn(40, seed + 100)).weights
    for warm in (before, cold.weights, np.full(40, 1 / 40)):
        again = NativeEngine().solve(profile, problem, warm=warm)
        assert again.weights.tobytes() == cold.weights.tobytes()
        assert (again.status, again.solver) == (cold.status, cold.solver)


@pytest.mark.parametrize("start", ["richest", "equal", "corner"])
@pytest.mark.parametrize("cap", [0.05, 0.125, 0.5])
def test_the_ascent_ends_at_the_optimum_from_anywhere(start: str, cap: float) -> None:
    problem = drawn(20, 7, calm=0.02)
    matrix, reward = problem.covariance, np.sqrt(problem.covariance.diagonal())
    corner = np.zeros(20)
    corner[: round(1 / cap)] = cap
    first = {"richest": richest(reward, cap), "equal": np.full(20, 0.05), "corner": corner}[start]
    x = kernels.ratio_ascent(matrix, reward, cap, first, 500)
    residual, _ = kernels.residual(matrix, price_of(matrix, reward, x) * reward, cap, x)
    assert residual <= 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_pivots_from_the_relaxed_solution_and_daqp_agree(seed: int) -> None:
    problem = drawn(40, seed)
    groups = (
        Group(name="a", symbols=problem.symbols[:10], least=0.4),
        Group(name="b", symbols=problem.symbols[10:20], most=0.1),
    )
    profile = MinVariance(groups=groups, minimum=0.002, cap=0.2)
    polytope = polytope_of(profile, problem)
    relaxed = NativeEngine().solve(MinVariance(), problem).weights
    nothing = np.zeros(40)
    close = near(relaxed, polytope)
    assert close is not None
    pivoted = minimise(problem.covariance, nothing, polytope, close)
    cold = minimise(problem.covariance, nothing, polytope)
    assert np.abs(pivoted.weights - cold.weights).max() <= 1e-9
    best = leap(problem.covariance, np.ones(40), polytope, close)
    # The ratio of equal rewards is least variance.
    assert best is not None
    assert np.abs(best.weights - cold.weights).max() <= 1e-9


FLAWED = {
    "not symmetric": np.array([[1.0, 0.5, 0], [0.1, 1, 0], [0, 0.3, 1]]),
    "not positive semidefinite": np.array([[1.0, -2, 0], [-2, 1, 0], [0, 0, 1]]),
}


@pytest.mark.parametrize("flaw", FLAWED)
@pytest.mark.parametrize("name", ["hrp", "max_sharpe", "mean_variance", "min_variance"])
def test_a_flawed_covariance_is_refused(name: str, flaw: str) -> None:
    problem = Problem(np.array([1e-3, 2e-3, 3e-3]), FLAWED[flaw])
    found = NativeEngine().solve(PROFILES[name](), problem)
    assert found.status is Status.FAILED
    assert flaw in found.message
    assert not found.weights.any()


@pytest.mark.parametrize("off", [1e-13, -1e-13])
def test_rounding_is_no_flaw(off: float) -> None:
    covariance = np.ones((3, 3)) + off * np.eye(3)
    covariance[0, 1] += 1e-13
    found = NativeEngine().solve(MinVariance(), Problem(np.zeros(3), covariance))
    assert found.status in {Status.OPTIMAL, Status.FALLBACK}
