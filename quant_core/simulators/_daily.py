"""Trade back to the weights at every close."""

from __future__ import annotations

from typing import Literal

from quant_core.simulators._rebalance import Rebalance

__all__ = ["DailyRebalance"]


class DailyRebalance(Rebalance):
    """Trade back to the weights of the window at every close."""

    name: Literal["daily"] = "daily"

    @property
    def drift_limit(self) -> float:
        """Negative: any drift leads to a trade."""
        return -1.0
