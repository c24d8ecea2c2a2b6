"""The cvxpy engine: every convex profile as the program that its definition reads as."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from quant_core.engines._conditions import reward_of
from quant_core.engines._external import TIME_LIMIT, Answer, ExternalEngine, NoAnswer
from quant_core.engines._feasible import Room, room_of
from quant_core.profiles import MeanVariance, RiskParity, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.profiles import Problem, Profile

__all__ = ["CvxpyEngine"]

_SOLVER = "clarabel"
_TIGHT = 1e-13
_LOOSE = 1e-9
_ROUNDS = 60
_BUDGET = 1e-12


class CvxpyEngine(ExternalEngine):
    """Solve convex programs written in cvxpy with Clarabel (optional extra ``engines``).

    It is the reference that the other engines are held against: nothing but the definition of the
    profile, and an interior-point method at tolerances near rounding. Estimates are scaled to a
    mean variance of 1 first, which changes no optimum.
    """

    name = "cvxpy"
    extra = "engines"
    packages: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"cvxpy": "cvxpy", "clarabel": "clarabel"}
    )
    profiles = (
        "adaptive",
        "barbell",
        "equal_weight",
        "market",
        "market_neutral",
        "max_diversification",
        "max_sharpe",
        "mean_variance",
        "min_variance",
        "risk_parity",
    )

    def answer(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        """Return the solution of the profile's program."""
        n = len(problem.mean)
        if profile.name in {"equal_weight", "market"}:
            return Answer(np.full(n, 1.0 / n), "equal_weight")
        room = room_of(profile, problem)
        scale = float(problem.covariance.diagonal().mean()) or 1.0
        matrix = problem.covariance / scale
        if isinstance(profile, RiskParity):
            return _equal_risk(matrix, room.upper)
        reward = reward_of(profile, problem)
        if reward is not None:
            return _ratio(matrix, reward, room)
        linear = np.zeros(n)
        if isinstance(profile, MeanVariance):
            linear = problem.mean / (profile.risk_aversion * scale)
        return _least(matrix, linear, room)

    def nearest(self, room: Room, weights: np.ndarray) -> Answer | NoAnswer:
        """Return the weights nearest to some that break a constraint."""
        return _least(np.eye(len(weights)), weights, room)


def _cvxpy() -> Any:
    """Return the library, whose stubs do not name what it exports."""
    import cvxpy

    return cvxpy


def _least(matrix: np.ndarray, linear: np.ndarray, room: Room) -> Answer | NoAnswer:
    """Minimise ``w'Sw/2 - q'w``."""
    cp = _cvxpy()
    w = cp.Variable(len(linear))
    cost = cp.quad_form(w, cp.psd_wrap(matrix)) / 2 - linear @ w
    program = cp.Problem(cp.Minimize(cost), _allowed(room, w, 1.0))
    failure, chain = _solved(program)
    return failure or Answer(np.asarray(w.value), _SOLVER, chain)


def _ratio(matrix: np.ndarray, reward: np.ndarray, room: Room) -> Answer | NoAnswer:
    """Maximise ``q'w / sqrt(w'Sw)`` as ``min y'Sy`` with ``q'y = 1``, ``w = y / sum y``.

    Charnes & Cooper, Naval Research Logistics Quarterly 9 (1962): constraints on w become
    homogeneous in y and its sum k.
    """
    cp = _cvxpy()
    y, k = cp.Variable(len(reward)), cp.Variable(nonneg=True)
    program = cp.Problem(
        cp.Minimize(cp.quad_form(y, cp.psd_wrap(matrix))),
        [(reward / reward.max()) @ y == 1, *_allowed(room, y, k)],
    )
    failure, chain = _solved(program)
    if failure and failure.status is Status.INFEASIBLE:
        message = "no feasible portfolio has a positive excess mean"
        return NoAnswer(Status.INFEASIBLE, message, failure.chain)
    if failure:
        return failure
    total = float(np.sum(y.value))
    weights = np.asarray(y.value) / total if total > 0 else np.full(len(reward), np.nan)
    return Answer(weights, _SOLVER, chain)


