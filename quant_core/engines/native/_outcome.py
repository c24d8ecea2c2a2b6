"""What the native solvers hand back, and how it becomes a solution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quant_core.profiles import Problem, Solution, Status

__all__ = ["STRICT", "TOLERANCE", "Found", "NotFound", "solution", "without_weights"]

TOLERANCE = 1e-9
"""Largest relative KKT residual of weights that are handed out."""

STRICT = 1e-8
"""Relative margin above which the support of an optimum counts as proven unique."""


@dataclass(frozen=True, slots=True)
class Found:
    """Certified weights: who made them, and what was tried before."""

    weights: np.ndarray
    residual: float
    solver: str
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotFound:
    """No weights: the status that says why, and what was tried."""

    status: Status
    message: str
    chain: tuple[str, ...] = ()


def solution(problem: Problem, found: Found | NotFound, objective: float = np.nan) -> Solution:
    """Return the solution of a problem, in terms of its own covariance."""
    if isinstance(found, NotFound):
        return without_weights(problem, found)
    return Solution(
        weights=found.weights,
        status=Status.FALLBACK if found.chain else Status.OPTIMAL,
        solver=found.solver,
        fallback_chain=found.chain,
        condition_number=problem.condition_number,
        shrinkage=problem.shrinkage,
        objective=float(objective),
        kkt_residual=float(found.residual),
    )


def without_weights(problem: Problem, why: NotFound) -> Solution:
    """Return a solution that holds nothing and says why."""
    return Solution(
        weights=np.zeros(len(problem.mean)),
        status=why.status,
        solver="native",
        fallback_chain=why.chain,
        condition_number=problem.condition_number,
        shrinkage=problem.shrinkage,
        message=why.message,
    )
