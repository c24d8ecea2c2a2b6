"""The simulator of this library: one compiled pass over the days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from quant_core.simulators._path import SimulatedPath
from quant_core.simulators._simulator import Simulator

if TYPE_CHECKING:
    import numpy as np

    from quant_core.simulators._rebalance import Rebalance

__all__ = ["Custom"]


class Custom(Simulator):
    """Simulate with the library's own compiled kernel."""

    name: Literal["custom"] = "custom"

    def run(
        self,
        rebalance: Rebalance,
        *,
        values: np.ndarray,
        weights: np.ndarray,
        rows: np.ndarray,
        rate: float,
    ) -> SimulatedPath:
        """Simulate one path."""
        from quant_core.simulators._kernel import simulate_path  # noqa: PLC0415 - brings numba

        return SimulatedPath(*simulate_path(values, weights, rows, rate, rebalance.drift_limit))

    @property
    def modules(self) -> tuple[str, ...]:
        """The kernel and what wraps it."""
        return (
            "quant_core.simulators._custom",
            "quant_core.simulators._kernel",
            "quant_core.simulators._path",
        )
