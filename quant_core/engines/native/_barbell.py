"""A core of least variance beside equal satellites."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines.native import _active_set as kernels
from quant_core.engines.native._min_variance import least_variance
from quant_core.engines.native._outcome import Found, NotFound, solution, without_weights
from quant_core.engines.native._screen import screen

if TYPE_CHECKING:
    from quant_core.profiles import Barbell, Problem, Solution

__all__ = ["solve"]


def solve(profile: Barbell, problem: Problem, warm: np.ndarray | None) -> Solution:
    """Minimise the variance of the core, and add the satellites."""
    checked = screen(problem, None)
    if isinstance(checked, NotFound):
        return without_weights(problem, checked)
    satellites = profile.satellites(checked.matrix.diagonal())
    core = np.flatnonzero(~satellites)
    found = least_variance(checked.matrix[np.ix_(core, core)], _of(warm, core))
    if isinstance(found, NotFound):
        return without_weights(problem, found)
    aggressive = profile.aggressive if satellites.any() else 0.0
    weights = np.zeros(len(satellites))
    weights[core] = (1.0 - aggressive) * found.weights
    weights[satellites] = aggressive / max(int(satellites.sum()), 1)
    slope = kernels.gradient(checked.matrix, np.zeros_like(weights), weights)
    whole = Found(weights, found.residual, found.solver, found.chain)
    return solution(problem, whole, math.sqrt(max(float(weights @ slope), 0.0)))


def _of(warm: np.ndarray | None, core: np.ndarray) -> np.ndarray | None:
    return None if warm is None else warm[core]
