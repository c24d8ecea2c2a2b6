"""Constraints beyond a cap: kept by what is optimised, moved to by what is not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines.native._capped_ratio import price_of, ratio, richest, riskless
from quant_core.engines.native._outcome import TOLERANCE, Found, NotFound, solution, without_weights
from quant_core.engines.native._polytope import Polytope, polytope_of
from quant_core.engines.native._quadratic import (
    CONTRADICTION,
    Optimum,
    leap,
    minimise,
    near,
    residual,
)
from quant_core.engines.native._screen import Screened, screen
from quant_core.profiles import WEIGHTED, Status

if TYPE_CHECKING:
    from quant_core.profiles import ConstrainedProfile, Problem, Solution

__all__ = ["constrain"]

_ROUNDS = 60
_CONVERGED = 1e-11
# Leaps may go to and fro between two sets; steps without them only approach.
_LEAPS = 8
_FLAT = 1e-6


def constrain(profile: ConstrainedProfile, problem: Problem, relaxed: Solution) -> Solution:
    """Return the solution under every constraint of a profile.

    Where the solution without them keeps them it is the answer. Otherwise what minimises or
    maximises is solved over the polytope, and what does not is moved to its nearest point. The
    scaling to a target volatility comes last; objective and residual are those before it.

    Parameters
    ----------
    profile : ConstrainedProfile
        The profile.
    problem : Problem
        Of n atoms, n at least 1.
    relaxed : Solution
        The profile's solution under its cap alone.
    """
    polytope = _polytope(profile, problem)
    if isinstance(polytope, NotFound):
        return without_weights(problem, polytope)
    if relaxed.status in WEIGHTED and polytope.keeps(relaxed.weights):
        return _scaled(profile, problem, relaxed)
    if profile.name in _OPTIMA:
        found = _optimum(profile, problem, polytope, relaxed)
    elif relaxed.status in WEIGHTED:
        found = _moved(profile, problem, polytope, relaxed)
    else:
        found = relaxed
    return _scaled(profile, problem, found)


def _polytope(profile: ConstrainedProfile, problem: Problem) -> Polytope | NotFound:
    found = polytope_of(profile, problem)
    if isinstance(found, NotFound) or profile.name != "market_neutral":
        return found
    tolerance, beta = getattr(profile, "tolerance", 0.0), problem.beta
    if beta is None or beta.shape != problem.mean.shape or not np.isfinite(beta).all():
        return NotFound(
            Status.FAILED, f"market_neutral expects a beta of {len(problem.mean)} atoms"
        )
    return found.with_row("the exposure to the market", beta, -tolerance, tolerance)


def _optimum(
    profile: ConstrainedProfile, problem: Problem, polytope: Polytope, relaxed: Solution
) -> Solution:
    checked = screen(problem, None)
    if isinstance(checked, NotFound):
        return without_weights(problem, checked)
    reward = _rewards(profile, problem, checked)
    if isinstance(reward, NotFound):
        return without_weights(problem, reward)
    if profile.name in _RATIOS:
        best = _maximise(checked, reward, polytope, relaxed.weights)
    else:
        close = near(relaxed.weights, polytope)
        best = minimise(checked.matrix, reward, polytope, close)
    if isinstance(best, NotFound):
        best = _named(best, polytope)
        return without_weights(problem, replace(best, chain=(*relaxed.fallback_chain, *best.chain)))
    found = Found(best.weights, best.residual, "dual_active_set")
    return solution(problem, found, _objective(profile, problem, checked, best.weights))


_RATIOS = frozenset({"max_diversification", "max_sharpe"})
_OPTIMA = frozenset({*_RATIOS, "market_neutral", "mean_variance", "min_variance"})


def _rewards(
    profile: ConstrainedProfile, problem: Problem, checked: Screened
) -> np.ndarray | NotFound:
    """Return the vector q of the profile's problem."""
    if profile.name == "mean_variance":
        return np.asarray(checked.mean / getattr(profile, "risk_aversion", 1.0))
    if profile.name == "max_sharpe":
        return np.asarray(checked.mean - problem.risk_free)
    if profile.name == "max_diversification":
        if checked.least == 0:
            flat = int(checked.matrix.diagonal().argmin())
            message = f"asset {flat} has no variance, so the diversification ratio is undefined"
            return NotFound(Status.INFEASIBLE, message)
        return np.asarray(np.sqrt(checked.matrix.diagonal()))
    return np.zeros(len(checked.mean))


def _objective(
    profile: ConstrainedProfile, problem: Problem, checked: Screened, weights: np.ndarray
) -> float:
    variance = float(weights @ checked.matrix @ weights)
    if profile.name == "mean_variance":
        aversion = getattr(profile, "risk_aversion", 1.0)
        return float(checked.mean @ weights) - aversion / 2 * variance
    if profile.name == "max_sharpe":
        return ratio(checked.matrix, checked.mean - problem.risk_free, weights)
    if profile.name == "max_diversification":
        return ratio(checked.matrix, np.sqrt(checked.matrix.diagonal()), weights)
    return variance


