"""What a covariance estimator returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Estimate", "condition_number"]

_STEPS = 4


@dataclass(frozen=True)
class Estimate:
    """Mean and covariance of k columns over one train window.

    Parameters
    ----------
    mean : numpy.ndarray, shape (k,)
        Arithmetic mean simple return per period, whatever the covariance estimator.
    covariance : numpy.ndarray, shape (k, k)
        Covariance of simple returns per period, exactly symmetric.
    shrinkage : float
        Intensity in [0, 1] of the shrinkage towards a multiple of the identity; 0 for none.
    """

    mean: np.ndarray
    covariance: np.ndarray = field(repr=False)
    shrinkage: float = 0.0

    @cached_property
    def condition_number(self) -> float:
        """The 1-norm condition number of the covariance, factored when first asked for."""
        return condition_number(self.covariance)


def condition_number(matrix: np.ndarray) -> float:
    """Estimate the 1-norm condition number of a symmetric positive semidefinite matrix.

    ``|A^-1|`` is estimated from the Cholesky factor in O(n^2): Higham, "FORTRAN codes for
    estimating the one-norm of a real or complex matrix", ACM Transactions on Mathematical
    Software 14 (1988), algorithm 4.1, which is LAPACK's ``dlacn2``.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, n)
        Symmetric matrix.

    Returns
    -------
    float
        At least 1; ``inf`` if the matrix is singular to double precision, NaN if it has an
        entry that is not finite or no rows.
    """
    from scipy.linalg import lapack  # noqa: PLC0415 - half the start-up time of the package

    norm = float(np.abs(matrix).sum(axis=0).max(initial=np.nan if matrix.size == 0 else 0.0))
    if not np.isfinite(norm):
        return float("nan")
    factor, failed = lapack.dpotrf(matrix, lower=0)
    if failed:
        return float("inf")

    # Not LAPACK's dpocon: the last bit of a sum in it depends on where its work array lies.
    def solve(right: np.ndarray) -> np.ndarray:
        return np.asarray(lapack.dpotrs(factor, right, lower=0)[0])

    condition = norm * _inverse_norm(solve, len(matrix))
    return condition if condition < 1.0 / np.finfo(float).eps else float("inf")


def _inverse_norm(solve: Callable[[np.ndarray], np.ndarray], n: int) -> float:
    """Estimate the 1-norm of the inverse of a symmetric matrix from products with it."""
    answer = solve(np.full(n, 1.0 / n))
    norm = float(np.abs(answer).sum())
    signs = np.where(answer < 0.0, -1.0, 1.0)
    slope = np.abs(solve(signs))
    for _ in range(_STEPS if n > 1 else 0):
        best = int(np.argmax(slope))
        answer = solve(np.eye(1, n, best)[0])
        found, turned = float(np.abs(answer).sum()), np.where(answer < 0.0, -1.0, 1.0)
        norm, better = max(norm, found), found > norm
        if not better or np.array_equal(turned, signs):
            break
        signs, slope = turned, np.abs(solve(turned))
        if slope[best] == slope.max():
            break
    trial = np.linspace(1.0, 2.0, n) * np.where(np.arange(n) % 2, -1.0, 1.0)
    return max(norm, 2.0 * float(np.abs(solve(trial)).sum()) / (3.0 * n))
