"""The cvxportfolio engine: its market simulator, row by row of those that trade."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from quant_core.errors import UnavailableError
from quant_core.simulators._foreign import ForeignSimulator
from quant_core.simulators._trade_rows import Account, growth_of

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    stands_on: ClassVar[tuple[str, ...]] = ("cvxpy",)
    seconds_a_path: ClassVar[float] = 0.05
    seconds_a_row: ClassVar[float] = 0.003
    seconds_an_order: ClassVar[float] = 5e-05
    name: Literal["cvxportfolio"] = "cvxportfolio"

    def trade(
        self, values: np.ndarray, traded: TradeRows, rate: float
    ) -> tuple[np.ndarray, Account]:
        """Trade at every row."""
        with warnings.catch_warnings():
            # It spells units as pandas will spell them no more, when imported and in every step.
            warnings.simplefilter("ignore", DeprecationWarning)
            account = self._step(_returns_between(values, traded.rows), traded, rate)
        return traded.rows, account

    def _step(self, returns: np.ndarray, traded: TradeRows, rate: float) -> Account:
        """Trade at each row, and return what is held after it."""
        try:
            import cvxportfolio as cvx  # type: ignore[import-untyped]  # it has no types
        except ImportError as error:
            raise UnavailableError(self.lack or f"{self.package}: {error}") from error
        count, atoms = traded.targets.shape
        after, cash = np.zeros((count, atoms)), np.zeros(count)
        trades, costs = np.zeros(count), np.zeros(count)
        before, money = np.zeros(atoms), 1.0
        simulator = _simulator(cvx, returns, rate)
        for rows, used in _universes(traded.targets):
            # What is left of an asset that was sold is the rounding of its trade.
            money += before.sum() - before[used].sum()
            session = _Session(cvx, simulator, traded.targets[rows.start, used])
            held = np.append(before[used], money)
            for row in range(rows.start, rows.stop):
                grown, trade, cost = session.step(held, returns[row, used])
                after[row, used] = (held + trade)[:-1]
                cash[row], costs[row] = held[-1] + trade[-1] - cost, cost
                trades[row] = np.abs(trade[:-1]).sum()
                held = grown
            before, money = np.zeros(atoms), held[-1]
            before[used] = held[:-1]
        return Account(after, cash, trades, costs)


class _Session:
    """The market simulator on one universe of assets and one set of weights."""

    def __init__(self, cvx: Any, simulator: Any, weights: np.ndarray) -> None:
        import pandas as pd  # noqa: PLC0415 - comes with cvxportfolio

        self._names = pd.Index([*map(str, range(len(weights))), _CASH])
        self._series = pd.Series
        # Times only have to follow each other: no cost is charged for the time between them.
        self._now, self._then = pd.Timestamp("2000-01-01"), pd.Timestamp("2000-01-02")
        target = pd.Series(np.append(weights, 1.0 - weights.sum()), self._names)
        self._simulator, self._policy = simulator, cvx.FixedWeights(target)
        for estimator in (self._policy, *simulator.costs):
            estimator.initialize_estimator_recursive(
                universe=self._names, trading_calendar=pd.DatetimeIndex([self._now, self._then])
            )

    def step(self, held: np.ndarray, returns: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Return what is held at the next row, the trade at this one, and its cost."""
        found, _, trade, costs, _ = self._simulator.simulate(
            t=self._now,
            t_next=self._then,
            h=self._series(held, self._names),
            policy=self._policy,
            past_returns=None,
            current_returns=self._series(np.append(returns, 0.0), self._names),
            past_volumes=None,
            current_volumes=None,
            current_prices=None,
        )
        return found.to_numpy(), trade.to_numpy(), float(sum(costs.values()))


def _universes(targets: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield runs of rows with the columns that they hold: its time a row grows with them."""
    count = len(targets)
    changed = np.flatnonzero(np.any(targets[1:] != targets[:-1], axis=1)) + 1
    before = np.zeros(targets.shape[1], dtype=bool)
    for start, end in pairwise([0, *changed.tolist(), count]):
        now = targets[start] != 0.0
        yield slice(start, start + 1), np.flatnonzero(now | before)
        if end > start + 1:
            yield slice(start + 1, end), np.flatnonzero(now)
        before = now


def _simulator(cvx: Any, returns: np.ndarray, rate: float) -> Any:
    import pandas as pd  # noqa: PLC0415 - comes with cvxportfolio

    times = pd.date_range("2000-01-01", periods=len(returns), freq="D")
    market = pd.DataFrame(returns, times).rename(columns=str).assign(**{_CASH: 0.0})
    return cvx.MarketSimulator(
        market_data=cvx.UserProvidedMarketData(
            returns=market, cash_key=_CASH, min_history=np.timedelta64(0, "D")
        ),
        costs=[cvx.TransactionCost(a=rate)],
        round_trades=False,
    )


def _returns_between(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return what each asset returns from a row that trades to the next, shape (R + 1, n).

    The last two are zero: nothing is traded after them.
    """
    growth = growth_of(values)
    found = np.zeros((len(rows) + 1, values.shape[1]))
    for place, (row, end) in enumerate(pairwise(rows)):
        found[place] = np.prod(growth[row + 1 : end + 1], axis=0) - 1.0
    return found
