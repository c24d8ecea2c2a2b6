"""The trading semantics spelled out in numpy, slowly: what every simulator is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.simulators._path import RUIN, SimulatedPath

if TYPE_CHECKING:
    from quant_core.simulators._rebalance import Rebalance

__all__ = ["simulate_reference"]


def simulate_reference(
    rebalance: Rebalance, *, values: np.ndarray, weights: np.ndarray, rows: np.ndarray, rate: float
) -> SimulatedPath:
    """Simulate one path line by line as the trading semantics are written.

    Parameters
    ----------
    rebalance, values, weights, rows, rate
        As `quant_core.simulators.simulate` takes them.
    """
    days, columns = values.shape
    nav, turnover, cost = np.zeros(days), np.zeros(days), np.zeros(days)
    holdings, cash, before = np.zeros(columns), 1.0, 1.0
    target: np.ndarray | None = None
    first_rows = {int(row): number for number, row in enumerate(rows)}
    for day in range(days):
        holdings = holdings * (1.0 + np.nan_to_num(values[day], nan=0.0))
        value = float(np.sum(holdings)) + cash
        if value <= RUIN * before:
            break
        trades = np.zeros(columns)
        if day in first_rows:
            target = weights[first_rows[day]]
            trades = target * value - holdings
        elif target is not None:
            drift = float(np.sum(np.abs(holdings / value - target))) / 2.0
            if drift > rebalance.drift_limit:
                trades = target * value - holdings
        traded = float(np.sum(np.abs(trades)))
        holdings = holdings + trades
        cash = cash - float(np.sum(trades)) - rate * traded
        turnover[day] = traded / value / 2.0
        cost[day] = rate * traded / value
        nav[day] = float(np.sum(holdings)) + cash
        if nav[day] <= RUIN * value:
            nav[day] = 0.0
            break
        before = nav[day]
    return SimulatedPath(nav, turnover, cost)
