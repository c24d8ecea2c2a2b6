"""Problems small enough to solve by hand, and those that have no answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.covariance import CovarianceSpec, RollingCovariance
from quant_core.engines import ENGINES, EngineSpec, NativeEngine
from quant_core.engines.native import _box
from quant_core.profiles import PROFILES, Problem, Profile, Solution, Status

OPTIMISED = ["max_diversification", "max_sharpe", "mean_variance", "min_variance", "risk_parity"]


def solve(name: str, covariance: Any, mean: Any = None, **fields: Any) -> Solution:
    matrix = np.asarray(covariance, dtype=float)
    returns = np.full(len(matrix), 0.01) if mean is None else np.asarray(mean, dtype=float)
    market = {"beta": np.zeros(len(matrix)), "market": np.tile([0.01, -0.005], 20)}
    problem = Problem(returns, matrix, **market)
    return NativeEngine().solve(PROFILES[name].model_validate(fields), problem)


@pytest.mark.parametrize(
    ("name", "fields", "covariance", "mean", "expected", "objective"),
    [
        ("equal_weight", {}, np.eye(4), None, [0.25] * 4, np.nan),
        ("market", {}, np.eye(2), None, [0.5, 0.5], np.nan),
        ("min_variance", {}, np.diag([1.0, 3.0]), None, [0.75, 0.25], 0.75),
        ("min_variance", {"cap": 0.6}, np.diag([1.0, 3.0]), None, [0.6, 0.4], 0.84),
        ("min_variance", {}, [[1, 1.2], [1.2, 2]], None, [1.0, 0.0], 1.0),
        ("min_variance", {"cap": 0.4}, np.diag([1, 2, 4]), None, [0.4, 0.4, 0.2], 0.64),
        ("max_sharpe", {}, np.diag([1.0, 2.0]), [0.1, 0.2], [0.5, 0.5], 0.15 / 0.75**0.5),
        ("max_sharpe", {}, np.eye(2), [0.1, -0.2], [1.0, 0.0], 0.1),
        ("max_sharpe", {"cap": 0.5}, np.eye(2), [0.3, 0.1], [0.5, 0.5], 0.2 / 0.5**0.5),
        ("max_diversification", {}, np.diag([1.0, 4.0]), None, [2 / 3, 1 / 3], 2**0.5),
        ("mean_variance", {"risk_aversion": 1}, np.eye(2), [0.5, 0.1], [0.7, 0.3], 0.09),
        ("mean_variance", {"risk_aversion": 1}, np.eye(2), [5, 0], [1, 0], 4.5),
        ("mean_variance", {"risk_aversion": 1, "cap": 0.6}, np.eye(2), [5, 0], [0.6, 0.4], 2.74),
        ("risk_parity", {}, np.diag([1.0, 4.0]), None, [2 / 3, 1 / 3], (8 / 9) ** 0.5),
        ("risk_parity", {"cap": 0.5}, np.diag([1.0, 4.0]), None, [0.5, 0.5], 1.25**0.5),
        ("risk_parity", {"cap": 0.4}, np.diag([1, 4, 4.0]), None, [0.4, 0.3, 0.3], 0.88**0.5),
        ("hrp", {}, np.diag([1.0, 3.0]), None, [0.75, 0.25], 0.75**0.5),
        ("hrp", {"cap": 0.6}, np.diag([1.0, 3.0]), None, [0.6, 0.4], 0.84**0.5),
    ],
)
def test_by_hand(
    name: str, fields: Any, covariance: Any, mean: Any, expected: Any, objective: float
) -> None:
    solution = solve(name, covariance, mean, **fields)
    assert solution.status is Status.OPTIMAL
    np.testing.assert_allclose(solution.weights, expected, atol=1e-12)
    assert solution.objective == pytest.approx(objective, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", NativeEngine().profiles)
def test_one_atom_takes_all(name: str) -> None:
    solution = solve(name, [[0.04]])
    assert solution.weights.tolist() == [1.0]
    assert solution.status is Status.OPTIMAL


@pytest.mark.parametrize("name", NativeEngine().profiles)
def test_no_atom_is_empty(name: str) -> None:
    solution = NativeEngine().solve(PROFILES[name](), Problem(np.zeros(0), np.zeros((0, 0))))
    assert (solution.status, len(solution.weights)) == (Status.EMPTY, 0)


@pytest.mark.parametrize("name", [*OPTIMISED, "hrp"])
@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (0, 2), (2, 1)])
def test_what_is_not_finite_fails(name: str, hole: float, place: tuple[int, int]) -> None:
    covariance = np.eye(3)
    covariance[place] = hole
    for solution in (solve(name, covariance), solve(name, np.eye(3), [0.1, hole, 0.1])):
        assert solution.status is Status.FAILED
        assert "not finite" in solution.message
        assert not solution.weights.any()


@pytest.mark.parametrize("name", [*OPTIMISED, "hrp"])
def test_a_cap_that_cannot_hold_a_portfolio(name: str) -> None:
    solution = solve(name, np.eye(4), cap=0.2)
    assert solution.status is Status.INFEASIBLE
    assert "cap of 0.2 on 4 atoms" in solution.message
    assert solve(name, np.diag([1.0, 2, 3, 4]), cap=0.25).weights.tolist() == [0.25] * 4


@pytest.mark.parametrize(
    ("covariance", "mean", "words"),
    [
        (np.eye(2), [-0.1, 0.0], "no feasible portfolio has a positive excess mean"),
        (np.diag([0.0, 1.0]), [0.1, 0.1], "ratio is unbounded"),
        ([[1, -1], [-1, 1]], [0.1, 0.1], "ratio is unbounded"),
    ],
)
def test_sharpe_without_a_maximum(covariance: Any, mean: Any, words: str) -> None:
    solution = solve("max_sharpe", covariance, mean)
    assert solution.status is Status.INFEASIBLE
    assert words in solution.message


def test_diversification_without_a_maximum() -> None:
    hedged = [[1, -1, 0], [-1, 1, 0], [0, 0, 1]]
    solution = solve("max_diversification", hedged)
    assert solution.status is Status.INFEASIBLE
    assert "ratio is unbounded" in solution.message
    capped = solve("max_diversification", hedged, cap=0.4)
    assert capped.status is Status.FALLBACK
    assert capped.weights.tolist() == pytest.approx([0.4, 0.4, 0.2])


def test_the_risk_free_rate_is_taken_off() -> None:
    problem = Problem(np.array([0.1, 0.2]), np.eye(2), risk_free=0.1)
    solution = NativeEngine().solve(PROFILES["max_sharpe"](), problem)
    np.testing.assert_allclose(solution.weights, [0.0, 1.0])
    assert solution.objective == pytest.approx(0.1)


def test_perfect_hedges_have_no_variance() -> None:
    solution = solve("min_variance", [[1, -1], [-1, 1]])
    np.testing.assert_allclose(solution.weights, [0.5, 0.5], atol=1e-9)
    assert solution.objective == pytest.approx(0.0, abs=1e-12)
    assert solve("risk_parity", [[1, -1], [-1, 1]]).status is Status.FAILED


def test_atoms_without_variance() -> None:
    covariance = np.diag([0.0, 1.0, 0.0])
    assert solve("min_variance", covariance).weights.tolist() == [0.5, 0.0, 0.5]
    assert "asset 0 has no variance" in solve("risk_parity", covariance).message
    assert "asset 0 has no variance" in solve("max_diversification", covariance).message
    assert solve("hrp", covariance).status is Status.OPTIMAL


@pytest.mark.parametrize("name", [*OPTIMISED, "hrp"])
@pytest.mark.parametrize("cap", [None, 0.5])
def test_identical_assets(name: str, cap: float | None) -> None:
    solution = solve(name, np.full((4, 4), 0.04), cap=cap)
    assert solution.status in {Status.OPTIMAL, Status.FALLBACK}
    assert solution.weights.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", [*OPTIMISED, "hrp"])
@pytest.mark.parametrize("cap", [None, 0.3])
def test_scale_is_free(random_problem: Any, name: str, cap: float | None) -> None:
    problem = random_problem(12)
    profile = PROFILES[name].model_validate({"cap": cap})
    plain = NativeEngine().solve(profile, problem).weights
    for scale in (1e-12, 1e12):
        mean = problem.mean * (scale**2 if name == "mean_variance" else scale)
        moved = NativeEngine().solve(profile, Problem(mean, problem.covariance * scale**2))
        assert moved.status is Status.OPTIMAL
        np.testing.assert_allclose(moved.weights, plain, atol=1e-10)


def test_the_proven_solver_stands_behind(random_problem: Any, monkeypatch: Any) -> None:
    """With the native searches taken away, DAQP finds the sets and they are solved natively."""
    problem = random_problem(15)
    profile = PROFILES["mean_variance"].model_validate({"cap": 0.2})
    expected = NativeEngine().solve(profile, problem).weights
    searches = _box._searches  # noqa: SLF001 - the chain is what is tested
    monkeypatch.setattr(_box, "_searches", lambda *args: searches(*args)[-1:])
    solution = NativeEngine().solve(profile, problem)
    assert solution.weights.tobytes() == expected.tobytes()


def test_the_chain_says_what_was_left(monkeypatch: Any) -> None:
    monkeypatch.setattr(_box, "_daqp", lambda matrix, *_: np.eye(len(matrix))[0])
    monkeypatch.setattr(_box.kernels, "box_descent", lambda *args: np.eye(len(args[0]))[0])
    monkeypatch.setattr(_box, "_PIVOTS", 0)
    solution = solve("mean_variance", np.diag([1.0, 2.0, 3.0]))
    assert solution.status is Status.FAILED
    assert [link.split(":")[0] for link in solution.fallback_chain] == [
        "primal_dual_active_set",
        "pairwise_descent",
        "daqp",
    ]
    assert all("residual" in link for link in solution.fallback_chain)


def test_an_unknown_profile_is_unsupported() -> None:
    solution = NativeEngine().solve(Profile(name="martingale"), Problem(np.zeros(2), np.eye(2)))
    assert solution.status is Status.UNSUPPORTED
    assert "'martingale'" in solution.message


def test_registry_and_code_modules_are_narrow() -> None:
    engine = ENGINES[EngineSpec().name]()
    assert (engine.name, next(iter(ENGINES))) == ("native", "native")
    modules = {name: set(engine.code_modules(PROFILES[name]())) for name in engine.profiles}
    here = "quant_core.engines.native."
    assert f"{here}_hierarchy" in modules["hrp"]
    assert all(f"{here}_hierarchy" not in modules[name] for name in OPTIMISED)
    assert modules["risk_parity"].isdisjoint({f"{here}_active_set", f"{here}_hrp"})
    assert f"{here}_nonnegative" not in modules["mean_variance"]
    assert modules["equal_weight"] == {f"{here}{name}" for name in ("_naive", "_outcome", "_room")}


@pytest.mark.parametrize("name", NativeEngine().profiles)
def test_code_modules_are_what_the_solver_imports(name: str) -> None:
    """The declared modules are closed under imports, so that no edit escapes a cell's key."""
    import sys  # noqa: PLC0415 - the imported modules are what is looked at

    here = "quant_core.engines.native."
    declared = set(NativeEngine().code_modules(PROFILES[name]()))
    for module in declared:
        __import__(module)
        used = {
            getattr(value, "__module__", None) or getattr(value, "__name__", "")
            for value in vars(sys.modules[module]).values()
        } | {getattr(value, "__name__", "") for value in vars(sys.modules[module]).values()}
        assert {one for one in used if str(one).startswith(here)} <= declared


