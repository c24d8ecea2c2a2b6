"""The skfolio engine."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from quant_core.engines._external import Answer, ExternalEngine, NoAnswer
from quant_core.profiles import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.profiles import Problem, Profile

__all__ = ["SkfolioEngine"]


class SkfolioEngine(ExternalEngine):
    """Solve with skfolio (optional extra ``engines``)."""

    name = "skfolio"
    extra = "engines"
    packages: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"skfolio": "skfolio", "cvxpy": "cvxpy", "clarabel": "clarabel"}
    )
    profiles = ()

    def answer(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        """Return the library's own weights."""
        del problem
        return NoAnswer(Status.UNSUPPORTED, f"{self.name} does not know {profile.name}")
