"""Final wealth of the baselines of online portfolio selection, through the simulator."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import UnavailableError
from quant_core.simulators import Custom, DailyRebalance, Rebalance, WindowRebalance, simulate
from quant_core.verification._exponential_gradient import exponential_gradient
from quant_core.verification._log_optimal import log_optimal
from quant_core.verification._markets import market_returns
from quant_core.verification._result import PublishedResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["FINAL_WEALTH", "online_portfolios"]

_SOURCE = (
    "Li, B. and Hoi, S. C. H. (2015). Online Portfolio Selection: Principles and Algorithms. CRC "
    "Press, empirical results"
)
_LAST_DIGIT = 0.005
_CERTIFIED = 1e-9
_ETA = 0.05

FINAL_WEALTH: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "NYSE(O)": (14.50, 54.14, 27.08, 250.60, 27.09),
        "NYSE(N)": (18.06, 83.51, 31.55, 120.32, 31.00),
        "TSE": (1.61, 6.28, 1.60, 6.78, 1.59),
        "SP500": (1.34, 3.78, 1.65, 4.07, 1.63),
        "MSCI": (0.91, 1.50, 0.93, 1.51, 0.93),
        "DJIA": (0.76, 1.19, 0.81, 1.24, 0.81),
    }
)
"""Wealth after the last day from 1, as published: Market, best stock, UCRP, BCRP, EG(0.05)."""


def online_portfolios() -> Iterator[PublishedResult]:
    """Yield the final wealth of every strategy on every market.

    A price relative is a return of a row, so a portfolio is bought at the close of the row before
    the first one. The simulator charges nothing.

    Raises
    ------
    DataError
        If a file of the data cannot be read.
    """
    for market, figures in FINAL_WEALTH.items():
        rows = [
            PublishedResult("online portfolios", f"{market}, {name}", _SOURCE, figure, _LAST_DIGIT)
            for name, figure in zip(_STRATEGIES, figures, strict=True)
        ]
        try:
            returns = market_returns(market)
        except UnavailableError as error:
            yield from (row.lacking(str(error)) for row in rows)
            continue
        for row, strategy in zip(rows, _STRATEGIES.values(), strict=True):
            yield row.found(*strategy(returns))


def _wealth(
    returns: np.ndarray, weights: np.ndarray, rebalance: Rebalance, rows: np.ndarray | None = None
) -> float:
    first = np.array([0]) if rows is None else rows
    path = simulate(Custom(), rebalance, values=returns, weights=weights, rows=first, rate=0.0)
    return float(path.nav[-1])


def _equal(returns: np.ndarray) -> np.ndarray:
    return np.full((1, returns.shape[1]), 1.0 / returns.shape[1])


def _market(returns: np.ndarray) -> tuple[float, str]:
    return _wealth(returns, _equal(returns), WindowRebalance()), "bought equally and held"


def _best_stock(returns: np.ndarray) -> tuple[float, str]:
    alone = np.eye(returns.shape[1])
    found = [_wealth(returns, alone[[column]], WindowRebalance()) for column in range(len(alone))]
    return max(found), f"of {len(found)}"


def _constant_equal(returns: np.ndarray) -> tuple[float, str]:
    return _wealth(returns, _equal(returns), DailyRebalance()), "back to equal weights every day"


def _best_constant(returns: np.ndarray) -> tuple[float, str]:
    best = log_optimal(1.0 + returns[1:])
    told = f"optimality residual {best.residual:.1e} after {best.steps} steps"
    if not best.residual <= _CERTIFIED:
        return np.nan, f"not certified: {told}, expected at most {_CERTIFIED:.0e}"
    return _wealth(returns, best.weights[None], DailyRebalance()), told


def _exponential_gradient(returns: np.ndarray) -> tuple[float, str]:
    weights = exponential_gradient(1.0 + returns[1:], rate=_ETA)
    every = np.arange(len(weights))
    return _wealth(returns, weights, DailyRebalance(), every), f"eta {_ETA}, new weights every day"


_STRATEGIES: Mapping[str, Callable[[np.ndarray], tuple[float, str]]] = MappingProxyType(
    {
        "Market": _market,
        "best stock": _best_stock,
        "UCRP": _constant_equal,
        "BCRP": _best_constant,
        f"EG({_ETA})": _exponential_gradient,
    }
)