@st.composite
def hostile(draw: Any) -> Problem:
    n, rows = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    cells = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0, 1.0 + 1e-9, 1e-6])
    sample = np.array(draw(st.lists(cells, min_size=n * rows, max_size=n * rows))).reshape(rows, n)
    scale = draw(st.sampled_from([1e-24, 1.0, 1e24]))
    mean = np.array(draw(st.lists(cells, min_size=n, max_size=n)))
    return Problem(mean * scale**0.5, sample.T @ sample * scale / rows)


@settings(max_examples=100, deadline=None)
@given(problem=hostile(), cap=st.sampled_from([None, 1.0, 0.5, 0.25]), data=st.data())
def test_hostile_problems_end_in_a_certificate_or_a_reason(
    problem: Problem, cap: float | None, data: Any
) -> None:
    n = len(problem.mean)
    warm = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5]), min_size=n, max_size=n)))
    for name in [*OPTIMISED, "hrp"]:
        profile = PROFILES[name].model_validate({"cap": cap})
        solution = NativeEngine().solve(profile, problem)
        assert repr(NativeEngine().solve(profile, problem, warm=warm)) == repr(solution)
        if solution.status in {Status.OPTIMAL, Status.FALLBACK}:
            assert solution.weights.min() >= 0
            assert abs(solution.weights.sum() - 1) <= 1e-6
            assert name == "hrp" or solution.kkt_residual <= 1e-9
            assert np.isfinite(solution.objective)
        else:
            assert solution.message
            assert not solution.weights.any()


