"""The vectorbt engine: orders by target percent in one group that shares its cash."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import numpy as np

from quant_core.errors import UnavailableError
from quant_core.simulators._foreign import ForeignSimulator
from quant_core.simulators._trade_rows import Account, growth_of

if TYPE_CHECKING:
    from quant_core.simulators._trade_rows import TradeRows

__all__ = ["Vectorbt"]

_SPARE = 1e-5
# vectorbt takes prices, cash and shares below 1e-12 for zero, and so a trade of that many shares:
# with prices and a capital of 1, a year of daily trades of 400 stocks would be 1e-9 off.
_PRICE, _CAPITAL = 1e3, 1e12


class Vectorbt(ForeignSimulator):
    """Simulate with vectorbt, an engine of its own (optional extra ``simulators``).

    Only the rows that trade are fed to it; between them holdings move by returns. The rows of a
    drift rebalance, and the day of a bankruptcy, follow from the trading semantics.

    Notes
    -----
    vectorbt cuts the last buy when cash does not cover its fee. Scaling the weights to the value
    after costs would hold less than the weights say. An asset of constant price that trades free
    of fees is held short instead: its proceeds are the cash that may go slightly negative.

    It takes no price of zero. An asset that loses everything is worth nothing from then on, and
    another one, of a new price, is traded in its place.
    """

    package: ClassVar[str] = "vectorbt"
    distribution: ClassVar[str] = "vectorbt"
    seconds_a_path: ClassVar[float] = 0.055
    seconds_a_row: ClassVar[float] = 0.0
    seconds_an_order: ClassVar[float] = 1.5e-06
    name: Literal["vectorbt"] = "vectorbt"

    def trade(
        self, values: np.ndarray, traded: TradeRows, rate: float
    ) -> tuple[np.ndarray, Account]:
        """Trade at every row."""
        loans = 2.0 * traded.cost + _SPARE
        account = self._orders(_lives(values, traded.rows), traded.targets, loans, rate)
        return traded.rows, account

    def _orders(
        self, lives: _Lives, targets: np.ndarray, loans: np.ndarray, rate: float
    ) -> Account:
        try:
            import vectorbt
            from vectorbt.portfolio.enums import SizeType
        except ImportError as error:
            raise UnavailableError(self.lack or f"{self.package}: {error}") from error
        atoms = len(lives.columns)
        prices = np.column_stack([lives.prices, np.ones(len(loans))])
        dead = prices == 0.0
        wanted = np.where(lives.now, targets[:, lives.columns], 0.0)
        portfolio = vectorbt.Portfolio.from_orders(
            np.where(dead, 1.0, prices),
            size=np.column_stack([wanted, -loans]),
            size_type=np.where(dead, SizeType.Amount, SizeType.TargetPercent),
            val_price=prices,
            direction="both",
            fees=np.append(np.full(atoms, rate), 0.0),
            init_cash=_CAPITAL,
            group_by=True,
            cash_sharing=True,
            call_seq="auto",
            engine="numba",
        )
        held = portfolio.assets().to_numpy() / _CAPITAL * prices
        holdings = np.zeros(targets.shape)
        np.add.at(holdings.T, lives.columns, held[:, :-1].T)
        orders = portfolio.orders.values
        orders = orders[orders["col"] < atoms]
        count = len(loans)
        return Account(
            holdings,
            np.asarray(portfolio.cash()) / _CAPITAL + held[:, -1],
            np.bincount(orders["idx"], orders["size"] * orders["price"], count) / _CAPITAL,
            np.bincount(orders["idx"], orders["fees"], count) / _CAPITAL,
        )


class _Lives(NamedTuple):
    """Assets from one total loss to the next: m prices at R rows, zero after the loss.

    Parameters
    ----------
    prices : numpy.ndarray, shape (R, m)
        Prices.
    now : numpy.ndarray of bool, shape (R, m)
        Whether it is the one of its column that is traded.
    columns : numpy.ndarray of int64, shape (m,)
        Column of the returns.
    """

    prices: np.ndarray
    now: np.ndarray
    columns: np.ndarray


def _lives(values: np.ndarray, rows: np.ndarray) -> _Lives:
    growth = growth_of(values)
    days, columns = growth.shape
    prices, now, owners = [], [], []
    for column in range(columns):
        losses = np.flatnonzero(growth[:, column] == 0.0)
        for start, end in zip([0, *losses], [*losses, days], strict=True):
            price = np.full(days, _PRICE)
            price[start + 1 : end] *= np.cumprod(growth[start + 1 : end, column])
            price[end:] = 0.0
            prices.append(price[rows])
            now.append((rows >= start) & (rows < end))
            owners.append(column)
    return _Lives(np.column_stack(prices), np.column_stack(now), np.array(owners))
