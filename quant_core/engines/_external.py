"""What adapters to other libraries have in common."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from quant_core.engines._certificate import finished, screened, without_weights
from quant_core.profiles import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.profiles import Problem, Profile, Solution

__all__ = ["Answer", "ExternalEngine", "NoAnswer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Weights as a library returned them, before the scaling to a target volatility."""

    weights: np.ndarray
    solver: str
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a library gave no weights."""

    status: Status
    message: str
    chain: tuple[str, ...] = ()


class ExternalEngine(ABC):
    """Base of the engines that call another library.

    A subclass names its library and the profiles that it solves, and answers raw weights. What
    the library raises or warns of becomes a status: a cell never ends in an exception.
    """

    name: ClassVar[str]
    """Name of the engine in the registry."""
    extra: ClassVar[str]
    """Extra of this package that installs the library."""
    packages: ClassVar[Mapping[str, str]]
    """Module of each distribution that decides the numbers."""
    profiles: ClassVar[tuple[str, ...]]
    """Names of the profiles that it solves, sorted."""

    @property
    def lack(self) -> str:
        """Why it cannot run here, naming the extra that it needs; empty when it can."""
        missing = [name for name, module in self.packages.items() if find_spec(module) is None]
        if not missing:
            return ""
        what = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"
        return f"{what}; install quant-assets[{self.extra}]"

    @property
    def release(self) -> str:
        """Releases of its libraries; empty where one is not installed."""
        if self.lack:
            return ""
        return " ".join(f"{name}=={version(name)}" for name in self.packages)

    def solve(
        self, profile: Profile, problem: Problem, *, warm: np.ndarray | None = None
    ) -> Solution:
        """Solve a profile; see `quant_core.engines.Engine`."""
        del warm  # the result may not depend on it, and no library here promises that
        if self.lack:
            return without_weights(problem, self.name, Status.UNAVAILABLE, self.lack)
        refusal = self._refusal(profile)
        if refusal:
            return without_weights(problem, self.name, Status.UNSUPPORTED, refusal)
        problem_or_reason = screened(profile, problem)
        if isinstance(problem_or_reason, tuple):
            return without_weights(problem, self.name, *problem_or_reason)
        answer = self._guarded(profile, problem_or_reason)
        if isinstance(answer, NoAnswer):
            return without_weights(
                problem, self.name, answer.status, answer.message, chain=answer.chain
            )
        return finished(
            profile,
            problem_or_reason,
            answer.weights,
            solver=answer.solver,
            chain=answer.chain,
        )

    def code_modules(self, profile: Profile) -> tuple[str, ...]:
        """Return the modules that decide a profile's numbers; none for an unknown profile."""
        return (type(self).__module__,) if profile.name in self.profiles else ()

    def unsupported(self, profile: Profile) -> str:  # noqa: ARG002 - an adapter's to say
        """Return why a constraint of a known profile is not supported; empty if all are."""
        return ""

    @abstractmethod
    def answer(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        """Return the library's own weights for a profile that is supported.

        Estimates are finite and there is at least one atom. Weights sum to 1; the scaling to a
        target volatility comes after. May raise and warn: both are caught.
        """

    def _refusal(self, profile: Profile) -> str:
        if profile.name not in self.profiles:
            return f"{self.name} does not know the profile {profile.name!r}"
        return self.unsupported(profile)

    def _guarded(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return self.answer(profile, problem)
        except Exception as error:  # noqa: BLE001 - a library may raise anything; the cell says what
            message = " ".join(str(error).split())[:300]
            return NoAnswer(Status.FAILED, f"{self.name}: {type(error).__name__}: {message}")
