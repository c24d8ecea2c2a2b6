"""What a problem must be before a solver sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from quant_core.engines.native._known import once
from quant_core.engines.native._outcome import NotFound
from quant_core.engines.native._room import room
from quant_core.profiles import Status

if TYPE_CHECKING:
    from quant_core.profiles import Problem

__all__ = ["Screened", "screen"]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Screened:
    """Finite estimates and a cap that at least one portfolio respects.

    ``scale`` is the mean variance, or 1 if there is none; ``least`` is the smallest variance.
    """

    mean: np.ndarray
    matrix: np.ndarray
    cap: float
    scale: float
    least: float


def screen(problem: Problem, cap: float | None) -> Screened | NotFound:
    """Check a problem of n atoms, n at least 1; its covariance, unless it is sound as it is."""
    n = len(problem.mean)
    given, known = problem.covariance, problem.known
    # What a kernel returns has a type equal to float64, not the same: this makes another array.
    matrix = once(known, ("plain",), given, lambda: np.ascontiguousarray(given, dtype=np.float64))
    if matrix.shape != (n, n):
        message = f"expected a covariance of shape {(n, n)}, found {matrix.shape}"
        return NotFound(Status.FAILED, message)
    mean = np.ascontiguousarray(problem.mean, dtype=np.float64)
    rate = problem.risk_free
    finite, least, average = once(known, ("survey",), matrix, lambda: _survey(matrix))
    if not (finite and np.isfinite(rate) and np.isfinite(mean).all()):
        return NotFound(Status.FAILED, "the mean or the covariance has an entry that is not finite")
    if least < 0:
        return NotFound(Status.FAILED, "the covariance has a negative variance")
    flaw = "" if problem.sound else once(known, ("flaw",), matrix, lambda: _flaw(matrix))
    if flaw:
        return NotFound(Status.FAILED, flaw)
    bound = room(cap, n)
    if isinstance(bound, NotFound):
        return bound
    return Screened(mean, matrix, bound, average or 1.0, least)


def _flaw(matrix: np.ndarray) -> str:
    """Say that a finite matrix is not symmetric or not positive semidefinite; empty if it is."""
    top = float(np.abs(matrix).max())
    if top == 0:
        return ""
    if float(np.abs(matrix - matrix.T).max()) > _ROUNDING * top:
        return "the covariance is not symmetric"
    scaled = matrix / top
    try:
        # Half the tolerance, so that a factor proves it; eigenvalues cost ten times as much.
        np.linalg.cholesky(scaled + _ROUNDING / 2 * np.eye(len(scaled)))
    except np.linalg.LinAlgError:
        values = np.linalg.eigvalsh(scaled)
        if values[0] < -_ROUNDING * values[-1]:
            return f"the covariance is not positive semidefinite: an eigenvalue is {values[0]:.1e}"
    return ""


@njit(cache=True)
def _survey(matrix: np.ndarray) -> tuple[bool, float, float]:
    """Return whether every entry is finite, the least and the mean of the diagonal."""
    lanes = np.zeros(len(matrix))
    least, total = np.inf, 0.0
    for i in range(len(matrix)):
        row = matrix[i]
        least = min(least, row[i])
        total += row[i]
        for j in range(len(lanes)):
            lanes[j] += row[j] - row[j]
    return not np.any(lanes != 0.0), least, total / len(matrix)
