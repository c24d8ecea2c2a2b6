"""Engines side by side: how far each is from the certified optimum, and how long it takes."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from quant_core.clock import clock
from quant_core.engines._conditions import objective_of
from quant_core.engines._registry import ENGINES
from quant_core.profiles import PROFILES, WEIGHTED, Adaptive, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quant_core.engines._engine import Engine
    from quant_core.profiles import Problem, Profile, Solution

__all__ = ["Match", "compare_engines"]

_REFERENCES = ("native", "cvxpy")
_LARGER_IS_BETTER = frozenset({"max_diversification", "max_sharpe", "mean_variance"})
_SMALLER_IS_BETTER = frozenset({"market_neutral", "min_variance"})


@dataclass(frozen=True, slots=True)
class Match:
    """One engine on one profile, over several problems.

    Parameters
    ----------
    engine, profile : str
        Their names.
    statuses : mapping of str to int
        How many solves ended how, the most frequent first.
    gap : float
        Largest relative shortfall of the objective behind the reference, below 0 where it is
        ahead; for ``risk_parity`` of ``log sqrt(w'Sw) - sum(log w)/n``. NaN where the profile
        optimises nothing by one number, or nothing can be compared.
    distance : float
        Largest one-way trade from the reference, ``sum |w - v| / 2``; NaN without a comparison.
    residual : float
        Largest residual of the optimality conditions; NaN where there are none.
    seconds : float
        Median of a solve; NaN where nothing was solved.
    message : str
        Why there are no weights, where there are none; the first reason.
    """

    engine: str
    profile: str
    statuses: Mapping[str, int] = field(repr=False)
    gap: float
    distance: float
    residual: float
    seconds: float
    message: str


def compare_engines(
    problems: Callable[[Profile], Sequence[Problem]],
    *,
    engines: Sequence[str] = tuple(ENGINES),
    profiles: Sequence[str] = tuple(PROFILES),
) -> list[Match]:
    """Solve profiles by several engines and hold each against a certified optimum.

    The reference of a problem is native's solution where it is certified, else that of cvxpy.

    Parameters
    ----------
    problems : callable
        Gives the problems of a profile.
    engines, profiles : sequence of str
        Their names.

    Returns
    -------
    list of Match
        By profile, then engine, in the order given.
    """
    found = []
    for name in profiles:
        profile = PROFILES[name].model_validate({})
        asked = problems(profile)
        solved = {engine: _solve(ENGINES[engine](), profile, asked) for engine in engines}
        best = [_reference(profile, problem, solved, at) for at, problem in enumerate(asked)]
        found += [_match(engine, profile, asked, solved[engine], best) for engine in engines]
    return found


type _Timed = tuple[Solution, float]


def _solve(engine: Engine, profile: Profile, problems: Sequence[Problem]) -> list[_Timed]:
    found = []
    # Libraries are imported and programs compiled by the first solve: it is done twice.
    for problem in (*problems[:1], *problems):
        started = clock().seconds()
        solution = engine.solve(profile, problem)
        found.append((solution, clock().seconds() - started))
    return found[1:]


def _reference(
    profile: Profile, problem: Problem, solved: Mapping[str, list[_Timed]], at: int
) -> Solution | None:
    for name in _REFERENCES:
        timed = solved.get(name)
        solution = timed[at][0] if timed else ENGINES[name]().solve(profile, problem)
        if solution.status in {Status.OPTIMAL, Status.FALLBACK}:
            return solution
    return None


def _match(
    engine: str,
    profile: Profile,
    problems: Sequence[Problem],
    timed: Sequence[_Timed],
    best: Sequence[Solution | None],
) -> Match:
    pairs = [
        (problem, solution, reference)
        for problem, (solution, _), reference in zip(problems, timed, best, strict=True)
        if solution.status in WEIGHTED and reference is not None
    ]
    weighted = [one for one, _ in timed if one.status in WEIGHTED]
    return Match(
        engine,
        profile.name,
        dict(Counter(str(one.status) for one, _ in timed).most_common()),
        gap=_largest([_gap(profile, *pair) for pair in pairs]),
        distance=_largest([float(np.abs(a.weights - b.weights).sum()) / 2 for _, a, b in pairs]),
        residual=_largest([one.kkt_residual for one in weighted]),
        seconds=(
            statistics.median(seconds for one, seconds in timed if one.status in WEIGHTED)
            if weighted
            else math.nan
        ),
        message=next((one.message for one, _ in timed if one.message), ""),
    )


def _gap(profile: Profile, problem: Problem, solution: Solution, reference: Solution) -> float:
    if isinstance(profile, Adaptive):
        regime = profile.regime(problem.market)
        return (
            math.nan
            if regime is None
            else _gap(profile.within(regime), problem, solution, reference)
        )
    mine = _compared(profile, problem, solution.weights)
    best = _compared(profile, problem, reference.weights)
    if profile.name == "risk_parity":
        return mine - best
    if profile.name in _SMALLER_IS_BETTER:
        return (mine - best) / abs(best)
    return (best - mine) / abs(best) if profile.name in _LARGER_IS_BETTER else math.nan


def _compared(profile: Profile, problem: Problem, weights: np.ndarray) -> float:
    value = objective_of(profile, problem, weights)
    if profile.name != "risk_parity":
        return value
    if not weights.min() > 0:
        return math.inf
    return math.log(value) - float(np.log(weights).mean())


def _largest(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return max(known, default=math.nan)
