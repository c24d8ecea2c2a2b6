"""Maximum Sharpe ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines.native._capped_ratio import maximise_capped_ratio, ratio, richest
from quant_core.engines.native._outcome import NotFound, solution, without_weights
from quant_core.engines.native._screen import screen
from quant_core.profiles import Status

if TYPE_CHECKING:
    from quant_core.profiles import MaxSharpe, Problem, Solution

__all__ = ["solve"]


def solve(profile: MaxSharpe, problem: Problem, warm: np.ndarray | None) -> Solution:
    """Maximise the Sharpe ratio, where some feasible portfolio has a positive excess mean."""
    checked = screen(problem, profile.cap)
    if isinstance(checked, NotFound):
        return without_weights(problem, checked)
    excess = checked.mean - problem.risk_free
    best = float(excess @ richest(excess, checked.cap))
    if best <= 0:
        message = f"no feasible portfolio has a positive excess mean; the best is {best:.3e}"
        return without_weights(problem, NotFound(Status.INFEASIBLE, message))
    if checked.least == 0 and bool((excess[checked.matrix.diagonal() == 0] > 0).any()):
        message = "an atom without variance has a positive excess mean: the ratio is unbounded"
        return without_weights(problem, NotFound(Status.INFEASIBLE, message))
    reward = excess * (checked.scale / float(np.abs(excess).max()))
    found = maximise_capped_ratio(checked.matrix, reward, checked.cap, warm, problem.known)
    if isinstance(found, NotFound):
        return without_weights(problem, found)
    return solution(problem, found, ratio(checked.matrix, excess, found.weights))
