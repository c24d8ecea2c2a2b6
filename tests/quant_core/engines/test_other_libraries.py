"""What holds for every engine that calls another library: optima by hand, and against native."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.engines import ENGINES
from quant_core.profiles import PROFILES, Problem, Solution, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from quant_core.engines import Engine

LIBRARIES = {
    "cvxportfolio": ("cvxportfolio", "simulators"),
    "pyportfolioopt": ("pypfopt", "engines"),
    "riskfolio": ("riskfolio", "engines"),
    "skfolio": ("skfolio", "engines"),
}
UTILITIES = {"barbell", "market_neutral", "mean_variance", "min_variance"}
NAIVE = {"equal_weight", "market"}
RATIOS = {"adaptive", "hrp", "max_diversification", "max_sharpe", "risk_parity"}
KNOWN = {
    "cvxportfolio": UTILITIES | NAIVE,
    "pyportfolioopt": UTILITIES | RATIOS,
    "riskfolio": UTILITIES | RATIOS,
    "skfolio": UTILITIES | NAIVE | RATIOS,
}
SOLVED = {Status.OPTIMAL, Status.APPROXIMATE}
GAP = {"cvxportfolio": 1e-6, "pyportfolioopt": 1e-6, "riskfolio": 1e-6, "skfolio": 1e-4}

TWO = {"covariance": np.diag([1.0, 4.0]) * 1e-4, "symbols": ("A", "B")}
CASES: list[tuple[str, Mapping[str, Any], Mapping[str, Any], list[float]]] = [
    ("equal_weight", {}, TWO, [0.5, 0.5]),
    ("market", {}, TWO, [0.5, 0.5]),
    ("min_variance", {}, TWO, [0.8, 0.2]),
    ("min_variance", {"cap": 0.6}, TWO, [0.6, 0.4]),
    ("min_variance", {"cap": 0.5}, TWO, [0.5, 0.5]),
    ("min_variance", {"minimum": 0.3}, TWO, [0.7, 0.3]),
    (
        "min_variance",
        {"groups": [{"name": "a", "symbols": ["A"], "most": 0.55}]},
        TWO,
        [0.55, 0.45],
    ),
    ("min_variance", {"groups": [{"name": "b", "symbols": ["B"], "least": 0.3}]}, TWO, [0.7, 0.3]),
    ("mean_variance", {}, {**TWO, "mean": np.array([2e-3, 3e-3])}, [0.4, 0.6]),
    ("max_sharpe", {}, {**TWO, "mean": np.array([2e-3, 4e-3])}, [2 / 3, 1 / 3]),
    ("max_sharpe", {}, {**TWO, "mean": np.array([3e-3, 5e-3]), "risk_free": 1e-3}, [2 / 3, 1 / 3]),
    ("max_sharpe", {"cap": 0.6}, {**TWO, "mean": np.array([2e-3, 4e-3])}, [0.6, 0.4]),
    ("max_diversification", {}, TWO, [2 / 3, 1 / 3]),
    ("max_diversification", {"minimum": 0.4}, TWO, [0.6, 0.4]),
    ("risk_parity", {}, TWO, [2 / 3, 1 / 3]),
    ("risk_parity", {}, {"covariance": np.array([[1.0, 1.0], [1.0, 4.0]])}, [2 / 3, 1 / 3]),
    ("hrp", {}, TWO, [0.8, 0.2]),
    # The pair that moves together is a branch of its own, and the third comes first.
    (
        "hrp",
        {},
        {"covariance": np.eye(3) + 0.8 * np.eye(3)[::-1] * [1, 0, 1]},
        [5 / 19, 9 / 19, 5 / 19],
    ),
    ("market_neutral", {"tolerance": 0.1}, {**TWO, "beta": np.array([1.0, -1.0])}, [0.55, 0.45]),
    ("barbell", {}, {"covariance": np.diag([1.0, 4.0, 9.0])}, [0.72, 0.18, 0.1]),
    ("barbell", {"cap": 0.6}, {"covariance": np.diag([1.0, 4.0, 9.0])}, [0.6, 0.24, 0.16]),
]
TRADED = [
    ("min_variance", {}, 0.0, [0.6, 0.4]),
    ("min_variance", {}, 0.1, [0.55, 0.45]),
    ("mean_variance", {"mean": np.array([0.0, 3e-3])}, 0.0, [0.4, 0.6]),
    ("max_sharpe", {"mean": np.array([2e-3, 1e-3])}, 0.0, [0.6, 0.4]),
    ("max_diversification", {}, 0.0, [0.6, 0.4]),
    ("barbell", {}, 0.0, [0.6, 0.4]),
]


def problem_of(fields: Mapping[str, Any]) -> Problem:
    return Problem(**{"mean": np.zeros(len(fields["covariance"])), **fields})


@pytest.fixture(params=sorted(LIBRARIES))
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_of(request.param)


def engine_of(name: str) -> Engine:
    package, extra = LIBRARIES[name]
    if find_spec(package) is None:
        pytest.skip(f"the extra {extra} is not installed")
    return ENGINES[name]()


def each(profiles: set[str]) -> list[tuple[str, str]]:
    return [(one, name) for one in sorted(LIBRARIES) for name in sorted(profiles & KNOWN[one])]


def of_each(cases: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(one, *case) for case in cases for one in sorted(LIBRARIES) if case[0] in KNOWN[one]]


def solved(engine: Engine, name: str, bounds: Mapping[str, Any], problem: Problem) -> Solution:
    return engine.solve(PROFILES[name].model_validate(dict(bounds)), problem)


@pytest.mark.parametrize(("library", "name", "bounds", "fields", "expected"), of_each(CASES))
def test_an_optimum_by_hand(
    library: str,
    name: str,
    bounds: Mapping[str, Any],
    fields: Mapping[str, Any],
    expected: list[float],
) -> None:
    found = solved(engine_of(library), name, bounds, problem_of(fields))
    assert found.status in SOLVED, found
    assert found.weights == pytest.approx(expected, abs=1e-6)
    assert found.solver


@pytest.mark.parametrize(("library", "name", "fields", "outside", "expected"), of_each(TRADED))
def test_turnover_is_that_of_the_portfolio(
    library: str, name: str, fields: Mapping[str, Any], outside: float, expected: list[float]
) -> None:
    engine = engine_of(library)
    held = np.array([0.5, 0.5 - outside])
    problem = replace(problem_of({**TWO, **fields}), held=held, held_outside=outside)
    found = solved(engine, name, {"turnover": 0.1}, problem)
    if engine.name == "riskfolio":
        assert found.status is Status.UNSUPPORTED
        assert found.message == "riskfolio limits the turnover of each asset, not of the portfolio"
        return
    assert found.status in SOLVED, found
    if outside:
        assert np.abs(found.weights - held).sum() + outside <= 0.2 + 1e-9
    else:
        assert found.weights == pytest.approx(expected, abs=1e-6)


def test_a_target_volatility_leaves_cash(engine: Engine) -> None:
    target = math.sqrt(252 * 0.8e-4) / 2
    found = solved(engine, "min_variance", {"target_volatility": target}, problem_of(TWO))
    assert found.weights == pytest.approx([0.4, 0.1], abs=1e-6)


@pytest.mark.parametrize(("library", "name"), each(set(PROFILES)))
def test_one_atom_is_all(library: str, name: str) -> None:
    rising = np.full(30, 1e-3)
    fields = {"mean": np.array([1e-3]), "beta": np.array([0.01]), "market": rising}
    problem = problem_of({"covariance": np.array([[1e-4]]), **fields})
    found = solved(engine_of(library), name, {}, problem)
    assert found.status in SOLVED, found
    assert found.weights == pytest.approx([1.0], abs=1e-12)


@pytest.mark.parametrize(("library", "name"), each(RATIOS | UTILITIES - {"market_neutral"}))
def test_agrees_with_native_on_random_estimates(
    random_problem: Callable[[int, int], Problem], library: str, name: str
) -> None:
    problem = replace(random_problem(12, 3), market=np.full(30, 1e-3))
    engine, bounds = engine_of(library), {"cap": 0.3}
    found = solved(engine, name, bounds, problem)
    compare(engine, found, solved(ENGINES["native"](), name, bounds, problem))
    assert solved(engine, name, bounds, problem).weights.tobytes() == found.weights.tobytes()


@pytest.mark.parametrize(("library", "name"), each(RATIOS | UTILITIES - {"adaptive"}))
def test_agrees_with_native_on_real_prices(small: Any, library: str, name: str) -> None:
    estimated = small.problem(small.stops[200])
    problem = replace(estimated, beta=np.linspace(-1.0, 1.0, 20), market=np.full(30, 1e-3))
    engine = engine_of(library)
    found = solved(engine, name, {}, problem)
    assert found.status in SOLVED, found
    compare(engine, found, solved(ENGINES["native"](), name, {}, problem))


def compare(engine: Engine, found: Solution, peer: Solution) -> None:
    if found.status is Status.UNSUPPORTED:
        assert "a cap of 0.3 binds" in found.message
        assert peer.weights.max() == pytest.approx(0.3)
        return
    if not peer.weights.any():
        assert found.status is peer.status
        return
    assert found.status in SOLVED, found
    assert found.weights == pytest.approx(peer.weights, abs=1e-5)
    if math.isfinite(peer.objective):
        assert found.objective == pytest.approx(peer.objective, rel=GAP[engine.name])


@pytest.mark.parametrize(("library", "name"), each({"equal_weight", "hrp", "min_variance"}))
def test_a_cap_below_one_over_n_is_infeasible(library: str, name: str) -> None:
    found = solved(engine_of(library), name, {"cap": 0.4}, problem_of(TWO))
    assert found.status is Status.INFEASIBLE
    assert "a cap of 0.4 on 2 atoms" in found.message
    assert not found.weights.any()


@pytest.mark.parametrize(
    ("library", "name", "mean", "bounds"),
    of_each(
        [
            ("max_sharpe", [-1e-3, -2e-3], {}),
            ("max_sharpe", [1e-3, -2e-3], {"cap": 0.6}),
            (
                "max_sharpe",
                [1e-3, -2e-3],
                {"groups": [{"name": "b", "symbols": ["B"], "least": 0.5}]},
            ),
        ]
    ),
)
def test_no_portfolio_with_a_positive_excess_mean_is_infeasible(
    library: str, name: str, mean: list[float], bounds: Mapping[str, Any]
) -> None:
    problem = problem_of({**TWO, "mean": np.array(mean)})
    found = solved(engine_of(library), name, bounds, problem)
    assert found.status is Status.INFEASIBLE, found
    assert found.message


@pytest.mark.parametrize(("library", "name"), each({"adaptive"}))
def test_an_adaptive_profile_records_its_regime(library: str, name: str) -> None:
    market = np.tile([-0.001, -0.002], 30)
    found = solved(engine_of(library), name, {}, problem_of({**TWO, "market": market}))
    assert found.regime == "falling"
    assert found.weights == pytest.approx([2 / 3, 1 / 3], abs=1e-6)


@pytest.mark.parametrize("name", sorted(LIBRARIES))
def test_without_its_library_a_cell_is_unavailable(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, extra = LIBRARIES[name]
    monkeypatch.setitem(sys.modules, package, None)
    found = ENGINES[name]().solve(PROFILES["min_variance"](), problem_of(TWO))
    assert found.status is Status.UNAVAILABLE
    assert found.message.endswith(f"install quant-assets[{extra}]")
    assert not found.weights.any()


def test_what_a_library_cannot_know_stays_inside(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (np.get_printoptions(), np.geterr())
    singular = problem_of({"covariance": np.ones((3, 3)) * 1e-4, "mean": np.full(3, 1e-3)})
    for name in engine.profiles:
        found = engine.solve(PROFILES[name](), replace(singular, beta=np.array([1.0, 0.0, -1.0])))
        assert found.status in SOLVED | {Status.FAILED, Status.INFEASIBLE}, found
        assert found.weights.any() or found.message
    assert (np.get_printoptions(), np.geterr()) == before
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_profile_that_it_does_not_know_is_unsupported(engine: Engine, name: str) -> None:
    assert engine.profiles == tuple(sorted(KNOWN[engine.name]))
    if name in engine.profiles:
        assert engine.code_modules(PROFILES[name]()) == (type(engine).__module__,)
        return
    found = solved(engine, name, {}, problem_of(TWO))
    assert found.status is Status.UNSUPPORTED
    assert found.message == f"{engine.name} does not know the profile {name!r}"
    assert engine.code_modules(PROFILES[name]()) == ()
