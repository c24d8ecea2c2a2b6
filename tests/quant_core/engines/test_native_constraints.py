"""Constraints beyond a cap: by hand, against cvxpy, and where they contradict each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.engines import NativeEngine
from quant_core.engines.native._polytope import polytope_of
from quant_core.engines.native._quadratic import minimise, residual
from quant_core.profiles import PROFILES, WEIGHTED, MinVariance, Problem, Solution, Status

ENGINE = NativeEngine()
LETTERS = "ABCDEFGHIJ"


def problem(covariance: Any, mean: Any = None, **known: Any) -> Problem:
    matrix = np.asarray(covariance, dtype=float)
    n = len(matrix)
    for name in ("held", "beta"):
        if name in known:
            known[name] = np.array(known[name], dtype=float)
    given_mean = np.full(n, 0.01) if mean is None else np.array(mean, dtype=float)
    return Problem(given_mean, matrix, **{"symbols": tuple(LETTERS[:n]), **known})


def solve(name: str, given_problem: Problem, **fields: Any) -> Solution:
    return ENGINE.solve(PROFILES[name].model_validate(fields), given_problem)


def group(symbols: str, **bounds: float) -> dict[str, Any]:
    return {"name": symbols, "symbols": list(symbols), **bounds}


@pytest.mark.parametrize(
    ("name", "fields", "known", "expected", "solver"),
    [
        ("min_variance", {"minimum": 0.3}, problem(np.diag([1, 3])), [0.7, 0.3], "dual"),
        ("min_variance", {"minimum": 0.2}, problem(np.diag([1, 3])), [0.75, 0.25], "active_set"),
        (
            "min_variance",
            {"groups": [group("A", most=0.2)]},
            problem(np.eye(3)),
            [0.2, 0.4, 0.4],
            "dual",
        ),
        (
            "min_variance",
            {"groups": [group("C", least=0.5), group("AB", most=0.9)]},
            problem(np.eye(3)),
            [0.25, 0.25, 0.5],
            "dual",
        ),
        # Short and long atoms of a symbol count alike.
        (
            "min_variance",
            {"groups": [group("A", most=0.2)]},
            problem(np.eye(3), symbols=("A", "A", "B")),
            [0.1, 0.1, 0.8],
            "dual",
        ),
        ("min_variance", {"turnover": 0.2}, problem(np.eye(2), held=[1, 0]), [0.8, 0.2], "dual"),
        ("min_variance", {"turnover": 0.5}, problem(np.eye(2), held=[1, 0]), [0.5, 0.5], "active"),
        ("min_variance", {"turnover": 0.2}, problem(np.eye(2)), [0.5, 0.5], "active"),
        (
            "min_variance",
            {"turnover": 0.2},
            problem(np.diag([1, 9]), held=[0.5, 0.3], held_outside=0.2),
            [0.7, 0.3],
            "dual",
        ),
        # What was in cash is invested: half of it is turnover, nothing is left for a sale.
        (
            "min_variance",
            {"turnover": 0.1},
            problem(np.diag([1, 9]), held=[0.4, 0.4]),
            [0.6, 0.4],
            "dual",
        ),
        (
            "mean_variance",
            {"risk_aversion": 1, "groups": [group("A", most=0.6)]},
            problem(np.eye(2), [0.5, 0.1]),
            [0.6, 0.4],
            "dual",
        ),
        (
            "max_sharpe",
            {"groups": [group("A", most=0.5)]},
            problem(np.eye(2), [0.2, 0.1]),
            [0.5, 0.5],
            "dual",
        ),
        (
            "max_sharpe",
            {"turnover": 0.1},
            problem(np.eye(2), [0.2, -0.1], held=[0, 1]),
            None,
            "no feasible portfolio has a positive excess mean",
        ),
        (
            "max_diversification",
            {"minimum": 0.4},
            problem(np.diag([1, 4])),
            [0.6, 0.4],
            "dual",
        ),
        (
            "equal_weight",
            {"groups": [group("AB", most=0.3)]},
            problem(np.eye(4)),
            [0.15, 0.15, 0.35, 0.35],
            "equal_weight > projection",
        ),
        (
            "risk_parity",
            {"minimum": 0.3},
            problem(np.diag([1, 16])),
            [0.7, 0.3],
            "coordinate_descent > projection",
        ),
        (
            "hrp",
            {"turnover": 0.1},
            problem(np.diag([1, 3]), held=[0.5, 0.5]),
            [0.6, 0.4],
            "recursive_bisection > projection",
        ),
        ("barbell", {}, problem(np.diag([1, 1, 4])), [0.45, 0.45, 0.1], "active_set"),
        (
            "barbell",
            {"aggressive": 0.4, "riskiest": 0.5},
            problem(np.diag([1, 2, 3, 3])),
            [0.4, 0.2, 0.2, 0.2],
            "active_set",
        ),
        ("barbell", {"cap": 0.4}, problem(np.diag([1, 1, 4])), [0.4, 0.4, 0.2], "projection"),
        (
            "market_neutral",
            {"tolerance": 0},
            problem(np.eye(2), beta=[1, -0.5]),
            [1 / 3, 2 / 3],
            "dual",
        ),
        (
            "market_neutral",
            {"tolerance": 0.1},
            problem(np.eye(2), beta=[1, -0.5]),
            [0.4, 0.6],
            "dual",
        ),
        ("market_neutral", {}, problem(np.eye(2), beta=[1, -1]), [0.5, 0.5], "active_set"),
    ],
)
def test_by_hand(name: str, fields: Any, known: Problem, expected: Any, solver: str) -> None:
    solution = solve(name, known, **fields)
    if expected is None:
        assert solver in solution.message
        return
    assert solution.status is Status.OPTIMAL, solution.message
    np.testing.assert_allclose(solution.weights, expected, atol=1e-11)
    assert solver in solution.solver


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("equal_weight", [0.25, 0.25]),
        ("min_variance", [0.25, 0.25]),
        ("hrp", [0.25, 0.25]),
        ("max_diversification", [0.25, 0.25]),
    ],
)
def test_a_target_volatility_leaves_the_rest_in_cash(name: str, expected: list[float]) -> None:
    """Equal weights of two have a variance of 0.01 a year."""
    known = problem(np.eye(2) * 0.02 / 252)
    half = solve(name, known, target_volatility=0.05)
    np.testing.assert_allclose(half.weights, expected, rtol=1e-12)
    whole = solve(name, known, target_volatility=0.2)
    assert whole.weights.tolist() == [0.5, 0.5]
    assert half.objective == pytest.approx(whole.objective, nan_ok=True)
    daily = problem(np.eye(2) * 0.02 / 365, periods_per_year=365)
    np.testing.assert_allclose(solve(name, daily, target_volatility=0.05).weights, expected)


def test_a_target_volatility_does_not_use_up_the_turnover() -> None:
    """The limit is for what is invested: half of the portfolio lies in cash before and after."""
    known = problem(np.eye(2) * 0.02 / 252, held=[0.5, 0.0])
    fields = {"turnover": 0.2, "target_volatility": 0.05}
    solution = solve("min_variance", known, **fields)
    np.testing.assert_allclose(solution.weights / solution.weights.sum(), [0.8, 0.2])


@pytest.mark.parametrize(
    ("name", "fields", "known", "message"),
    [
        ("hrp", {"minimum": 0.6}, problem(np.eye(2)), "minimum of 0.6 on 2 atoms"),
        ("hrp", {"minimum": 0.4, "cap": 0.35}, problem(np.eye(3)), "minimum of 0.4 on 3 atoms"),
        (
            "hrp",
            {"minimum": 0.3, "cap": 0.5, "groups": [group("AX", least=0.6)]},
            problem(np.eye(2)),
            "group 'AX': 1 of its symbols are selected and hold at most 0.5, below least 0.6",
        ),
        (
            "hrp",
            {"groups": [group("AB", most=0.6)]},
            problem(np.eye(2)),
            "group 'AB': 2 of its symbols are selected and hold at least 1, above most 0.6",
        ),
        ("hrp", {"groups": [group("XY", least=0.1)]}, problem(np.eye(2)), "group 'XY': 0 of its"),
        (
            "min_variance",
            {"groups": [group("A", least=0.6), group("BC", least=0.5)]},
            problem(np.eye(3)),
            "group 'BC' cannot be kept beside weights from 0 to 1, group 'A'",
        ),
        (
            "min_variance",
            {"turnover": 0.1},
            problem(np.eye(2), held=[0.4, 0.4], held_outside=0.2),
            "turnover 0.1: 0.2 is held outside the selection",
        ),
        (
            "equal_weight",
            {"turnover": 0.1, "groups": [group("A", least=0.5)]},
            problem(np.eye(2), held=[0.2, 0.8]),
            "turnover 0.1 cannot be kept beside weights from 0 to 1, group 'A'",
        ),
        (
            "market_neutral",
            {},
            problem(np.eye(2), beta=[0.9, 1.1]),
            "the exposure to the market cannot be kept beside weights from 0 to 1",
        ),
        ("adaptive", {}, problem(np.eye(2), market=np.zeros(21)), "more than 21 returns"),
        ("adaptive", {}, problem(np.eye(2)), "found 0"),
    ],
)
def test_what_cannot_be_kept_is_named(name: str, fields: Any, known: Problem, message: str) -> None:
    solution = solve(name, known, **fields)
    assert solution.status is Status.INFEASIBLE
    assert message in solution.message
    assert not solution.weights.any()


@pytest.mark.parametrize(
    ("market", "regime", "name"),
    [
        ([0.01, -0.005] * 20, "rising", "max_sharpe"),
        ([-0.01, 0.005] * 20, "falling", "risk_parity"),
        ([0.001, -0.001] * 20 + [0.05, -0.05] * 10, "turbulent", "min_variance"),
    ],
)
def test_a_regime_calls_for_its_profile(market: list[float], regime: str, name: str) -> None:
    known = problem(np.diag([1.0, 4.0, 9.0]), [0.3, 0.1, 0.2], market=np.array(market))
    solution = solve("adaptive", known, groups=[group("A", most=0.3)])
    alone = solve(name, known, groups=[group("A", most=0.3)])
    assert (solution.regime, alone.regime) == (regime, "")
    assert solution.weights.tobytes() == alone.weights.tobytes()
    assert solution.weights[0] <= 0.3 + 1e-9


def test_the_residual_sees_a_moved_optimum() -> None:
    known = problem(np.diag([1.0, 2.0, 4.0]), held=[0.2, 0.2, 0.6])
    fields = {"turnover": 0.2, "groups": [group("A", most=0.3)], "minimum": 0.1}
    polytope: Any = polytope_of(MinVariance.model_validate(fields), known)
    best: Any = minimise(known.covariance, np.zeros(3), polytope)
    assert best.residual <= 1e-12
    prices = best.prices, best.price_of_sales
    for moved in ([1e-6, -1e-6, 0], [0, 1e-6, -1e-6], [-1e-6, 0, 1e-6], [1e-6, 0, 0]):
        weights = best.weights + np.array(moved)
        assert residual(known.covariance, np.zeros(3), polytope, weights, *prices) > 1e-8
    without = (0 * best.prices, 0.0)
    assert residual(known.covariance, np.zeros(3), polytope, best.weights, *without) > 1e-3


PLAIN = ("max_diversification", "max_sharpe", "mean_variance", "min_variance", "market_neutral")
MOVED = ("equal_weight", "barbell", "hrp", "risk_parity")


@st.composite
def constrained(draw: Any) -> tuple[Problem, dict[str, Any]]:
    """Draw a problem with any combination of constraints; many of them are out of reach."""
    drawn = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(2, 8))
    rows = n + draw(st.integers(2, 30))
    scales = np.exp(drawn.normal(0, 0.6, n))
    sample = drawn.normal(0, 0.01, (rows, 1)) + drawn.normal(0, 0.01, (rows, n)) * scales
    fields: dict[str, Any] = {}
    known: dict[str, Any] = {"beta": drawn.normal(0.3, 0.5, n)}
    if draw(st.booleans()):
        fields["cap"] = min(1.0, drawn.uniform(1.0, 4.0) / n)
    if draw(st.booleans()):
        fields["minimum"] = drawn.uniform(0.0, 0.9) / n
    groups = []
    for _ in range(draw(st.integers(0, 2))):
        members = LETTERS[: draw(st.integers(1, n))][-2:]
        least = drawn.uniform(0.0, 0.5) if draw(st.booleans()) else 0.0
        groups.append(group(members, least=least, most=drawn.uniform(least, 1.0)))
    if draw(st.booleans()):
        held = drawn.dirichlet(np.full(n, 0.5)) * (drawn.random(n) < 0.8)
        known["held_outside"] = draw(st.sampled_from([0.0, 0.05]))
        known["held"] = held / max(held.sum(), 1e-9) * (1 - known["held_outside"])
        fields["turnover"] = drawn.uniform(0.05, 0.5)
    mean = drawn.normal(5e-4, 1e-3, n)
    return problem(np.cov(sample, rowvar=False), mean, **known), {**fields, "groups": groups}


def reference(cp: Any, known: Any, profile: Any, towards: np.ndarray | None) -> Any:
    """Return the optimal weights of a profile as cvxpy finds them, or None."""
    n, scale = len(known.mean), float(np.trace(known.covariance)) / len(known.mean)
    matrix = known.covariance / scale
    root, w = np.linalg.cholesky(matrix).T, cp.Variable(n)
    ratio = {"max_sharpe": known.mean, "max_diversification": np.sqrt(np.diag(matrix))}
    total = cp.Variable(nonneg=True) if profile.name in ratio else 1.0
    kept = [cp.sum(w) == total, w >= profile.minimum * total]
    if profile.cap is not None:
        kept.append(w <= profile.cap * total)
    for one in profile.groups:
        inside = np.array([symbol in one.symbols for symbol in known.symbols], dtype=float)
        kept += [inside @ w >= one.least * total, inside @ w <= one.most * total]
    if profile.turnover is not None:
        traded = cp.norm1(w - known.held * total) + known.held_outside * total
        kept.append(traded <= 2 * profile.turnover * total)
    risk = cp.sum_squares(root @ w)
    if towards is not None:
        risk = cp.sum_squares(w - towards)
    elif profile.name == "mean_variance":
        risk = risk / 2 - (known.mean / profile.risk_aversion / scale) @ w
    elif profile.name == "market_neutral":
        kept.append(cp.abs(known.beta @ w) <= profile.tolerance)
    elif profile.name in ratio:
        reward = ratio[profile.name]
        kept.append((reward / np.abs(reward).max()) @ w == 1)
    program = cp.Problem(cp.Minimize(risk), kept)
    exact = {"tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13, "tol_feas": 1e-13}
    program.solve(solver="CLARABEL", **exact)
    return None if w.value is None else w.value / w.value.sum()


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=60, deadline=None)
@given(drawn=constrained(), name=st.sampled_from([*PLAIN, *MOVED]))
def test_every_combination_agrees_with_cvxpy(
    drawn: tuple[Problem, dict[str, Any]], name: str
) -> None:
    cp = pytest.importorskip("cvxpy", reason="cvxpy is the reference")
    known, fields = drawn
    profile: Any = PROFILES[name].model_validate(fields)
    solution = ENGINE.solve(profile, known)
    towards = None
    if name in MOVED:
        own = {"cap": fields.get("cap")} if name != "barbell" else {}
        alone = solve(name, known, **own)
        if alone.status not in WEIGHTED:
            return
        towards = alone.weights
    expected = reference(cp, known, profile, towards)
    if solution.status in WEIGHTED:
        assert expected is not None
        assert not solution.kkt_residual > 1e-9
        polytope: Any = polytope_of(profile, known)
        assert polytope.violation(solution.weights) <= 1e-9
        np.testing.assert_allclose(solution.weights, expected, atol=5e-5)
    else:
        assert solution.status is Status.INFEASIBLE, (solution.message, solution.fallback_chain)
        assert expected is None


@settings(max_examples=60, deadline=None)
@given(drawn=constrained(), name=st.sampled_from([*PLAIN, *MOVED]), data=st.data())
def test_a_warm_start_leaves_no_trace(
    drawn: tuple[Problem, dict[str, Any]], name: str, data: Any
) -> None:
    known, fields = drawn
    profile = PROFILES[name].model_validate(fields)
    n = len(known.mean)
    warm = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5]), min_size=n, max_size=n)))
    cold = ENGINE.solve(profile, known)
    assert repr(ENGINE.solve(profile, known, warm=warm)) == repr(cold)


@settings(max_examples=60, deadline=None)
@given(
    drawn=constrained(),
    name=st.sampled_from([*PLAIN, *MOVED]),
    kind=st.sampled_from(["flat", "same", "tiny", "huge", "singular", "nan", "opposite"]),
)
def test_hostile_estimates_end_in_a_certificate_or_a_reason(
    drawn: tuple[Problem, dict[str, Any]], name: str, kind: str
) -> None:
    known, fields = drawn
    n, matrix, mean = len(known.mean), known.covariance, known.mean
    column = np.sign(np.arange(n) - 0.5)
    matrix = {
        "flat": matrix * 0,
        "same": np.full((n, n), 4e-4),
        "tiny": matrix * 1e-24,
        "huge": matrix * 1e24,
        "singular": np.outer(mean, mean),
        "nan": np.where(np.eye(n) > 0, np.nan, matrix),
        "opposite": np.outer(column, column) * 1e-4,
    }[kind]
    hostile = Problem(
        mean,
        matrix,
        symbols=known.symbols,
        held=known.held,
        held_outside=known.held_outside,
        beta=known.beta,
    )
    profile = PROFILES[name].model_validate({**fields, "target_volatility": 0.1})
    solution = ENGINE.solve(profile, hostile)
    if solution.status in WEIGHTED:
        assert solution.weights.min() >= 0
        assert solution.weights.sum() <= 1 + 1e-6
        assert not solution.kkt_residual > 1e-9
    else:
        assert solution.message
        assert not solution.weights.any()
