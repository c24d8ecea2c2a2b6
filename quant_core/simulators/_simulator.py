"""Who simulates: the base of every simulator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import numpy as np

    from quant_core.simulators._path import SimulatedPath
    from quant_core.simulators._rebalance import Rebalance

__all__ = ["Simulator"]


class Simulator(BaseModel, ABC):
    """A simulator's configuration, and the way to run it.

    An adapter imports its engine inside `run` and raises `UnavailableError` when it is not
    installed, so that reading a configuration needs no engine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def run(
        self,
        rebalance: Rebalance,
        *,
        values: np.ndarray,
        weights: np.ndarray,
        rows: np.ndarray,
        rate: float,
    ) -> SimulatedPath:
        """Simulate one path; `quant_core.simulators.simulate` has checked the input.

        The arrays are read-only.

        Parameters
        ----------
        rebalance : Rebalance
            When to trade between windows.
        values : numpy.ndarray of float64, shape (T, n)
            Simple returns, C-contiguous; NaN where an atom has no observation.
        weights : numpy.ndarray of float64, shape (W, n)
            Target weights of each window, negative where short, C-contiguous.
        rows : numpy.ndarray of int64, shape (W,)
            Row of ``values`` at whose close a window is first traded, increasing.
        rate : float
            Cost as a fraction of traded value.
        """

    @property
    def lack(self) -> str:
        """Why it cannot run here, naming the extra that it needs; empty when it can."""
        return ""

    @property
    def release(self) -> str:
        """Release of the engine that decides the numbers; empty where it is this library."""
        return ""

    @property
    def parameters(self) -> dict[str, Any]:
        """What its paths depend on, as plain values."""
        return self.model_dump(mode="json")

    @property
    @abstractmethod
    def modules(self) -> tuple[str, ...]:
        """Dotted names of the modules whose code decides this simulator's numbers."""

    @property
    def tolerance(self) -> float:
        """Relative difference of NAV up to which its path agrees with another simulator's."""
        return 1e-10

    def seconds(self, rebalance: Rebalance, *, days: int, windows: int, atoms: int) -> float:
        """Estimate how long a path takes on one processor: work is cut and spread by it.

        Parameters
        ----------
        rebalance : Rebalance
            When to trade between windows.
        days, windows, atoms : int
            Rows of the returns, windows, and atoms that are ever held.
        """
        del rebalance, windows
        return 2e-4 + 4e-9 * days * atoms
