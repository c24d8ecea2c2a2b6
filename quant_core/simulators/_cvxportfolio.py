"""The cvxportfolio engine: its market simulator, row by row of those that trade."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from quant_core.errors import UnavailableError
from quant_core.simulators._foreign import ForeignSimulator
from quant_core.simulators._trade_rows import Account, growth_of, path_of, trade_rows

if TYPE_CHECKING:
    from quant_core.simulators._path import SimulatedPath
    from quant_core.simulators._rebalance import Rebalance
    from quant_core.simulators._trade_rows import TradeRows

__all__ = ["Cvxportfolio"]

_CASH = "cash"


class Cvxportfolio(ForeignSimulator):
    """Simulate with cvxportfolio (GPLv3, optional extra ``simulators``).

    ``MarketSimulator`` on ``UserProvidedMarketData`` with ``TransactionCost(a=rate)``, without
    rounding, and a ``FixedWeights`` policy. Only the rows that trade are fed to it, each with the
    return up to the next one. The rows of a drift rebalance, and the day of a bankruptcy, follow
    from the trading semantics.

    Notes
    -----
    It would move an asset without a return to cash, free of costs, so a missing observation is
    given to it as a return of zero. Its value on a row that trades is that before costs. Its
    back-test copies all past returns at every row; its step is called instead.
    """

    package: ClassVar[str] = "cvxportfolio"
    distribution: ClassVar[str] = "cvxportfolio"
    seconds_a_path: ClassVar[float] = 0.05
    seconds_a_row: ClassVar[float] = 0.003
    seconds_an_order: ClassVar[float] = 5e-05
    name: Literal["cvxportfolio"] = "cvxportfolio"

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
            If cvxportfolio is not installed.
        """
        traded = trade_rows(rebalance, values, weights, rows, rate)
        if not len(traded.rows):
            return path_of(values, traded.rows, Account(weights, *np.zeros((3, 0))))
        with warnings.catch_warnings():
            # It spells units as pandas will spell them no more, when imported and in every step.
            warnings.simplefilter("ignore", DeprecationWarning)
            account = self._step(_returns_between(values, traded.rows), traded, rate)
        return path_of(values, traded.rows, account)

    @property
    def modules(self) -> tuple[str, ...]:
        """The adapter and what wraps it."""
        return (
            "quant_core.simulators._cvxportfolio",
            "quant_core.simulators._path",
            "quant_core.simulators._trade_rows",
        )

    def _step(self, returns: np.ndarray, traded: TradeRows, rate: float) -> Account:
        """Trade at each row, and return what is held after it."""
        try:
            import cvxportfolio as cvx  # type: ignore[import-untyped] - has no types
            import pandas as pd  # noqa: PLC0415 - comes with it
        except ImportError as error:
            raise UnavailableError(self.lack or f"{self.package}: {error}") from error
        count, atoms = traded.targets.shape
        names = [*(f"{number}" for number in range(atoms)), _CASH]
        # Times only have to follow each other: no cost is charged for the time between them.
        times = pd.date_range("2000-01-01", periods=count + 1, freq="D")
        market = pd.DataFrame(_with_cash(returns, 0.0), times, names)
        targets = _with_cash(traded.targets, 1.0 - traded.targets.sum(axis=1))
        policy = cvx.FixedWeights(pd.DataFrame(targets, times[:-1], names))
        simulator = _simulator(cvx, market, rate)
        for estimator in (policy, *simulator.costs):
            estimator.initialize_estimator_recursive(
                universe=market.columns, trading_calendar=times
            )
        after, traded_value, costs = np.zeros((count, atoms + 1)), np.zeros(count), np.zeros(count)
        holdings = pd.Series(np.append(np.zeros(atoms), 1.0), names)
        for row, (now, then) in enumerate(pairwise(times)):
            found, _, trade, cost, _ = simulator.simulate(
                t=now, t_next=then, h=holdings, policy=policy, past_returns=None,
                current_returns=market.iloc[row], past_volumes=None, current_volumes=None,
                current_prices=None,
            )  # fmt: skip
            after[row] = (holdings + trade).to_numpy()
            costs[row] = sum(cost.values())
            traded_value[row] = np.abs(trade.to_numpy()[:-1]).sum()
            holdings = found
        return Account(after[:, :-1], after[:, -1] - costs, traded_value, costs)


def _simulator(cvx: Any, market: Any, rate: float) -> Any:
    return cvx.MarketSimulator(
        market_data=cvx.UserProvidedMarketData(
            returns=market, cash_key=_CASH, min_history=np.timedelta64(0, "D")
        ),
        costs=[cvx.TransactionCost(a=rate)],
        round_trades=False,
    )


def _with_cash(columns: np.ndarray, cash: np.ndarray | float) -> np.ndarray:
    return np.column_stack([columns, np.broadcast_to(cash, len(columns))])


def _returns_between(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return what each asset returns from a row that trades to the next, shape (R + 1, n).

    The last two are zero: nothing is traded after them.
    """
    growth = growth_of(values)
    found = np.zeros((len(rows) + 1, values.shape[1]))
    for place, (row, end) in enumerate(pairwise(rows)):
        found[place] = np.prod(growth[row + 1 : end + 1], axis=0) - 1.0
    return found
