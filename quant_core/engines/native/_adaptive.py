"""The profile of a regime, solved in its place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from quant_core.engines.native._outcome import NotFound, without_weights
from quant_core.profiles import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from quant_core.profiles import Adaptive, Problem, Profile, Solution

__all__ = ["solve_within"]


def solve_within(
    profile: Adaptive,
    problem: Problem,
    warm: np.ndarray | None,
    solve: Callable[[Profile, Problem, np.ndarray | None], Solution],
) -> Solution:
    """Look at the market, and solve the profile that its regime calls for."""
    regime = profile.regime(problem.market)
    if regime is None:
        seen = 0 if problem.market is None else len(problem.market)
        message = f"adaptive needs more than {profile.recent} returns of the market, found {seen}"
        return without_weights(problem, NotFound(Status.INFEASIBLE, message))
    return replace(solve(profile.within(regime), problem, warm), regime=regime)
