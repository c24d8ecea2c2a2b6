"""Simulators whose engine is another library."""

from __future__ import annotations

import math
from abc import ABC
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from quant_core.simulators._simulator import Simulator
from quant_core.simulators._trade_rows import Account, path_of, trade_rows

if TYPE_CHECKING:
    from quant_core.simulators._path import SimulatedPath
    from quant_core.simulators._rebalance import Rebalance
    from quant_core.simulators._trade_rows import TradeRows

__all__ = ["ForeignSimulator"]

_DRIFTS = 0.05  # days on which a rebalance by drift trades, a guess that only cuts the work


class ForeignSimulator(Simulator, ABC):
    """A simulator that stands on an optional package.

    A tournament runs it in a process of its own, which is ended and replaced when it passes a
    limit or dies; see `quant_core.simulators.simulate_apart`. Limits are no part of what a path
    depends on.

    Parameters
    ----------
    time_limit : float
        Seconds that one path may take.
    memory_limit : int
        Megabytes that a path may allocate on top of what importing the engine has taken (Linux).
    """

    package: ClassVar[str]
    """Import name of the package."""
    distribution: ClassVar[str]
    """Name of the package as it is installed, extra ``simulators``."""
    stands_on: ClassVar[tuple[str, ...]] = ()
    """What the package imports in its turn and can be missing."""
    seconds_a_path: ClassVar[float] = 0.05
    """Measured on one processor: what a path takes whatever it trades."""
    seconds_a_row: ClassVar[float] = 0.0
    """And each row that trades."""
    seconds_an_order: ClassVar[float] = 1e-5
    """And each atom of such a row."""

    time_limit: Annotated[float, Field(gt=0.0, le=86_400.0)] = 600.0
    memory_limit: Annotated[int, Field(ge=64, le=1 << 20)] = 4_096

    def run(
        self,
        rebalance: Rebalance,
        *,
        values: np.ndarray,
        weights: np.ndarray,
        rows: np.ndarray,
        rate: float,
    ) -> SimulatedPath:
        """Simulate one path by the rows of it that trade.

        Raises
        ------
        UnavailableError
            If the package is not installed.
        """
        self.check(values, weights, rows)
        traded = trade_rows(rebalance, values, weights, rows, rate)
        if not len(traded.rows):
            return path_of(values, traded.rows, Account(weights, *np.zeros((3, 0))))
        return path_of(values, *self.trade(values, traded, rate))

    def check(self, values: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> None:
        """Refuse what the engine cannot simulate; arrays as those of `run`."""

    def trade(
        self, values: np.ndarray, traded: TradeRows, rate: float
    ) -> tuple[np.ndarray, Account]:
        """Return the rows that the engine saw, and what it holds after each of them.

        Parameters
        ----------
        values : numpy.ndarray, shape (T, n)
            Simple returns; NaN where an atom has no observation.
        traded : TradeRows
            The rows that trade, at least one.
        rate : float
            Cost as a fraction of traded value.
        """
        raise NotImplementedError

    @property
    def modules(self) -> tuple[str, ...]:
        """The adapter and what wraps it."""
        wraps = ("quant_core.simulators._path", "quant_core.simulators._trade_rows")
        return (type(self).__module__, __name__, *wraps)

    @property
    def lack(self) -> str:
        """Why it cannot run here."""
        if self._missing:
            what = " and ".join(self._missing)
            return f"{what} is not installed; install quant-assets[simulators]"
        return ""

    @property
    def release(self) -> str:
        """Release of the package; empty where it is not installed."""
        return "" if self._missing else version(self.distribution)

    @property
    def _missing(self) -> list[str]:
        wanted = {self.package: self.distribution} | {name: name for name in self.stands_on}
        return [name for module, name in wanted.items() if find_spec(module) is None]

    @property
    def parameters(self) -> dict[str, Any]:
        """What its paths depend on."""
        return self.model_dump(mode="json", exclude={"time_limit", "memory_limit"})

    def seconds(self, rebalance: Rebalance, *, days: int, windows: int, atoms: int) -> float:
        """Estimate how long a path takes: the rows that trade decide it."""
        if math.isinf(rebalance.drift_limit):
            rows = float(windows)
        else:
            rows = days if rebalance.drift_limit < 0.0 else windows + _DRIFTS * days
        per_row = self.seconds_a_row + self.seconds_an_order * atoms
        return self.seconds_a_path + rows * per_row
