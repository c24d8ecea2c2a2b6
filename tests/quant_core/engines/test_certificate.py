"""The residual that judges every engine, and what becomes of raw weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.engines import NativeEngine
from quant_core.engines._certificate import TOLERANCE, certificate, finished, screened
from quant_core.engines._feasible import room_of
from quant_core.engines._optimality import Slope, budget_residual, residual
from quant_core.profiles import PROFILES, Problem, Profile, Status

OPTIMISED = ["max_diversification", "max_sharpe", "mean_variance", "min_variance", "risk_parity"]


def profile_of(name: str, **fields: Any) -> Profile:
    return PROFILES[name].model_validate(fields)


def sampled(n: int, seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((3 * n, 1)) * 0.01 + rng.standard_normal((3 * n, n)) * 0.01
    mean = rng.standard_normal(n) * 1e-3
    mean[0] = abs(mean[0]) + 1e-4
    return Problem(mean, np.cov(rows, rowvar=False), symbols=tuple("ABCDEFGHIJKLMNOP"[:n]))


@pytest.mark.parametrize("name", OPTIMISED)
@pytest.mark.parametrize("cap", [None, 0.3, 0.15])
@pytest.mark.parametrize("seed", range(3))
def test_what_native_certifies_is_certified(name: str, cap: float | None, seed: int) -> None:
    problem, profile = sampled(12, seed), profile_of(name, cap=cap)
    solution = NativeEngine().solve(profile, problem)
    assert solution.kkt_residual <= TOLERANCE
    assert certificate(profile, problem, solution.weights) <= TOLERANCE


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(OPTIMISED),
    cap=st.sampled_from([None, 0.3]),
    seed=st.integers(0, 50),
    pair=st.permutations(range(8)),
    step=st.sampled_from([1e-6, 1e-4, 1e-2]),
)
def test_a_moved_optimum_is_not(
    name: str, cap: float | None, seed: int, pair: list[int], step: float
) -> None:
    problem, profile = sampled(8, seed), profile_of(name, cap=cap)
    weights = NativeEngine().solve(profile, problem).weights.copy()
    giver, taker = pair[0], pair[1]
    step = min(step, weights[giver], (cap or 1.0) - weights[taker])
    weights[giver] -= step
    weights[taker] += step
    if step < 1e-6:
        return
    found = certificate(profile, problem, weights)
    assert found > 10 * TOLERANCE
    assert found < 1e4 * step or name == "risk_parity"


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_residual_is_free_of_scale(scale: float) -> None:
    problem, profile = sampled(8, 1), profile_of("max_sharpe", cap=0.3)
    weights = NativeEngine().solve(profile, problem).weights
    weights = weights * 0.9 + 0.1 / 8
    plain = certificate(profile, problem, weights)
    moved = replace(problem, mean=problem.mean * scale, covariance=problem.covariance * scale**2)
    assert certificate(profile, moved, weights) == pytest.approx(plain, rel=1e-6)


GROUP = {"groups": ({"name": "first", "symbols": ("A", "B"), "least": 0.6},)}
"""Of three assets with variances 1, 1 and 1/2, 0.6 in the first two; without it 1/4, 1/4, 1/2."""


@pytest.mark.parametrize(
    ("name", "fields", "held", "weights", "optimal"),
    [
        ("min_variance", GROUP, None, [0.3, 0.3, 0.4], True),
        ("min_variance", GROUP, None, [0.35, 0.25, 0.4], False),
        ("min_variance", GROUP, None, [0.25, 0.25, 0.5], False),
        ("min_variance", GROUP, None, [0.35, 0.35, 0.3], False),
        ("min_variance", {"minimum": 0.3}, None, [0.3, 0.3, 0.4], True),
        ("min_variance", {"minimum": 0.2}, None, [0.3, 0.3, 0.4], False),
        ("min_variance", {"minimum": 0.1}, None, [0.25, 0.25, 0.5], True),
        ("min_variance", {"turnover": 0.1}, [1.0, 0.0, 0.0], [0.9, 0.0, 0.1], False),
        ("min_variance", {"turnover": 0.1}, [0.6, 0.2, 0.2], [0.5, 0.2, 0.3], True),
        ("min_variance", {"turnover": 0.1}, [0.6, 0.2, 0.2], [0.5, 0.25, 0.25], False),
        ("min_variance", {"turnover": 0.1}, [0.6, 0.2, 0.2], [0.55, 0.2, 0.25], False),
        ("min_variance", {"turnover": 0.9}, [0.6, 0.2, 0.2], [0.25, 0.25, 0.5], True),
        ("market_neutral", {"tolerance": 0.0}, None, [1 / 6, 1 / 2, 1 / 3], True),
        ("market_neutral", {"tolerance": 0.0}, None, [0.25, 0.5, 0.25], False),
        ("market_neutral", {"tolerance": 1.0}, None, [0.25, 0.25, 0.5], True),
        ("equal_weight", {}, None, [1 / 3, 1 / 3, 1 / 3], True),
        ("equal_weight", {}, None, [0.3, 0.3, 0.4], False),
    ],
)
def test_constraints_by_hand(name: str, fields: Any, held: Any, weights: Any, optimal: Any) -> None:
    profile = profile_of(name, **fields)
    problem = Problem(
        np.zeros(3),
        np.diag([1.0, 1.0, 0.5]),
        symbols=("A", "B", "C"),
        held=None if held is None else np.array(held),
        beta=np.array([1.0, -1.0, 1.0]),
    )
    found = certificate(profile, problem, np.array(weights))
    assert found <= 1e-12 if optimal else found > 1e-3


@pytest.mark.parametrize(
    ("fields", "held", "optimum", "short"),
    [
        (GROUP, None, [0.3, 0.3, 0.4], [0.300002, 0.300002, 0.399996]),
        ({"turnover": 0.1}, [0.6, 0.2, 0.2], [0.5, 0.2, 0.3], [0.500002, 0.2, 0.299998]),
    ],
)
def test_a_bound_that_is_not_reached_has_no_price(
    fields: Any, held: Any, optimum: Any, short: Any
) -> None:
    """Beside the face of an active bound the gradient is still normal to it."""
    profile = profile_of("min_variance", **fields)
    problem = Problem(
        np.zeros(3),
        np.diag([1.0, 1.0, 0.5]),
        symbols=("A", "B", "C"),
        held=None if held is None else np.array(held),
    )
    assert certificate(profile, problem, np.array(optimum)) <= 1e-12
    assert 1e-7 < certificate(profile, problem, np.array(short)) < 1e-4


def test_weights_that_break_the_budget_are_no_optimum() -> None:
    room = room_of(profile_of("min_variance"), Problem(np.zeros(2), np.eye(2)))
    slope = Slope(np.array([1.0, 1.0]), np.ones(2))
    assert residual(room, np.array([0.5, 0.5]), slope) == 0.0
    assert residual(room, np.array([0.45, 0.45]), slope) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("cap", "contributions", "expected"),
    [
        (1.0, [1.0, 1.0], 0.0),
        (1.0, [1.0, 3.0], 0.5),
        (0.6, [2.0, 1.0], 0.0),
        (0.6, [1.0, 2.0], 1.0),
        (0.6 + 1e-10, [2.0, 1.0], 1e-10),
    ],
)
def test_only_a_cap_may_hold_a_contribution_back(
    cap: float, contributions: Any, expected: float
) -> None:
    found = budget_residual(cap, np.array([0.4, 0.6]), np.array(contributions))
    assert found == pytest.approx(expected, abs=1e-15, rel=1e-5)


def test_what_is_not_a_number_proves_nothing() -> None:
    problem = Problem(np.array([np.nan, 0.1]), np.eye(2))
    profile = profile_of("mean_variance")
    assert certificate(profile, problem, np.array([0.5, 0.5])) == np.inf
    falling = Problem(np.array([-0.1, -0.2]), np.eye(2))
    assert certificate(profile_of("max_sharpe"), falling, np.array([0.5, 0.5])) == np.inf


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([0.75, 0.25 + 1e-5], "violate the sum of the weights by 1.0e-05"),
        ([1.00001, -0.00001], "violate"),
        ([0.75, np.nan], "expected 2 finite weights, found 1 finite of 2"),
        ([0.75, 0.2, 0.05], "expected 2 finite weights, found 3 finite of 3"),
    ],
)
def test_raw_weights_that_are_refused(raw: Any, words: str) -> None:
    problem = Problem(np.zeros(2), np.diag([1.0, 3.0]))
    solution = finished(profile_of("min_variance"), problem, np.array(raw), solver="their own")
    assert (solution.status, solution.weights.tolist()) == (Status.FAILED, [0.0, 0.0])
    assert words in solution.message
    assert solution.message.startswith("their own: ")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ([0.75, 0.25], Status.OPTIMAL),
        ([0.75 + 1e-11, 0.25], Status.OPTIMAL),
        ([0.75 + 5e-7, 0.25], Status.APPROXIMATE),
        ([0.5, 0.5], Status.APPROXIMATE),
        ([1 + 1e-7, -1e-7], Status.APPROXIMATE),
    ],
)
def test_raw_weights_that_are_cleaned(raw: Any, status: Status) -> None:
    problem = Problem(np.zeros(2), np.diag([1.0, 3.0]), 0.0, 0.25, 3.0)
    solution = finished(
        profile_of("min_variance"), problem, np.array(raw), solver="clarabel", chain=("ecos: none",)
    )
    assert solution.status is status
    assert solution.weights.min() >= 0
    assert abs(solution.weights.sum() - 1) <= 1e-15
    assert (solution.kkt_residual <= TOLERANCE) is (status is Status.OPTIMAL)
    assert (solution.solver, solution.fallback_chain) == ("clarabel", ("ecos: none",))
    assert (solution.shrinkage, solution.condition_number) == (0.25, 3.0)
    assert solution.objective == pytest.approx(solution.weights**2 @ [1, 3])


def test_the_rest_is_cash_at_a_target_volatility() -> None:
    problem = Problem(np.zeros(2), np.diag([1.0, 3.0]) * 1e-4)
    profile = profile_of("min_variance", target_volatility=0.05)
    solution = finished(profile, problem, np.array([0.75, 0.25]), solver="clarabel")
    volatility = (0.75e-4 * 252) ** 0.5
    np.testing.assert_allclose(solution.weights, np.array([0.75, 0.25]) * 0.05 / volatility)
    assert (solution.weights @ problem.covariance @ solution.weights * 252) ** 0.5 <= 0.05 + 1e-12
    assert solution.status is Status.OPTIMAL
    calm = profile_of("min_variance", target_volatility=1.0)
    assert finished(calm, problem, np.array([0.75, 0.25]), solver="x").weights.sum() == 1.0


def test_hrp_optimises_nothing_so_a_peer_is_not_certified() -> None:
    problem = Problem(np.zeros(2), np.diag([1.0, 3.0]))
    solution = finished(profile_of("hrp"), problem, np.array([0.75, 0.25]), solver="theirs")
    assert solution.status is Status.APPROXIMATE
    assert np.isnan(solution.kkt_residual)


BOTH = {"groups": ({"name": "a", "symbols": ("A",), "least": 0.9},), "turnover": 0.1}


@pytest.mark.parametrize(
    ("fields", "changes", "status", "words"),
    [
        ({}, {"covariance": np.eye(2)}, Status.FAILED, "shape (3, 3), found (2, 2)"),
        ({}, {"covariance": np.diag([1, -1, 1])}, Status.FAILED, "negative variance"),
        ({}, {"covariance": np.full((3, 3), np.nan)}, Status.FAILED, "not finite"),
        ({}, {"mean": np.array([0, np.inf, 0])}, Status.FAILED, "not finite"),
        ({}, {"covariance": np.eye(3) + np.eye(3, k=1)}, Status.FAILED, "not symmetric"),
        ({}, {"covariance": 2 * np.eye(3) - 1}, Status.FAILED, "not positive semidefinite"),
        ({"cap": 0.3}, {}, Status.INFEASIBLE, "cap of 0.3 on 3 atoms"),
        ({"minimum": 0.4}, {}, Status.INFEASIBLE, "minimum of 0.4 on 3 atoms"),
        ({"minimum": 0.3, "cap": 0.31}, {}, Status.INFEASIBLE, "cap of 0.31"),
        ({"turnover": 0.1}, {"held_outside": 0.3}, Status.INFEASIBLE, "outside the selection"),
        (BOTH, {}, Status.INFEASIBLE, "group a, turnover together"),
        (GROUP, {"symbols": ()}, Status.FAILED, "a symbol for each of 3 atoms, found 0"),
        ({"turnover": 0.1}, {"held": np.zeros(2)}, Status.FAILED, "what is held of each of 3"),
    ],
)
def test_problems_that_are_refused(
    fields: Any, changes: dict[str, Any], status: Status, words: str
) -> None:
    problem = Problem(np.zeros(3), np.eye(3), symbols=("A", "B", "C"), held=np.full(3, 1 / 3))
    found = screened(profile_of("min_variance", **fields), replace(problem, **changes))
    assert isinstance(found, tuple)
    assert found[0] is status
    assert words in found[1]


def test_problems_that_pass() -> None:
    profile = profile_of("min_variance", cap=1 / 3 - 1e-12)
    problem = Problem(np.zeros(3), np.asfortranarray(np.eye(3, dtype=np.float32)))
    found = screened(profile, problem)
    assert isinstance(found, Problem)
    assert found.covariance.flags.c_contiguous
    assert found.covariance.dtype == np.float64
    assert certificate(profile, found, np.full(3, 1 / 3)) <= 1e-12
    empty = Problem(np.zeros(0), np.zeros((0, 0)))
    assert screened(profile, empty) == (Status.EMPTY, "nothing is selected")
    assert isinstance(
        screened(profile_of("market"), Problem(np.zeros(2), np.zeros((0, 0)))), Problem
    )