@pytest.mark.parametrize("name", OPTIMISED)
def test_what_is_known_of_the_estimates_leaves_no_trace(name: str) -> None:
    drawn = np.random.default_rng(3).normal(0.01, 0.1, (60, 8))
    mean, matrix = drawn.mean(axis=0), np.cov(drawn, rowvar=False)
    other = np.cov(drawn[:30], rowvar=False)
    known: dict[Any, Any] = {}
    for covariance in (matrix, other, matrix):
        for fields in ({}, {"cap": 0.3}, {"cap": 0.2}):
            profile = PROFILES[name].model_validate(
                fields if "cap" in PROFILES[name].model_fields else {}
            )
            alone = NativeEngine().solve(profile, Problem(mean, covariance))
            found = NativeEngine().solve(profile, Problem(mean, covariance, known=known))
            assert alone.status is Status.OPTIMAL
            assert found.weights.tobytes() == alone.weights.tobytes()
            assert (found.solver, found.objective) == (alone.solver, alone.objective)
            found.weights[:] = np.nan
    assert known


def test_what_is_known_of_the_estimates_is_not_searched_again() -> None:
    values = np.random.default_rng(3).normal(0.01, 0.1, (60, 8))
    rolling = RollingCovariance(values, np.repeat(np.arange(3), 20))
    estimate = rolling.estimate(CovarianceSpec.model_validate("sample"), slice(0, 60), np.arange(8))
    known: dict[Any, Any] = {}
    problem = Problem(estimate.mean, estimate.covariance, known=known)
    NativeEngine().solve(PROFILES["max_sharpe"].model_validate({}), problem)
    first = dict(known)
    NativeEngine().solve(PROFILES["max_sharpe"].model_validate({"cap": 0.2}), problem)
    assert {name for name, *_ in first} == {"flaw", "plain", "ratio", "survey"}
    assert known.keys() == first.keys()
    assert all(known[name] is first[name] for name in first)
