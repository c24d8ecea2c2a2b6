"""Simulators: weights and returns to the path of a portfolio's value."""

from quant_core.simulators._apart import SimulatorProcess, end_apart, simulate_apart
from quant_core.simulators._custom import Custom
from quant_core.simulators._cvxportfolio import Cvxportfolio
from quant_core.simulators._daily import DailyRebalance
from quant_core.simulators._drift import DriftRebalance
from quant_core.simulators._foreign import ForeignSimulator
from quant_core.simulators._nautilus import Nautilus
from quant_core.simulators._path import SimulatedPath
from quant_core.simulators._rebalance import Rebalance
from quant_core.simulators._registry import REBALANCES, SIMULATORS
from quant_core.simulators._simulate import code_modules, simulate
from quant_core.simulators._simulator import Simulator
from quant_core.simulators._vectorbt import Vectorbt
from quant_core.simulators._window import WindowRebalance

__all__ = [
    "REBALANCES",
    "SIMULATORS",
    "Custom",
    "Cvxportfolio",
    "DailyRebalance",
    "DriftRebalance",
    "ForeignSimulator",
    "Nautilus",
    "Rebalance",
    "SimulatedPath",
    "Simulator",
    "SimulatorProcess",
    "Vectorbt",
    "WindowRebalance",
    "code_modules",
    "end_apart",
    "simulate",
    "simulate_apart",
]
