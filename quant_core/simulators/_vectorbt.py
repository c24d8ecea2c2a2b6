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
# It takes what is left of a position for zero below 1e-9 of it, and its value is lost.
_REST = 1e-6


class Vectorbt(ForeignSimulator):
    """Simulate with vectorbt, an engine of its own (optional extra ``simulators``).

    Only the rows that trade are fed to it; between them holdings move by returns. The rows of a
    drift rebalance, and the day of a bankruptcy, follow from the trading semantics.

    Notes
    -----
    vectorbt cuts the last buy when cash does not cover its fee. Scaling the weights to the value
    after costs would hold less than the weights say. An asset of constant price that trades free
    of fees is held short instead: its proceeds are the cash that may go slightly negative.

    What a sale leaves of a position may be too little for it: then the whole is sold and the
    little is bought in another column of the same prices, with the fee on it given back: only the
    difference is a trade.

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
        account = self._orders(_lives(values, traded), traded.targets, loans, rate)
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
            fees=np.column_stack([rate * lives.counted, np.zeros(len(loans))]),
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
        amounts = orders["size"] * orders["price"] * lives.counted[orders["idx"], orders["col"]]
        count = len(loans)
        return Account(
            holdings,
            np.asarray(portfolio.cash()) / _CAPITAL + held[:, -1],
            np.bincount(orders["idx"], amounts, count) / _CAPITAL,
            np.bincount(orders["idx"], orders["fees"], count) / _CAPITAL,
        )


class _Lives(NamedTuple):
    """Assets from one total loss to the next, in one or two lots: m prices at R rows.

    A price is zero after the loss.

    Parameters
    ----------
    prices : numpy.ndarray, shape (R, m)
        Prices.
    now : numpy.ndarray of bool, shape (R, m)
        Whether it is the one of its column that is held.
    counted : numpy.ndarray, shape (R, m)
        How a trade counts: 1, or -1 where it buys back what the other lot has just sold.
    columns : numpy.ndarray of int64, shape (m,)
        Column of the returns.
    """

    prices: np.ndarray
    now: np.ndarray
    counted: np.ndarray
    columns: np.ndarray


def _lives(values: np.ndarray, traded: TradeRows) -> _Lives:
    growth, rows = growth_of(values), traded.rows
    lots, back = _lots(traded.targets)
    days, columns = growth.shape
    prices, now, counted, owners = [], [], [], []
    for column in range(columns):
        losses = np.flatnonzero(growth[:, column] == 0.0)
        for start, end in zip([0, *losses], [*losses, days], strict=True):
            price = np.full(days, _PRICE)
            price[start + 1 : end] *= np.cumprod(growth[start + 1 : end, column])
            price[end:] = 0.0
            alive = (rows >= start) & (rows < end)
            for lot in np.union1d(lots[alive, column], [0]):
                prices.append(price[rows])
                now.append(alive & (lots[:, column] == lot))
                counted.append(np.where(now[-1] & back[:, column], -1.0, 1.0))
                owners.append(column)
    return _Lives(
        np.column_stack(prices), np.column_stack(now), np.column_stack(counted), np.array(owners)
    )


def _lots(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which of two lots holds each asset from a row on, and where it keeps the direction.

    The other one takes over where a small rest of the one before would be left; both (R, n).
    """
    after, before = targets[1:], targets[:-1]
    changes = np.zeros(targets.shape, dtype=bool)
    changes[1:] = (after != 0.0) & (np.abs(after) < _REST * np.abs(before))
    same = np.zeros(targets.shape, dtype=bool)
    same[1:] = np.sign(after) == np.sign(before)
    return np.cumsum(changes, axis=0) % 2, changes & same
