"""Equal risk contributions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from quant_core.engines.native._outcome import NotFound, solution, without_weights
from quant_core.engines.native._risk_budget import budget_risk, variance_of
from quant_core.engines.native._screen import screen

if TYPE_CHECKING:
    import numpy as np

    from quant_core.profiles import Problem, RiskParity, Solution

__all__ = ["solve"]


def solve(profile: RiskParity, problem: Problem, _warm: np.ndarray | None) -> Solution:
    """Equalise risk contributions, from the data alone."""
    checked = screen(problem, profile.cap)
    if isinstance(checked, NotFound):
        return without_weights(problem, checked)
    matrix = checked.matrix / checked.scale
    found = budget_risk(matrix, checked.cap)
    if isinstance(found, NotFound):
        return without_weights(problem, found)
    variance = variance_of(matrix, found.weights) * checked.scale
    return solution(problem, found, math.sqrt(variance))
