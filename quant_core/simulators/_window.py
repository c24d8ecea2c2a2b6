"""Trade on the first day of a window, then drift."""

from __future__ import annotations

import math
from typing import Literal

from quant_core.simulators._rebalance import Rebalance

__all__ = ["WindowRebalance"]


class WindowRebalance(Rebalance):
    """Trade on the first row of each window and let the holdings drift until the next one."""

    name: Literal["window"] = "window"

    @property
    def drift_limit(self) -> float:
        """Infinite: no drift leads to a trade."""
        return math.inf
