"""What every adapter to another library promises, whatever the library does."""

from __future__ import annotations

import warnings
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from quant_core.engines import ENGINES, EngineSpec
from quant_core.engines._external import Answer, ExternalEngine, NoAnswer
from quant_core.profiles import PROFILES, Problem, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quant_core.profiles import Profile

EXTERNAL = ["cvxpy", "skfolio", "riskfolio", "pyportfolioopt", "cvxportfolio"]
PROBLEM = Problem(np.zeros(2), np.diag([1.0, 3.0]))


class Scripted(ExternalEngine):
    """An engine that answers what a test tells it to."""

    name = "scripted"
    extra = "engines"
    packages: ClassVar[Mapping[str, str]] = MappingProxyType({"numpy": "numpy"})
    profiles = ("adaptive", "barbell", "equal_weight", "min_variance")

    def __init__(self, reply: Callable[[Problem], Any]) -> None:
        self.reply = reply
        self.asked: list[tuple[str, int]] = []

    def answer(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        self.asked.append((profile.name, len(problem.mean)))
        found = self.reply(problem)
        return found if isinstance(found, NoAnswer) else Answer(np.asarray(found), "by script")


def profile_of(name: str, **fields: Any) -> Profile:
    return PROFILES[name].model_validate(fields)


def raises(_problem: Problem) -> Any:
    raise ZeroDivisionError("their\n  own   words")


def warns(_problem: Problem) -> Any:
    warnings.warn("careful", UserWarning, stacklevel=1)
    np.log(np.array([0.0]))
    return [0.75, 0.25]


@pytest.mark.parametrize(
    ("reply", "status", "words"),
    [
        (raises, Status.FAILED, "scripted raised ZeroDivisionError: their own words"),
        (warns, Status.OPTIMAL, ""),
        (lambda _: [0.75, 0.25], Status.OPTIMAL, ""),
        (lambda _: [0.5, 0.5], Status.APPROXIMATE, ""),
        (lambda _: [0.7, 0.2], Status.FAILED, "the weights violate the sum of the weights"),
        (lambda _: [np.nan, 0.2], Status.FAILED, "expected 2 finite weights, found 1 finite of 2"),
        (lambda _: NoAnswer(Status.INFEASIBLE, "none"), Status.INFEASIBLE, "none"),
    ],
)
def test_what_a_library_does_becomes_a_status(reply: Any, status: Status, words: str) -> None:
    solution = Scripted(reply).solve(profile_of("min_variance"), PROBLEM)
    assert solution.status is status
    assert words in solution.message
    assert solution.weights.any() == (status in {Status.OPTIMAL, Status.APPROXIMATE})


def test_an_interrupt_is_not_swallowed() -> None:
    def interrupted(_problem: Problem) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Scripted(interrupted).solve(profile_of("min_variance"), PROBLEM)


def test_a_profile_that_it_does_not_know() -> None:
    engine = Scripted(lambda _: [0.5, 0.5])
    solution = engine.solve(profile_of("max_sharpe"), PROBLEM)
    assert (solution.status, solution.message) == (
        Status.UNSUPPORTED,
        "scripted does not know the profile 'max_sharpe'",
    )
    assert engine.asked == []


def test_what_is_refused_before_the_library_sees_it() -> None:
    engine = Scripted(lambda _: [0.5, 0.5])
    hole = Problem(np.zeros(2), np.full((2, 2), np.nan))
    assert engine.solve(profile_of("min_variance"), hole).status is Status.FAILED
    assert engine.solve(profile_of("min_variance", cap=0.4), PROBLEM).status is Status.INFEASIBLE
    nothing = Problem(np.zeros(0), np.zeros((0, 0)))
    assert engine.solve(profile_of("min_variance"), nothing).status is Status.EMPTY
    assert engine.asked == []


def test_a_barbell_is_least_variance_over_the_core() -> None:
    engine = Scripted(lambda problem: np.full(len(problem.mean), 1 / len(problem.mean)))
    problem = Problem(np.zeros(4), np.diag([1.0, 9.0, 1.0, 1.0]))
    solution = engine.solve(profile_of("barbell"), problem)
    np.testing.assert_allclose(solution.weights, [0.3, 0.1, 0.3, 0.3])
    assert solution.status is Status.OPTIMAL
    assert engine.asked == [("min_variance", 3)]
    uneven = Problem(np.zeros(4), np.diag([1.0, 9.0, 1.0, 2.0]))
    assert engine.solve(profile_of("barbell"), uneven).status is Status.APPROXIMATE


def test_what_it_cannot_move_is_unsupported() -> None:
    """Never another engine's projection under its name."""
    engine = Scripted(lambda _: [0.5, 0.5])
    problem = Problem(np.zeros(2), np.eye(2), symbols=("A", "B"))
    group = {"name": "one", "symbols": ("A",), "most": 0.3}
    solution = engine.solve(profile_of("equal_weight", groups=(group,)), problem)
    assert solution.status is Status.UNSUPPORTED
    assert "scripted cannot move weights that break group one" in solution.message
    loose = {"name": "one", "symbols": ("A",), "most": 0.6}
    assert engine.solve(profile_of("equal_weight", groups=(loose,)), problem).status is (
        Status.OPTIMAL
    )


@pytest.mark.parametrize(
    ("market", "regime", "asked"),
    [
        (np.r_[np.tile([0.001, -0.001], 50), np.tile([0.05, -0.05], 11)], "turbulent", 1),
        (np.tile([0.001, -0.002], 50), "falling", 0),
        (None, "", 0),
    ],
)
def test_adaptive_solves_the_profile_of_the_regime(market: Any, regime: str, asked: int) -> None:
    engine = Scripted(lambda _: [0.75, 0.25])
    problem = Problem(np.zeros(2), np.diag([1.0, 3.0]), market=market)
    solution = engine.solve(profile_of("adaptive"), problem)
    assert solution.regime == regime
    assert engine.asked == [("min_variance", 2)] * asked
    assert (
        solution.message
        == {
            "turbulent": "",
            "falling": "scripted does not know the profile 'risk_parity'",
            "": "a regime needs more than 21 returns of the market",
        }[regime]
    )


def test_the_registry_names_what_a_configuration_may() -> None:
    assert list(ENGINES) == ["native", *EXTERNAL]
    assert EngineSpec.model_json_schema()["properties"]["name"]["enum"] == list(ENGINES)


@pytest.mark.parametrize("name", EXTERNAL)
def test_without_its_extra_an_engine_is_unavailable(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = ENGINES[name]()
    missing = next(iter(engine.packages))
    absent = MappingProxyType({missing: "no_such_module_anywhere"})
    monkeypatch.setattr(type(engine), "packages", absent)
    extra = "simulators" if name == "cvxportfolio" else "engines"
    lack = f"{missing} is not installed; install quant-assets[{extra}]"
    assert (engine.lack, engine.release) == (lack, "")
    for profile in PROFILES:
        solution = engine.solve(profile_of(profile), PROBLEM)
        assert (solution.status, solution.message) == (Status.UNAVAILABLE, lack)
        assert solution.weights.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", EXTERNAL)
def test_the_release_counts_and_the_module_of_a_profile_it_knows(name: str) -> None:
    engine = ENGINES[name]()
    if engine.lack:
        pytest.skip(engine.lack)
    assert all("==" in part for part in engine.release.split())
    assert list(engine.profiles) == sorted(set(engine.profiles) & set(PROFILES))
    for profile in PROFILES:
        modules = engine.code_modules(profile_of(profile))
        assert (f"quant_core.engines._{name}" in modules) is (profile in engine.profiles)


def test_making_engines_imports_no_library() -> None:
    import subprocess  # noqa: PLC0415 - a process of its own has nothing imported
    import sys  # noqa: PLC0415 - as above

    program = (
        "import sys\n"
        "from quant_core.engines import ENGINES\n"
        "print([(make().lack, make().release)[:0] for make in ENGINES.values()])\n"
        "print(sorted({'cvxpy', 'skfolio', 'riskfolio', 'pypfopt', 'cvxportfolio'}"
        " & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[1] == "[]"
