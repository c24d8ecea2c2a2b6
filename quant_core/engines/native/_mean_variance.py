"""Quadratic utility."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines.native import _active_set as kernels
from quant_core.engines.native._box import minimise_in_box
from quant_core.engines.native._outcome import NotFound, solution, without_weights
from quant_core.engines.native._screen import screen

if TYPE_CHECKING:
    from quant_core.profiles import MeanVariance, Problem, Solution

__all__ = ["solve"]


def solve(profile: MeanVariance, problem: Problem, warm: np.ndarray | None) -> Solution:
    """Maximise mean less half the risk aversion times variance."""
    checked = screen(problem, profile.cap)
    if isinstance(checked, NotFound):
        return without_weights(problem, checked)
    linear = checked.mean / profile.risk_aversion
    found = minimise_in_box(checked.matrix, linear, checked.cap, warm=warm)
    if isinstance(found, NotFound):
        return without_weights(problem, found)
    weights = found.weights
    slope = kernels.gradient(checked.matrix, np.zeros_like(weights), weights)
    utility = float(checked.mean @ weights) - profile.risk_aversion / 2 * float(weights @ slope)
    return solution(problem, found, utility)
