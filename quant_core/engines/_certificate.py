"""What becomes of another library's weights: cleaned, judged by our own conditions, certified."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines._conditions import objective_of, slope_of
from quant_core.engines._feasible import Room, room_of
from quant_core.engines._optimality import Slope, budget_residual, residual
from quant_core.profiles import Barbell, Constraints, MinVariance, RiskParity, Solution, Status

if TYPE_CHECKING:
    from quant_core.profiles import Problem, Profile

__all__ = [
    "RAW_VIOLATION",
    "TOLERANCE",
    "certificate",
    "finished",
    "restricted",
    "screened",
    "without_weights",
]

TOLERANCE = 1e-9
"""Largest relative residual of the optimality conditions of weights that are called optimal."""

RAW_VIOLATION = 1e-6
"""Largest violation of a bound by raw weights that is cleaned; above it they are refused."""

_ROUNDING = 1e-9
_RISKLESS = 1e-12
_UNDEFINED_WITHOUT_RISK = frozenset({"max_diversification", "max_sharpe", "risk_parity"})


def finished(
    profile: Profile,
    problem: Problem,
    weights: np.ndarray,
    *,
    solver: str,
    chain: tuple[str, ...] = (),
    before: np.ndarray | None = None,
) -> Solution:
    """Return the solution that raw weights amount to.

    Parameters
    ----------
    profile : Profile
        What was optimised.
    problem : Problem
        What it was optimised on, for n atoms.
    weights : numpy.ndarray, shape (n,)
        Weights as a library returned them: sum 1, before the scaling to a target volatility.
    solver : str
        What produced them.
    chain : tuple of str
        What was tried before, each with the reason it was left.
    before : numpy.ndarray of shape (n,), optional
        The weights that were moved to the nearest that keep all constraints, where they were.

    Returns
    -------
    Solution
        ``optimal`` where the residual of our own optimality conditions is at most 1e-9,
        ``approximate`` for any other valid portfolio, ``failed`` with the reason where raw weights
        violate a bound by more than 1e-6.
    """
    raw = np.asarray(weights, dtype=np.float64).reshape(-1)
    if raw.shape != problem.mean.shape or not np.isfinite(raw).all():
        found = f"{int(np.isfinite(raw).sum())} finite of {raw.size}"
        message = f"{solver}: expected {len(problem.mean)} finite weights, found {found}"
        return without_weights(problem, solver, Status.FAILED, message, chain=chain)
    room = room_of(profile, problem)
    off, what = room.violation(raw)
    if off > RAW_VIOLATION:
        message = f"{solver}: the weights violate {what} by {off:.1e}"
        return without_weights(problem, solver, Status.FAILED, message, chain=chain)
    clean = room.cleaned(raw)
    if profile.name in _UNDEFINED_WITHOUT_RISK and _riskless(problem, clean):
        message = "a portfolio without risk exists: the ratio, or its equal parts, are undefined"
        return without_weights(problem, solver, Status.INFEASIBLE, message, chain=chain)
    worst = certificate(profile, problem, clean, before=before)
    held = clean * _share(profile, problem, clean)
    return Solution(
        weights=held,
        status=Status.OPTIMAL if worst <= TOLERANCE else Status.APPROXIMATE,
        solver=solver,
        fallback_chain=chain,
        condition_number=problem.condition_number,
        shrinkage=problem.shrinkage,
        objective=objective_of(profile, problem, clean),
        kkt_residual=worst,
    )


def certificate(
    profile: Profile,
    problem: Problem,
    weights: np.ndarray,
    *,
    before: np.ndarray | None = None,
) -> float:
    """Return the relative residual of a profile's optimality conditions.

    Parameters
    ----------
    profile : Profile
        What was optimised.
    problem : Problem
        What it was optimised on, for n atoms.
    weights : numpy.ndarray, shape (n,)
        Weights that sum to 1, before the scaling to a target volatility.
    before : numpy.ndarray of shape (n,), optional
        The weights that were moved to the nearest that keep all constraints, where they were.

    Returns
    -------
    float
        NaN for ``hrp``, which optimises nothing; else at least 0.
    """
    room = room_of(profile, problem)
    start = weights if before is None else before
    own = _own_residual(profile, problem, room, start)
    if before is None or math.isnan(own):
        return own
    sizes = np.full(len(weights), float(np.abs(weights).max() + np.abs(before).max()))
    return max(own, residual(room, weights, Slope(weights - before, sizes)))


def _own_residual(profile: Profile, problem: Problem, room: Room, weights: np.ndarray) -> float:
    if profile.name in {"equal_weight", "market"}:
        return float(np.abs(weights - 1.0 / len(weights)).max())
    if isinstance(profile, RiskParity):
        contributions = weights * (problem.covariance @ weights)
        return budget_residual(room.upper, weights, contributions)
    if isinstance(profile, Barbell):
        return _residual_of_core(profile, problem, weights)
    if profile.name == "hrp":
        return math.nan
    return residual(room, weights, slope_of(profile, problem, weights))


def _residual_of_core(profile: Barbell, problem: Problem, weights: np.ndarray) -> float:
    chosen = profile.satellites(problem.covariance.diagonal())
    if not chosen.any():
        return abs(float(weights.sum()) - 1.0)
    wanted = profile.aggressive / chosen.sum()
    off = float(np.abs(weights[chosen] - wanted).max())
    core = restricted(problem, ~chosen)
    inner = weights[~chosen] / (1.0 - profile.aggressive)
    plain = MinVariance()
    return max(off, residual(room_of(plain, core), inner, slope_of(plain, core, inner)))


def restricted(problem: Problem, kept: np.ndarray) -> Problem:
    """Return the estimates of some atoms alone, without what is held."""
    return replace(
        problem,
        mean=problem.mean[kept],
        covariance=np.ascontiguousarray(problem.covariance[np.ix_(kept, kept)]),
        symbols=(),
        held=None,
        held_outside=0.0,
        beta=None,
    )


def _riskless(problem: Problem, weights: np.ndarray) -> bool:
    """Return whether the variance is rounding, against that of perfectly correlated assets."""
    aligned = float(weights @ np.sqrt(problem.covariance.diagonal())) ** 2
    return float(weights @ problem.covariance @ weights) <= _RISKLESS * aligned


def _share(profile: Profile, problem: Problem, weights: np.ndarray) -> float:
    target = profile.target_volatility if isinstance(profile, Constraints) else None
    if target is None:
        return 1.0
    variance = float(weights @ problem.covariance @ weights)
    volatility = math.sqrt(max(variance, 0.0) * problem.periods_per_year)
    return min(1.0, target / volatility) if volatility > 0 else 1.0


def screened(profile: Profile, problem: Problem) -> Problem | tuple[Status, str]:
    """Return the problem in contiguous float64, or the status and reason that refuse it.

    Refused are estimates that are not finite, a covariance of another shape, not symmetric, with a
    negative variance or not positive semidefinite, and constraints that contradict each other.
    """
    n = len(problem.mean)
    if n == 0:
        return Status.EMPTY, "nothing is selected"
    target = profile.target_volatility if isinstance(profile, Constraints) else None
    if profile.needs_covariance or target is not None:
        message = _flaw(problem)
        if message:
            return Status.FAILED, message
        problem = replace(
            problem,
            mean=np.ascontiguousarray(problem.mean, dtype=np.float64),
            covariance=np.ascontiguousarray(problem.covariance, dtype=np.float64),
        )
    message = _misfit(profile, problem)
    if message:
        return Status.FAILED, message
    lack = _without_optimum(profile, problem) or room_of(profile, problem).lack()
    return (Status.INFEASIBLE, lack) if lack else problem


def _flaw(problem: Problem) -> str:
    matrix, n = np.asarray(problem.covariance, dtype=np.float64), len(problem.mean)
    if matrix.shape != (n, n):
        return f"expected a covariance of shape {(n, n)}, found {matrix.shape}"
    if not (
        np.isfinite(matrix).all()
        and np.isfinite(problem.mean).all()
        and math.isfinite(problem.risk_free)
    ):
        return "the mean or the covariance has an entry that is not finite"
    if matrix.diagonal().min() < 0:
        return "the covariance has a negative variance"
    top = float(np.abs(matrix).max())
    if top > 0:
        if float(np.abs(matrix - matrix.T).max()) > _ROUNDING * top:
            return "the covariance is not symmetric"
        values = np.linalg.eigvalsh(matrix / top)
        if values[0] < -_ROUNDING * values[-1]:
            return f"the covariance is not positive semidefinite: an eigenvalue is {values[0]:.1e}"
    return ""


def _without_optimum(profile: Profile, problem: Problem) -> str:
    """Say why a profile has no optimum on estimates that are sound; empty if it may have one."""
    if profile.name in _UNDEFINED_WITHOUT_RISK - {"max_sharpe"}:
        flat = np.flatnonzero(problem.covariance.diagonal() == 0)
        what = (
            "it cannot contribute an equal share of risk"
            if profile.name == "risk_parity"
            else "the diversification ratio is undefined"
        )
        return f"asset {flat[0]} has no variance, so {what}" if len(flat) else ""
    if profile.name == "max_sharpe":
        excess = problem.mean - problem.risk_free
        if not excess.max() > 0:
            return f"no portfolio has a positive excess mean; the best is {excess.max():.3e}"
        if (excess[problem.covariance.diagonal() == 0] > 0).any():
            return "an atom without variance has a positive excess mean: the ratio is unbounded"
    return ""


def _misfit(profile: Profile, problem: Problem) -> str:
    n = len(problem.mean)
    if isinstance(profile, Constraints) and profile.groups and len(problem.symbols) != n:
        return f"groups need a symbol for each of {n} atoms, found {len(problem.symbols)}"
    if profile.name == "market_neutral":
        beta = problem.beta
        if beta is None or len(beta) != n or not np.isfinite(beta).all():
            return f"expected a finite beta for each of {n} atoms"
    limited = isinstance(profile, Constraints) and profile.turnover is not None
    held = problem.held if limited else None
    if held is not None and (len(held) != n or not np.isfinite(held).all()):
        return f"expected what is held of each of {n} atoms, finite"
    return ""


def without_weights(
    problem: Problem, solver: str, status: Status, message: str, *, chain: tuple[str, ...] = ()
) -> Solution:
    """Return a solution that holds nothing and says why."""
    return Solution(
        weights=np.zeros(len(problem.mean)),
        status=status,
        solver=solver,
        fallback_chain=chain,
        condition_number=problem.condition_number,
        shrinkage=problem.shrinkage,
        message=message,
    )
