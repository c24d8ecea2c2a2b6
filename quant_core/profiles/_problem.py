"""What an engine is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

__all__ = ["Problem", "Solution", "Status"]


class Status(StrEnum):
    """How a solve ended."""

    OPTIMAL = "optimal"
    """Certified: residual of the optimality conditions at most 1e-9."""
    FALLBACK = "fallback"
    """Certified, by a later link of the fallback chain."""
    EMPTY = "empty"
    """Nothing to hold, on purpose: the selection is empty."""
    INFEASIBLE = "infeasible"
    """The constraints contradict the data, for example no asset with a positive excess mean."""
    FAILED = "failed"
    """No link of the chain gave a certified answer."""
    UNAVAILABLE = "unavailable"
    """What the cell needs is missing: an extra, or the benchmark."""
    UNSUPPORTED = "unsupported"
    """The engine does not know the profile."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The estimates that a profile is solved on, for the n atoms of one selection.

    Parameters
    ----------
    mean : numpy.ndarray, shape (n,)
        Mean simple return per period.
    covariance : numpy.ndarray, shape (n, n)
        Covariance of simple returns per period, symmetric.
    risk_free : float
        Risk-free simple return per period.
    shrinkage : float
        Intensity of the shrinkage that went into ``covariance``, 0 for none.
    condition_number : float
        1-norm condition number of ``covariance``, NaN if it was not estimated.
    """

    mean: np.ndarray
    covariance: np.ndarray = field(repr=False)
    risk_free: float = 0.0
    shrinkage: float = 0.0
    condition_number: float = np.nan


@dataclass(frozen=True, slots=True)
class Solution:
    """The answer of an engine: weights that are certified, or a status that says why not.

    Parameters
    ----------
    weights : numpy.ndarray, shape (n,)
        Non-negative, sum at most 1; all zero unless ``status`` is optimal or fallback.
    status : Status
        How the solve ended.
    solver : str
        What produced the weights, for example ``"block_pivoting"``.
    fallback_chain : tuple of str
        What was tried, in order, each with the reason it was left: ``"block_pivoting: cycled"``.
    condition_number : float
        1-norm condition number of the covariance that was used, NaN if none was.
    shrinkage : float
        Intensity of the covariance shrinkage.
    objective : float
        Value of the profile's objective at ``weights``, as the profile defines it; NaN without
        weights.
    kkt_residual : float
        Largest relative violation of the optimality conditions; NaN where there are none.
    message : str
        Why there are no weights; empty otherwise.
    """

    weights: np.ndarray
    status: Status
    solver: str
    fallback_chain: tuple[str, ...] = ()
    condition_number: float = np.nan
    shrinkage: float = 0.0
    objective: float = np.nan
    kkt_residual: float = np.nan
    message: str = ""
