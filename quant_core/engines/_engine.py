"""Who solves: the protocol of an engine, and its entry in the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import numpy as np

    from quant_core.profiles import Problem, Profile, Solution

__all__ = ["Engine", "EngineSpec"]


class EngineSpec(BaseModel):
    """An engine, as the configuration names it.

    Parameters
    ----------
    name : {"native", "cvxpy", "skfolio", "riskfolio", "pyportfolioopt", "cvxportfolio"}
        The engine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["native", "cvxpy", "skfolio", "riskfolio", "pyportfolioopt", "cvxportfolio"] = (
        "native"
    )


class Engine(Protocol):
    """What solves profiles.

    An engine whose library is not installed answers every profile with the status
    ``unavailable``, and a profile that it does not know with ``unsupported``: it never hands the
    problem to another engine.
    """

    @property
    def name(self) -> str:
        """Name of the engine in the registry."""
        ...

    @property
    def lack(self) -> str:
        """Why it cannot run here, naming the extra that it needs; empty when it can."""
        ...

    @property
    def release(self) -> str:
        """Releases of the libraries that decide the numbers; empty where it is this one alone."""
        ...

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the profiles that it solves, sorted."""
        ...

    def solve(
        self, profile: Profile, problem: Problem, *, warm: np.ndarray | None = None
    ) -> Solution:
        """Solve a profile.

        Parameters
        ----------
        profile : Profile
            What is optimised.
        problem : Problem
            The estimates, for n atoms.
        warm : numpy.ndarray of shape (n,), optional
            The weights of the window before, 0 for an atom that is new. They may save time; they
            never change a bit of the result.

        Returns
        -------
        Solution
            Weights with their residual, or a status that says why there are none. Never raises on
            numbers.
        """
        ...

    def code_modules(self, profile: Profile) -> tuple[str, ...]:
        """Return the dotted names of the modules whose code decides the profile's numbers."""
        ...
