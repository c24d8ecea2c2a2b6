"""Hierarchical risk parity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines.native import _hierarchy
from quant_core.engines.native._outcome import Found, NotFound, solution, without_weights
from quant_core.engines.native._screen import screen

if TYPE_CHECKING:
    from quant_core.profiles import Hrp, Problem, Solution

__all__ = ["solve"]


def solve(profile: Hrp, problem: Problem, _warm: np.ndarray | None) -> Solution:
    """Split the atoms along their correlation tree. Nothing is optimised: the residual is NaN."""
    checked = screen(problem, profile.cap)
    if isinstance(checked, NotFound):
        return without_weights(problem, checked)
    matrix = checked.matrix
    order = _hierarchy.quasi_diagonal_order(matrix)
    weights = np.minimum(_hierarchy.bisect(matrix, order, checked.cap), checked.cap)
    found = Found(weights, np.nan, "recursive_bisection")
    return solution(problem, found, math.sqrt(_hierarchy.variance_of(matrix, weights)))
