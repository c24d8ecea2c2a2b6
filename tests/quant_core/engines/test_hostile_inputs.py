"""Hostile inputs, by engine and profile: a valid portfolio, or a status that says why not.

Native sees every kind under every profile; the other engines take turns, so that each pair of
engine and profile sees a few and each kind is seen by several. ``HOSTILE_INPUTS=all`` asks all.
"""

from __future__ import annotations

import os
from itertools import product
from typing import Any

import numpy as np
import pytest

from quant_core.engines import ENGINES
from quant_core.engines._certificate import TOLERANCE, certificate, screened
from quant_core.engines._feasible import room_of
from quant_core.profiles import PROFILES, WEIGHTED, Problem, Profile, Solution, Status

from .hostile import KINDS

ALL = os.environ.get("HOSTILE_INPUTS") == "all"
TURNS = 12
CERTIFIED = {Status.OPTIMAL, Status.FALLBACK}
WITHOUT_RESIDUAL = {"equal_weight", "hrp", "market"}


def cases() -> list[Any]:
    found = []
    pairs = [(engine, name) for engine in ENGINES for name in ENGINES[engine]().profiles]
    for (turn, (engine, name)), (at, kind) in product(enumerate(pairs), enumerate(KINDS)):
        if engine == "native" or ALL or (at + turn) % TURNS == 0:
            found.append(pytest.param(engine, name, kind, id=f"{engine}-{name}-{kind}"))
    return found


def asked(name: str, kind: str) -> tuple[Profile, Problem]:
    hostile, model = KINDS[kind], PROFILES[name]
    fields = {key: value for key, value in hostile.fields.items() if key in model.model_fields}
    return model.model_validate(fields), hostile.problem


@pytest.mark.parametrize(("engine", "name", "kind"), cases())
def test_weights_hold_or_the_status_says_why(engine: str, name: str, kind: str) -> None:
    solver = ENGINES[engine]()
    if solver.lack:
        pytest.skip(solver.lack)
    profile, problem = asked(name, kind)
    solution = solver.solve(profile, problem)
    if solution.status in WEIGHTED:
        check_weights(profile, problem, solution)
    else:
        assert solution.message
        assert solution.weights.shape == problem.mean.shape
        assert not solution.weights.any()
    if solution.status in CERTIFIED and name not in WITHOUT_RESIDUAL:
        assert solution.kkt_residual <= TOLERANCE


def check_weights(profile: Profile, problem: Problem, solution: Solution) -> None:
    weights = solution.weights
    assert np.isfinite(weights).all()
    assert weights.min() >= 0
    assert weights.max() <= 1 + 1e-6
    assert weights.sum() <= 1 + 1e-6
    scaled = getattr(profile, "target_volatility", None) is not None
    if scaled and profile.needs_covariance:
        volatility = (weights @ problem.covariance @ weights * problem.periods_per_year) ** 0.5
        assert volatility <= profile.target_volatility * (1 + 1e-9)  # type: ignore[attr-defined] - a constrained profile has it
    elif not scaled:
        off, what = room_of(profile, problem).violation(weights)
        assert off <= 1e-6, what


@pytest.mark.parametrize(
    "name", ["market_neutral", "max_diversification", "max_sharpe", "mean_variance", "min_variance"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_two_certified_optima_are_worth_the_same(name: str, kind: str) -> None:
    """Ties have many optima and one value; two residuals, written apart, agree on what it is."""
    profile, problem = asked(name, kind)
    checked = screened(profile, problem)
    native = ENGINES["native"]().solve(profile, problem)
    scaled = getattr(profile, "target_volatility", None) is not None
    if isinstance(checked, Problem) and native.status in CERTIFIED and not scaled:
        assert certificate(profile, checked, native.weights) <= TOLERANCE
    cvxpy = ENGINES["cvxpy"]()
    other = native if cvxpy.lack else cvxpy.solve(profile, problem)
    if {native.status, other.status} <= CERTIFIED:
        rounding = 1e-12 * float(np.diag(problem.covariance).mean())
        assert other.objective == pytest.approx(native.objective, rel=1e-7, abs=rounding)


def test_every_pair_is_asked_and_there_are_enough() -> None:
    given = [case.values for case in cases()]
    assert len(KINDS) >= 70
    assert len(given) >= 700
    pairs = {(engine, name) for engine in ENGINES for name in ENGINES[engine]().profiles}
    assert {(engine, name) for engine, name, _ in given} == pairs
    assert {kind for engine, _, kind in given if engine != "native"} == set(KINDS)
