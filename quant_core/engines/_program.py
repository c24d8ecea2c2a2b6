"""What adapters have in common to whose libraries a profile is a program for Clarabel."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from quant_core.engines._external import Answer, ExternalEngine, NoAnswer
from quant_core.engines._feasible import room_of
from quant_core.engines._handover import by_clarabel, moments, rewarded, towards, within_cap
from quant_core.profiles import MeanVariance

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from quant_core.engines._feasible import Room
    from quant_core.engines._handover import Moments
    from quant_core.profiles import Problem, Profile

__all__ = ["BudgetEngine", "ProgramEngine"]


class ProgramEngine(ExternalEngine):
    """Base of the engines that solve a profile as a program over the weights that are allowed."""

    @abstractmethod
    def optimized(
        self, profile: Profile, given: Moments, room: Room, settings: Mapping[str, float]
    ) -> Answer | NoAnswer:
        """Return what the library finds best in a room, with settings of Clarabel.

        Asked for profiles with an objective only; where that is a ratio, the means are what it
        rewards, and ``max_sharpe`` is without a risk-free rate.
        """

    def programmed(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        """Return the answer to a profile with an objective."""
        ratio = rewarded(profile, problem)
        if isinstance(ratio, NoAnswer):
            return ratio
        given, room = ratio or moments(problem), room_of(profile, problem)
        return by_clarabel(lambda settings: self.optimized(profile, given, room, settings))

    def nearest(self, room: Room, weights: np.ndarray) -> Answer | NoAnswer:
        """Return the allowed weights nearest to some, as those of highest utility."""
        closeness, given = MeanVariance(risk_aversion=1.0), towards(weights)
        return by_clarabel(lambda settings: self.optimized(closeness, given, room, settings))


class BudgetEngine(ProgramEngine):
    """Base of those that know equal budgets of risk, but bound them by a rule that is not ours."""

    rule: ClassVar[str]
    """What the library does about a cap on budgets."""

    @abstractmethod
    def budgeted(self, given: Moments, settings: Mapping[str, float]) -> Answer | NoAnswer:
        """Return the library's equal contributions to risk, without a cap."""

    @abstractmethod
    def hierarchical(self, given: Moments, room: Room) -> Answer | NoAnswer:
        """Return the library's hierarchical risk parity."""

    def answer(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        """Return the library's weights."""
        if profile.name not in {"hrp", "risk_parity"}:
            return self.programmed(profile, problem)
        given, room = moments(problem), room_of(profile, problem)
        if profile.name == "hrp":
            return self.hierarchical(given, room)
        found = by_clarabel(lambda settings: self.budgeted(given, settings))
        return within_cap(found, room, self.rule)
