"""The vectorbt engine: orders by target percent in one group that shares its cash."""

from __future__ import annotations

import math
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from quant_core.errors import UnavailableError
from quant_core.simulators._path import SimulatedPath
from quant_core.simulators._reference import simulate_reference
from quant_core.simulators._simulator import Simulator

if TYPE_CHECKING:
    from quant_core.simulators._rebalance import Rebalance

__all__ = ["Vectorbt"]

_LACK = "vectorbt is not installed; install quant-assets[simulators]"
_SPARE = 1e-5
_LEAST_GROWTH = 1e-10
# vectorbt takes prices, cash and shares below 1e-12 for zero.
_PRICE, _CAPITAL = 1e6, 1e12


class Vectorbt(Simulator):
    """Simulate with vectorbt, an engine of its own (optional extra ``simulators``).

    Only the rows that trade are fed to it; between them holdings stand still, and their value is
    shares times price. The rows of a drift rebalance follow from the trading semantics.

    Notes
    -----
    vectorbt cuts the last buy when cash does not cover its fee. Scaling the weights to the value
    after costs would hold less than the weights say. An asset of constant price that trades free
    of fees is held short instead: its proceeds are the cash that may go slightly negative.
    """

    name: Literal["vectorbt"] = "vectorbt"

    @property
    def lack(self) -> str:
        """Why it cannot run here."""
        return "" if find_spec("vectorbt") else _LACK

    @property
    def release(self) -> str:
        """Release of vectorbt; empty where it is not installed."""
        return version("vectorbt") if find_spec("vectorbt") else ""

    def run(
        self,
        rebalance: Rebalance,
        *,
        values: np.ndarray,
        weights: np.ndarray,
        rows: np.ndarray,
        rate: float,
    ) -> SimulatedPath:
        """Simulate one path.

        Raises
        ------
        UnavailableError
            If vectorbt is not installed.
        """
        traded, targets = _schedule(rebalance, values, weights, rows, rate)
        if not len(traded):
            days = len(values)
            return SimulatedPath(np.ones(days), np.zeros(days), np.zeros(days))
        # It takes no price of zero either, so a total loss leaves a trace.
        growth = np.maximum(1.0 + np.nan_to_num(values, nan=0.0), _LEAST_GROWTH)
        prices = _PRICE * np.cumprod(growth, axis=0)
        return _path(prices, traded, _orders(prices[traded], targets, rate))

    @property
    def modules(self) -> tuple[str, ...]:
        """The adapter and what wraps it."""
        return (
            "quant_core.simulators._path",
            "quant_core.simulators._reference",
            "quant_core.simulators._vectorbt",
        )


def _schedule(
    rebalance: Rebalance, values: np.ndarray, weights: np.ndarray, rows: np.ndarray, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the R rows that trade and the weights, shape (R, n), that each trades to."""
    days = len(values)
    if not len(rows):
        return rows, weights
    if math.isinf(rebalance.drift_limit):
        traded = rows
    elif rebalance.drift_limit < 0.0:
        traded = np.arange(rows[0], days)
    else:
        path = simulate_reference(rebalance, values=values, weights=weights, rows=rows, rate=rate)
        traded = np.union1d(rows, np.flatnonzero(path.turnover))
    window = np.searchsorted(rows, traded, side="right") - 1
    return traded, weights[window]


class _Account(NamedTuple):
    """What vectorbt holds after the orders of each of R rows, and what the orders were."""

    shares: np.ndarray
    cash: np.ndarray
    traded: np.ndarray
    fees: np.ndarray


def _orders(prices: np.ndarray, targets: np.ndarray, rate: float) -> _Account:
    try:
        import vectorbt
    except ImportError as error:
        raise UnavailableError(_LACK) from error
    count, atoms = prices.shape
    loan = np.full(count, -2.0 * rate - _SPARE)
    portfolio = vectorbt.Portfolio.from_orders(
        np.column_stack([prices, np.ones(count)]),
        size=np.column_stack([targets, loan]),
        size_type="targetpercent",
        direction="both",
        fees=np.append(np.full(atoms, rate), 0.0),
        init_cash=_CAPITAL,
        group_by=True,
        cash_sharing=True,
        call_seq="auto",
        engine="numba",
    )
    held = portfolio.assets().to_numpy() / _CAPITAL
    cash = np.asarray(portfolio.cash()) / _CAPITAL + held[:, -1]
    orders = portfolio.orders.values
    orders = orders[orders["col"] < atoms]
    traded = np.bincount(orders["idx"], orders["size"] * orders["price"], count) / _CAPITAL
    fees = np.bincount(orders["idx"], orders["fees"], count) / _CAPITAL
    return _Account(held[:, :-1], cash, traded, fees)


def _path(prices: np.ndarray, rows: np.ndarray, account: _Account) -> SimulatedPath:
    days = len(prices)
    nav, turnover, cost = np.ones(days), np.zeros(days), np.zeros(days)
    first = rows[0]
    last = np.searchsorted(rows, np.arange(first, days), side="right") - 1
    nav[first:] = np.sum(account.shares[last] * prices[first:], axis=1) + account.cash[last]
    before = nav[rows] + account.fees
    turnover[rows] = account.traded / before / 2.0
    cost[rows] = account.fees / before
    return SimulatedPath(nav, turnover, cost)
