"""Maximum diversification ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines.native._capped_ratio import maximise_capped_ratio, ratio
from quant_core.engines.native._outcome import NotFound, solution, without_weights
from quant_core.engines.native._screen import screen
from quant_core.profiles import Status

if TYPE_CHECKING:
    from quant_core.profiles import MaxDiversification, Problem, Solution

__all__ = ["solve"]


def solve(profile: MaxDiversification, problem: Problem, warm: np.ndarray | None) -> Solution:
    """Maximise the diversification ratio, which an atom without variance leaves undefined."""
    checked = screen(problem, profile.cap)
    if isinstance(checked, NotFound):
        return without_weights(problem, checked)
    if checked.least == 0:
        flat = int(checked.matrix.diagonal().argmin())
        message = f"asset {flat} has no variance, so the diversification ratio is undefined"
        return without_weights(problem, NotFound(Status.INFEASIBLE, message))
    volatility = np.sqrt(checked.matrix.diagonal())
    reward = volatility * float(np.sqrt(checked.scale))
    found = maximise_capped_ratio(checked.matrix, reward, checked.cap, warm, problem.known)
    if isinstance(found, NotFound):
        return without_weights(problem, found)
    return solution(problem, found, ratio(checked.matrix, volatility, found.weights))
