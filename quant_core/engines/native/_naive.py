"""Equal weights, of the selection or of the benchmark symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines.native._outcome import Found, NotFound, solution, without_weights
from quant_core.engines.native._room import room

if TYPE_CHECKING:
    from quant_core.profiles import Problem, Profile, Solution

__all__ = ["solve"]


def solve(profile: Profile, problem: Problem, _warm: np.ndarray | None) -> Solution:
    """Hold every atom of the problem alike."""
    n = len(problem.mean)
    cap = room(getattr(profile, "cap", None), n)
    if isinstance(cap, NotFound):
        return without_weights(problem, cap)
    return solution(problem, Found(np.full(n, 1.0 / n), np.nan, "equal_weight"))
