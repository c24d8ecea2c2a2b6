"""Objective and gradient of each profile that optimises, at any weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines._optimality import Slope
from quant_core.profiles import MaxDiversification, MaxSharpe, MeanVariance

if TYPE_CHECKING:
    from quant_core.profiles import Problem, Profile

__all__ = ["objective_of", "reward_of", "slope_of"]

_VOLATILE = frozenset({"barbell", "hrp", "risk_parity"})


def objective_of(profile: Profile, problem: Problem, weights: np.ndarray) -> float:
    """Return the objective as the profile reports it; NaN where it has none."""
    if not profile.needs_covariance:
        return math.nan
    variance = float(weights @ problem.covariance @ weights)
    if profile.name in _VOLATILE:
        return math.sqrt(max(variance, 0.0))
    if isinstance(profile, MeanVariance):
        return float(problem.mean @ weights) - profile.risk_aversion / 2 * variance
    reward = reward_of(profile, problem)
    if reward is None:
        return variance
    return float(reward @ weights) / math.sqrt(variance) if variance > 0 else math.nan


def slope_of(profile: Profile, problem: Problem, weights: np.ndarray) -> Slope:
    """Return the gradient of the variance, the utility or the ratio, to be minimised.

    At the maximum of ``q'w / sqrt(w'Sw)`` the gradient is that of ``w'Sw/2 - t q'w`` with
    ``t = w'Sw / q'w``.
    """
    marginal = problem.covariance @ weights
    terms = np.abs(problem.covariance) @ np.abs(weights)
    linear = np.zeros_like(weights)
    reward = reward_of(profile, problem)
    if isinstance(profile, MeanVariance):
        linear = problem.mean / profile.risk_aversion
    elif reward is not None:
        gain = float(reward @ weights)
        if not gain > 0:
            return Slope(np.full_like(weights, np.nan), terms)
        linear = reward * (float(weights @ marginal) / gain)
    return Slope(marginal - linear, terms + np.abs(linear))


def reward_of(profile: Profile, problem: Problem) -> np.ndarray | None:
    """Return what a ratio profile holds per unit of risk; None for the others."""
    if isinstance(profile, MaxSharpe):
        return np.asarray(problem.mean - problem.risk_free)
    if isinstance(profile, MaxDiversification):
        return np.sqrt(problem.covariance.diagonal())
    return None
