"""What an engine is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

__all__ = ["WEIGHTED", "Problem", "Solution", "Status"]


class Status(StrEnum):
    """How a solve ended."""

    OPTIMAL = "optimal"
    """Certified: residual of the optimality conditions at most 1e-9."""
    FALLBACK = "fallback"
    """Certified, by a later link of the fallback chain."""
    APPROXIMATE = "approximate"
    """An engine's own answer, a valid portfolio whose residual is above 1e-9; never by native."""
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


WEIGHTED = frozenset({Status.OPTIMAL, Status.FALLBACK, Status.APPROXIMATE})
"""The statuses of a solve that has weights."""


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
    periods_per_year : int
        Observations in a year, what a target volatility is annualised by.
    symbols : tuple of str, length n
        Symbol of each atom, what groups of constraints name; empty if nothing reads them.
    held : numpy.ndarray of shape (n,), optional
        What is held of each atom before the trade, as weights at the close that is solved at; None
        where nothing is held.
    held_outside : float
        Weight held in atoms that are not among the n, and so are sold; in [0, 1].
    beta : numpy.ndarray of shape (n,), optional
        Regression slope of each atom's returns on the market's; given to profiles that ask for it.
    market : numpy.ndarray of shape (t,), optional
        Returns of the market over the train period; given to profiles that ask for them.
    sound : bool
        Whether ``covariance`` is symmetric and positive semidefinite by the way it was made, as the
        estimates of `quant_core.covariance` are: ``native`` then takes it as it is. It looks
        itself otherwise, which takes longer than most solves.
    known : dict, optional
        Where an engine keeps what it found out about the estimates, for the next profile that is
        solved on them; they must not be changed in place then. None to keep nothing.
    """

    mean: np.ndarray
    covariance: np.ndarray = field(repr=False)
    risk_free: float = 0.0
    shrinkage: float = 0.0
    condition_number: float = np.nan
    periods_per_year: int = 252
    symbols: tuple[str, ...] = field(default=(), repr=False)
    held: np.ndarray | None = field(default=None, repr=False)
    held_outside: float = 0.0
    beta: np.ndarray | None = field(default=None, repr=False)
    market: np.ndarray | None = field(default=None, repr=False)
    sound: bool = False
    known: dict[Any, Any] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Solution:
    """The answer of an engine: weights that are certified, or a status that says why not.

    Parameters
    ----------
    weights : numpy.ndarray, shape (n,)
        Non-negative, sum at most 1; all zero unless ``status`` is optimal,
        fallback or approximate.
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
    regime : str
        The regime that an adaptive profile saw; empty for the others.
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
    regime: str = ""
