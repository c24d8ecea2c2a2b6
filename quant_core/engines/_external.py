"""What adapters to other libraries have in common."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from quant_core.engines._certificate import (
    RAW_VIOLATION,
    finished,
    restricted,
    screened,
    without_weights,
)
from quant_core.engines._feasible import Room, room_of
from quant_core.profiles import Adaptive, Barbell, MinVariance, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quant_core.profiles import Problem, Profile, Solution

__all__ = ["TIME_LIMIT", "Answer", "ExternalEngine", "NoAnswer"]

TIME_LIMIT = 20.0
"""Seconds after which a library's solver is told to stop, where it can be told."""

_MOVED = frozenset({"barbell", "equal_weight", "hrp", "risk_parity"})
_MESSAGE = 300


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
    the library raises or warns of becomes a status: a cell never ends in an exception. ``barbell``
    and ``adaptive`` are compositions of other profiles and made here: an engine that solves
    ``min_variance`` may name the first, one that solves any profile the second.
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
        del warm  # no library here promises that a start leaves no trace
        if self.lack:
            return self._nothing(problem, NoAnswer(Status.UNAVAILABLE, self.lack))
        if profile.name not in self.profiles:
            message = f"{self.name} does not know the profile {profile.name!r}"
            return self._nothing(problem, NoAnswer(Status.UNSUPPORTED, message))
        if isinstance(profile, Adaptive):
            return self._adapted(profile, problem)
        refusal = self.unsupported(profile)
        if refusal:
            return self._nothing(problem, NoAnswer(Status.UNSUPPORTED, refusal))
        checked = screened(profile, problem)
        if isinstance(checked, tuple):
            return self._nothing(problem, NoAnswer(*checked))
        found = self._answered(profile, checked)
        if isinstance(found, NoAnswer):
            return self._nothing(problem, found)
        answer, before = found
        return finished(
            profile,
            checked,
            answer.weights,
            solver=answer.solver,
            chain=answer.chain,
            before=before,
        )

    def code_modules(self, profile: Profile) -> tuple[str, ...]:
        """Return the modules that decide a profile's numbers; none for an unknown profile."""
        return (type(self).__module__,) if profile.name in self.profiles else ()

    def unsupported(self, profile: Profile) -> str:  # noqa: ARG002 - for an adapter to say
        """Return why a constraint of a known profile is not supported; empty if all are."""
        return ""

    @abstractmethod
    def answer(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        """Return the library's own weights for a profile that is supported.

        Estimates are finite and there is at least one atom; the constraints allow a portfolio.
        Weights sum to 1; the scaling to a target volatility comes after. May raise and warn: both
        are caught. Never asked for ``adaptive`` or ``barbell``.
        """

    def nearest(self, room: Room, weights: np.ndarray) -> Answer | NoAnswer:
        """Return the weights nearest to some that break a constraint, ``min sum (w - v)^2``."""
        _, what = room.violation(weights)
        message = f"{self.name} cannot move weights that break {what} to the nearest that do not"
        return NoAnswer(Status.UNSUPPORTED, message)

    def _answered(
        self, profile: Profile, problem: Problem
    ) -> tuple[Answer, np.ndarray | None] | NoAnswer:
        first = self._guarded(lambda: self._first(profile, problem))
        if isinstance(first, NoAnswer) or profile.name not in _MOVED:
            return first if isinstance(first, NoAnswer) else (first, None)
        room, before = room_of(profile, problem), np.asarray(first.weights, dtype=np.float64)
        if before.shape != problem.mean.shape or not np.isfinite(before).all():
            return first, None
        if room.violation(before)[0] <= RAW_VIOLATION:
            return first, None
        moved = self._guarded(lambda: self.nearest(room, before))
        if isinstance(moved, NoAnswer):
            return moved
        solver = f"{first.solver}, {moved.solver}"
        return Answer(moved.weights, solver, (*first.chain, *moved.chain)), before

    def _adapted(self, profile: Adaptive, problem: Problem) -> Solution:
        if not len(problem.mean):
            return self._nothing(problem, NoAnswer(Status.EMPTY, "nothing is selected"))
        regime = profile.regime(problem.market)
        if regime is None:
            message = f"a regime needs more than {profile.recent} returns of the market"
            return self._nothing(problem, NoAnswer(Status.INFEASIBLE, message))
        return replace(self.solve(profile.within(regime), problem), regime=regime)

    def _barbell(self, profile: Barbell, problem: Problem) -> Answer | NoAnswer:
        chosen = profile.satellites(problem.covariance.diagonal())
        core = self.answer(MinVariance(), restricted(problem, ~chosen))
        if isinstance(core, NoAnswer):
            return core
        aggressive = profile.aggressive if chosen.any() else 0.0
        weights = np.full(len(chosen), aggressive / max(int(chosen.sum()), 1))
        weights[~chosen] = np.asarray(core.weights) * (1.0 - aggressive)
        return Answer(weights, core.solver, core.chain)

    def _first(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        if isinstance(profile, Barbell):
            return self._barbell(profile, problem)
        return self.answer(profile, problem)

    def _guarded(self, call: Callable[[], Answer | NoAnswer]) -> Answer | NoAnswer:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return call()
        except Exception as error:  # noqa: BLE001 - a library may raise anything; the cell says it
            text = " ".join(str(error).split())[:_MESSAGE]
            return NoAnswer(Status.FAILED, f"{self.name} raised {type(error).__name__}: {text}")

    def _nothing(self, problem: Problem, why: NoAnswer) -> Solution:
        return without_weights(problem, self.name, why.status, why.message, chain=why.chain)