def _maximise(
    checked: Screened, reward: np.ndarray, polytope: Polytope, relaxed: np.ndarray
) -> Optimum | NotFound:
    """Maximise ``q'w / sqrt(w'Sw)`` by pivots from the relaxed sets, or Dinkelbach's steps."""
    largest = float(np.abs(reward).max()) or 1.0
    matrix, gain = checked.matrix, reward * (checked.scale / largest)
    found = _leapt(matrix, gain, polytope, relaxed)
    if found is not None:
        return found
    start = _rewarding(reward / largest, polytope, relaxed)
    if isinstance(start, NotFound):
        return start
    price, error, last = price_of(matrix, gain, start), np.inf, np.inf
    before, close = (price, start), near(start, polytope)
    for number in range(_ROUNDS):
        inner = minimise(matrix, price * gain, polytope, close)
        asked = price
        if isinstance(inner, NotFound):
            return inner
        if riskless(matrix, inner.weights):
            message = "a portfolio without risk has a positive reward: the ratio is unbounded"
            return NotFound(Status.INFEASIBLE, message)
        price = price_of(matrix, gain, inner.weights)
        if not price > 0:
            break
        prices = inner.prices, inner.price_of_sales
        last, error = error, residual(matrix, price * gain, polytope, inner.weights, *prices)
        if error <= _CONVERGED or last <= error <= TOLERANCE:
            return replace(inner, residual=error)
        if number < _LEAPS:
            price = _extrapolated(matrix, gain, before, (asked, inner.weights), price)
        before, close = (asked, inner.weights), inner.near
    message = "the ratio did not converge; a portfolio without risk may exist"
    return NotFound(Status.FAILED, message, (f"dinkelbach: residual {error:.1e}",))


def _leapt(
    matrix: np.ndarray, gain: np.ndarray, polytope: Polytope, relaxed: np.ndarray
) -> Optimum | None:
    found = leap(matrix, gain, polytope, near(relaxed, polytope))
    if found is None or riskless(matrix, found.weights):
        return None
    price, prices = price_of(matrix, gain, found.weights), (found.prices, found.price_of_sales)
    error = residual(matrix, price * gain, polytope, found.weights, *prices)
    return replace(found, residual=error) if error <= _CONVERGED else None


def _extrapolated(
    matrix: np.ndarray,
    gain: np.ndarray,
    before: tuple[float, np.ndarray],
    now: tuple[float, np.ndarray],
    price: float,
) -> float:
    """Return the price of the optimum if the sets stay: weights are linear in the price there."""
    step = now[0] - before[0]
    if step == 0:
        return price
    change = (now[1] - before[1]) / step
    base = now[1] - now[0] * change
    below = float(gain @ base) - 2 * float(base @ matrix @ change)
    found = float(base @ matrix @ base) / below if below > 0 else np.nan
    return found if found > 0 and np.isfinite(found) else price


def _rewarding(
    reward: np.ndarray, polytope: Polytope, relaxed: np.ndarray
) -> np.ndarray | NotFound:
    """Return feasible weights with a positive reward, near the relaxed ones where those will do."""
    towards = relaxed if relaxed.any() else richest(reward, polytope.upper)
    nearest = minimise(np.eye(len(reward)), towards, polytope, near(towards, polytope))
    if isinstance(nearest, NotFound) or float(reward @ nearest.weights) > 0:
        return nearest if isinstance(nearest, NotFound) else nearest.weights
    best = minimise(_FLAT * np.eye(len(reward)), reward, polytope)
    if isinstance(best, NotFound):
        return best
    gain = float(reward @ best.weights)
    if gain > 0:
        return best.weights
    message = f"no feasible portfolio has a positive excess mean; the best is {gain:.3e}"
    return NotFound(Status.INFEASIBLE, message)


def _moved(
    profile: ConstrainedProfile, problem: Problem, polytope: Polytope, relaxed: Solution
) -> Solution:
    n = len(relaxed.weights)
    nearest = minimise(np.eye(n), relaxed.weights, polytope, near(relaxed.weights, polytope))
    if isinstance(nearest, NotFound):
        return without_weights(problem, _named(nearest, polytope))
    objective = np.nan
    if profile.needs_covariance:
        objective = math.sqrt(_variance(problem, nearest.weights))
    return replace(
        relaxed,
        weights=nearest.weights,
        solver=f"{relaxed.solver} > projection",
        objective=objective,
        kkt_residual=float(np.fmax(relaxed.kkt_residual, nearest.residual)),
    )


def _named(why: NotFound, polytope: Polytope) -> NotFound:
    """Say which constraint leaves nothing, on top of those before it."""
    if why.status is not Status.INFEASIBLE or why.message != CONTRADICTION:
        return why
    n = len(polytope.held)
    before = [f"weights from {polytope.lower:g} to {polytope.upper:g}"]
    for name, part in polytope.growing():
        if isinstance(minimise(np.eye(n), np.full(n, 1.0 / n), part), NotFound):
            return replace(why, message=f"{name} cannot be kept beside {', '.join(before)}")
        before.append(name)
    return why


def _scaled(profile: ConstrainedProfile, problem: Problem, found: Solution) -> Solution:
    """Put into cash what is too much for the target volatility."""
    target = profile.target_volatility
    if target is None or found.status not in WEIGHTED:
        return found
    checked = screen(problem, None)
    if isinstance(checked, NotFound):
        return without_weights(problem, checked)
    volatility = math.sqrt(_variance(problem, found.weights) * problem.periods_per_year)
    if volatility <= target:
        return found
    return replace(found, weights=found.weights * (target / volatility))


def _variance(problem: Problem, weights: np.ndarray) -> float:
    return max(float(weights @ problem.covariance @ weights), 0.0)
