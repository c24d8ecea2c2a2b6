"""The simulators and rebalances that a configuration may name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from quant_core.simulators._custom import Custom
from quant_core.simulators._cvxportfolio import Cvxportfolio
from quant_core.simulators._daily import DailyRebalance
from quant_core.simulators._drift import DriftRebalance
from quant_core.simulators._nautilus import Nautilus
from quant_core.simulators._vectorbt import Vectorbt
from quant_core.simulators._window import WindowRebalance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.simulators._rebalance import Rebalance
    from quant_core.simulators._simulator import Simulator

__all__ = ["REBALANCES", "SIMULATORS"]

REBALANCES: Mapping[str, type[Rebalance]] = MappingProxyType(
    {"window": WindowRebalance, "daily": DailyRebalance, "daily_5pct": DriftRebalance}
)
"""Rebalances by the name that a configuration gives them."""

SIMULATORS: Mapping[str, type[Simulator]] = MappingProxyType(
    {"custom": Custom, "vectorbt": Vectorbt, "cvxportfolio": Cvxportfolio, "nautilus": Nautilus}
)
"""Simulators by the name that a configuration gives them."""
