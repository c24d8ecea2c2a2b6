"""What becomes of another library's weights: cleaned, judged by our own conditions, certified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.profiles import Solution, Status

if TYPE_CHECKING:
    from quant_core.profiles import Problem, Profile

__all__ = ["RAW_VIOLATION", "TOLERANCE", "finished", "screened", "without_weights"]

TOLERANCE = 1e-9
"""Largest relative residual of the optimality conditions of weights that are called optimal."""

RAW_VIOLATION = 1e-6
"""Largest violation of a bound by raw weights that is cleaned; above it they are refused."""


def finished(
    profile: Profile,
    problem: Problem,
    weights: np.ndarray,
    *,
    solver: str,
    chain: tuple[str, ...] = (),
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

    Returns
    -------
    Solution
        ``optimal`` where the residual of our own optimality conditions is at most 1e-9 or where
        the profile has none, ``approximate`` for any other valid portfolio, ``failed`` with the
        reason where raw weights violate a bound by more than 1e-6.
    """
    del profile
    raw = np.asarray(weights, dtype=np.float64).reshape(-1)
    if raw.shape != problem.mean.shape or not np.isfinite(raw).all():
        message = f"expected {len(problem.mean)} finite weights, found {raw.size}"
        return without_weights(problem, solver, Status.FAILED, message, chain=chain)
    off = max(float(-raw.min()), abs(float(raw.sum()) - 1.0))
    if off > RAW_VIOLATION:
        message = f"{solver} returned weights that violate a bound by {off:.1e}"
        return without_weights(problem, solver, Status.FAILED, message, chain=chain)
    clean = np.maximum(raw, 0.0)
    return Solution(
        weights=clean / clean.sum(),
        status=Status.APPROXIMATE,
        solver=solver,
        fallback_chain=chain,
        condition_number=problem.condition_number,
        shrinkage=problem.shrinkage,
    )


def screened(profile: Profile, problem: Problem) -> Problem | tuple[Status, str]:
    """Return the problem in contiguous float64, or the status and reason that refuse it."""
    del profile
    if len(problem.mean) == 0:
        return Status.EMPTY, "nothing is selected"
    return problem


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
