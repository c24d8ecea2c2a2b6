"""What adapters hand to other libraries: scaled moments, rows of bounds, settings of the solver."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.engines._conditions import reward_of
from quant_core.engines._external import TIME_LIMIT, Answer, NoAnswer
from quant_core.profiles import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quant_core.engines._feasible import Room
    from quant_core.profiles import Problem, Profile

__all__ = [
    "Moments",
    "by_clarabel",
    "library",
    "moments",
    "one_sided",
    "rewarded",
    "towards",
    "within_cap",
]

_TOLERANCES = (1e-12, 1e-9)
_ENOUGH = 1e-7
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and covariance in units that solvers with absolute tolerances do well in."""

    mean: np.ndarray
    covariance: np.ndarray


def library(name: str) -> Any:
    """Import a module of an extra, which is slow and ships no types that a checker can use."""
    return import_module(name)


def moments(problem: Problem) -> Moments:
    """Return mean and covariance over the mean variance, which changes no portfolio."""
    scale = float(problem.covariance.diagonal().mean()) or 1.0
    return Moments(problem.mean / scale, problem.covariance / scale)


def rewarded(profile: Profile, problem: Problem) -> Moments | NoAnswer | None:
    """Return moments with what a ratio rewards for a mean, at most 1; None without a ratio."""
    reward = reward_of(profile, problem)
    if reward is None:
        return None
    best = float(reward.max())
    if not best > 0:
        message = f"no feasible portfolio has a positive excess mean; the best is {best:.3e}"
        return NoAnswer(Status.INFEASIBLE, message)
    return Moments(reward / float(np.abs(reward).max()), moments(problem).covariance)


def towards(weights: np.ndarray) -> Moments:
    """Return the moments of which the utility with aversion 1 is highest nearest to weights."""
    return Moments(weights, np.eye(len(weights)))


def one_sided(room: Room) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of sums as ``A w <= b``: A of shape (2K, n), b of shape (2K,)."""
    return np.vstack([room.rows, -room.rows]), np.concatenate([room.most, -room.least])


def within_cap(found: Answer | NoAnswer, room: Room, why: str) -> Answer | NoAnswer:
    """Return weights that no cap changes, or that a cap of ours is not one of the library's."""
    if isinstance(found, Answer) and float(np.max(found.weights)) > room.upper + _ROUNDING:
        return NoAnswer(Status.UNSUPPORTED, f"a cap of {room.upper:g} binds: {why}")
    return found


def by_clarabel(solve: Callable[[Mapping[str, float]], Answer | NoAnswer]) -> Answer | NoAnswer:
    """Solve as tightly as Clarabel can: again with a looser tolerance where it fails."""
    chain: tuple[str, ...] = ()
    found: Answer | NoAnswer = NoAnswer(Status.FAILED, "")
    for tolerance in _TOLERANCES:
        found = solve(_settings(tolerance))
        if isinstance(found, Answer) or found.status is not Status.FAILED:
            break
        chain = (*chain, f"clarabel at {tolerance:g}: {found.message}")
    return replace(found, chain=chain)


def _settings(tolerance: float) -> dict[str, float]:
    return {
        "tol_gap_abs": tolerance,
        "tol_gap_rel": tolerance,
        "tol_feas": tolerance,
        # What it may stop at short of that, and call inaccurate; 5e-5 by default.
        "reduced_tol_gap_abs": _ENOUGH,
        "reduced_tol_gap_rel": _ENOUGH,
        "reduced_tol_feas": _ENOUGH,
        "max_threads": 1,
        "time_limit": TIME_LIMIT,
    }