def _equal_risk(matrix: np.ndarray, cap: float) -> Answer | NoAnswer:
    """Minimise ``x'Sx/2 - lambda sum(log x)/n``, ``x <= cap``, with lambda such that sum x = 1."""
    cp = _cvxpy()
    n = len(matrix)
    if cap * n <= 1.0:
        return Answer(np.full(n, 1.0 / n), "only_portfolio")
    # In x / volatility the matrix is a correlation: the best conditioned form of the program.
    sizes = np.sqrt(matrix.diagonal())
    x = cp.Variable(n)
    cost = cp.quad_form(x, cp.psd_wrap(matrix / np.outer(sizes, sizes))) / 2
    free = cp.Problem(cp.Minimize(cost - cp.sum(cp.log(x)) / n))
    failure, chain = _solved(free)
    if failure:
        return failure
    weights = np.asarray(x.value) / sizes
    weights = weights / weights.sum()
    if float(weights.max()) <= cap:
        return Answer(weights, _SOLVER, chain)
    level = cp.Parameter(nonneg=True)
    capped = cp.Problem(cp.Minimize(cost - level * cp.sum(cp.log(x)) / n), [x <= cap * sizes])
    return _at_full_budget(capped, level, x, sizes, start=float(weights @ matrix @ weights))


def _at_full_budget(
    program: Any, level: Any, x: Any, sizes: np.ndarray, *, start: float
) -> Answer | NoAnswer:
    """Find the lambda at which the weights sum to 1, by a bracketed secant in its logarithm."""
    chain: tuple[str, ...] = ()

    def missing(log_level: float) -> float | NoAnswer:
        nonlocal chain
        level.value = math.exp(log_level)
        failure, chain = _solved(program)
        return failure or float(np.sum(x.value / sizes)) - 1.0

    low = math.log(start)
    high, low_gap, gap = low, -1.0, -1.0
    while gap < 0 and high < low + _ROUNDS:
        found = missing(high + 1.0)
        if isinstance(found, NoAnswer):
            return found
        low, low_gap = (high, gap) if found < 0 else (low, low_gap)
        high, gap = high + 1.0, found
    high_gap, side = gap, 0
    for _ in range(_ROUNDS):
        if abs(gap) <= _BUDGET or high - low <= _BUDGET:
            break
        middle = high - high_gap * (high - low) / (high_gap - low_gap)
        found = missing(middle)
        if isinstance(found, NoAnswer):
            return found
        gap = found
        if gap < 0:
            low, low_gap, high_gap = middle, gap, high_gap / 2 if side < 0 else high_gap
            side = -1
        else:
            high, high_gap, low_gap = middle, gap, low_gap / 2 if side > 0 else low_gap
            side = 1
    return Answer(np.asarray(x.value) / sizes, _SOLVER, chain)


def _allowed(room: Room, w: Any, total: Any) -> list[Any]:
    """Return the constraints on weights w that sum to a total, a number or a variable."""
    cp = _cvxpy()
    bounds = [cp.sum(w) == total, w >= room.lower * total, w <= room.upper * total]
    if len(room.rows):
        sums = room.rows @ w
        bounds += [sums >= room.least * total, sums <= room.most * total]
    if room.held is not None:
        bounds.append(cp.norm1(w - room.held * total) <= room.trade * total)
    return bounds


def _solved(program: Any) -> tuple[NoAnswer | None, tuple[str, ...]]:
    """Solve as exactly as Clarabel can; say why there is no solution, and what was tried."""
    cp = _cvxpy()
    chain: tuple[str, ...] = ()
    for tolerance in (_TIGHT, _LOOSE):
        try:
            program.solve(
                solver=cp.CLARABEL,
                tol_gap_abs=tolerance,
                tol_gap_rel=tolerance,
                tol_feas=tolerance,
                tol_ktratio=tolerance,
                max_iter=200,
                time_limit=TIME_LIMIT,
                max_threads=1,
            )
        except cp.SolverError as error:
            status = " ".join(str(error).split())[:80]
        else:
            status = str(program.status)
        if status == cp.OPTIMAL:
            return None, chain
        if status in {cp.INFEASIBLE, cp.INFEASIBLE_INACCURATE}:
            message = f"{_SOLVER} says that no portfolio keeps the constraints"
            return NoAnswer(Status.INFEASIBLE, message, chain), chain
        chain = (*chain, f"{_SOLVER} at {tolerance:g}: {status}")
        if status == cp.OPTIMAL_INACCURATE and tolerance == _LOOSE:
            return None, chain
    return NoAnswer(Status.FAILED, f"{_SOLVER} gave no solution", chain), chain
