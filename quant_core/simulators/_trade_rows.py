"""Simulating the rows that trade alone: which they are, and the path that lies between them.

Between two trades holdings move by returns and nothing else, so an engine that is slow a row need
not see the others.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quant_core.simulators._path import RUIN, SimulatedPath
from quant_core.simulators._reference import simulate_reference

if TYPE_CHECKING:
    from quant_core.simulators._rebalance import Rebalance

__all__ = ["Account", "TradeRows", "growth_of", "path_of", "trade_rows"]


class TradeRows(NamedTuple):
    """The R rows that trade, the weights that each trades to, and what that costs at least.

    Parameters
    ----------
    rows : numpy.ndarray of int64, shape (R,)
        Rows of the returns, none after a bankruptcy.
    targets : numpy.ndarray, shape (R, n)
        Weights.
    cost : numpy.ndarray, shape (R,)
        Cost of the trade as a fraction of the value before it, as the trading semantics have it.
    """

    rows: np.ndarray
    targets: np.ndarray
    cost: np.ndarray


class Account(NamedTuple):
    """What an engine holds after the trade of each of R rows, and what the trade was.

    Parameters
    ----------
    holdings : numpy.ndarray, shape (R, n)
        Values of the positions, negative where short; the portfolio starts from 1.
    cash, traded, costs : numpy.ndarray, shape (R,)
        Cash after costs, the sum of absolute trades, and the costs.
    """

    holdings: np.ndarray
    cash: np.ndarray
    traded: np.ndarray
    costs: np.ndarray


def growth_of(values: np.ndarray) -> np.ndarray:
    """Return the growth of holdings, shape as the returns; without an observation they stand."""
    growth: np.ndarray = 1.0 + np.nan_to_num(values, nan=0.0)
    return growth


def trade_rows(
    rebalance: Rebalance, values: np.ndarray, weights: np.ndarray, rows: np.ndarray, rate: float
) -> TradeRows:
    """Return the rows that trade; those of a drift rebalance follow from the trading semantics."""
    path = simulate_reference(rebalance, values=values, weights=weights, rows=rows, rate=rate)
    traded = rows
    if len(rows) and rebalance.drift_limit < 0.0:
        traded = np.arange(rows[0], len(values))
    elif len(rows) and not math.isinf(rebalance.drift_limit):
        traded = np.union1d(rows, np.flatnonzero(path.turnover))
    # A trade whose cost takes everything is made; nothing is traded at a value of nothing.
    ended = (path.nav <= 0.0) & (path.turnover <= 0.0)
    if ended.any():
        traded = traded[traded < _first(ended)]
    window = np.searchsorted(rows, traded, side="right") - 1
    return TradeRows(traded, weights[window], path.cost[traded])


def path_of(values: np.ndarray, rows: np.ndarray, account: Account) -> SimulatedPath:
    """Return the path of T days through the accounts after the trades of some rows."""
    days = len(values)
    nav, turnover, cost = np.ones(days), np.zeros(days), np.zeros(days)
    growth = growth_of(values)
    ends = np.append(rows, days)[1:]
    for place, (row, end) in enumerate(zip(rows, ends, strict=True)):
        holdings, cash = account.holdings[place], account.cash[place]
        nav[row] = holdings.sum() + cash
        if end > row + 1:
            grown = np.cumprod(growth[row + 1 : end], axis=0)
            nav[row + 1 : end] = (grown * holdings).sum(axis=1) + cash
    before = nav[rows] + account.costs
    turnover[rows] = account.traded / before / 2.0
    cost[rows] = account.costs / before
    _liquidate(nav, rows, before)
    return SimulatedPath(nav, turnover, cost)


def _liquidate(nav: np.ndarray, rows: np.ndarray, before_trade: np.ndarray) -> None:
    """Set a path to zero from the close on that leaves nothing."""
    value = nav.copy()
    value[rows] = before_trade
    ruined = (value <= RUIN * np.append(1.0, nav[:-1])) | (nav <= RUIN * value)
    if ruined.any():
        nav[_first(ruined) :] = 0.0


def _first(flags: np.ndarray) -> int:
    return int(np.argmax(flags))
