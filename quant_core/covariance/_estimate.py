"""What a covariance estimator returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

__all__ = ["Estimate", "condition_number"]


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

    LAPACK's ``dpocon`` estimates ``|A^-1|`` from the Cholesky factor in O(n^2).

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
    reciprocal, _ = lapack.dpocon(factor, norm)
    return 1.0 / reciprocal if reciprocal > np.finfo(float).eps else float("inf")
