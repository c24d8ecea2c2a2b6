"""The nautilus engine: market orders of a strategy on a simulated venue with a margin account."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from quant_core.errors import DataError, UnavailableError
from quant_core.simulators._foreign import ForeignSimulator
from quant_core.simulators._trade_rows import Account, TradeRows

__all__ = ["Nautilus"]

# A session is short because nautilus copies all fills of a position at each of its fills, and ends
# where a price has moved so far from where it started that rounding could be seen.
_LONGEST = 40
_FARTHEST = 1e3


class Nautilus(ForeignSimulator):
    """Simulate with nautilus_trader (LGPLv3, optional extra ``simulators``).

    A strategy sends market orders, sells first, to a simulated venue; they fill at the close of
    the bar, and a fee model takes the rate from a margin account in one currency. Positions are
    netted; the value is that of the engine's own account. It is the compiled engine of the
    package, ``nautilus_trader.core.nautilus_pyo3``.

    A path is simulated in sessions of at most 40 rows. Each opens, at the last close of the one
    before, with its positions at their value.

    Parameters
    ----------
    every_bar : bool
        Whether the engine sees the bars of all rows from the first window on, its stock form, or
        of the rows alone that trade. Between those rows holdings move by returns. The rows of a
        drift rebalance follow from the trading semantics either way.

    Notes
    -----
    A session opens with a capital of 1e6 and prices of 1e3, and ends at the latest where a price
    has moved a thousandfold, or to zero. Prices and money have 16 decimals, units 12. What this
    rounds is below 1e-14 of the value, so no other simulator has to round.
    """

    package: ClassVar[str] = "nautilus_trader"
    distribution: ClassVar[str] = "nautilus_trader"
    seconds_an_order: ClassVar[float] = 2.5e-4
    name: Literal["nautilus"] = "nautilus"
    every_bar: bool = False

    def check(self, values: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> None:
        """Refuse an infinite return of what is held: the engine's prices are finite.

        Raises
        ------
        DataError
            If there is one.
        """
        _refuse_infinite(values, weights, rows)

    def trade(
        self, values: np.ndarray, traded: TradeRows, rate: float
    ) -> tuple[np.ndarray, Account]:
        """Trade at every row that trades, and see the others where it sees every bar.

        Raises
        ------
        SimulationError
            If the engine fails, or does not fill an order.
        """
        seen = _all_rows(traded, len(values)) if self.every_bar else traded
        trades = np.isin(seen.rows, traded.rows)
        account = self._sessions(_growth_between(values, seen), seen.targets, trades, rate)
        solvent = _solvent(account)
        return seen.rows[:solvent], Account(*(figures[:solvent] for figures in account))

    @property
    def tolerance(self) -> float:
        """Relative difference of NAV up to which its path agrees with another simulator's."""
        return 1e-9

    @property
    def modules(self) -> tuple[str, ...]:
        """The adapter, its sessions and what wraps them."""
        return (*super().modules, "quant_core.simulators._nautilus_session")

    def _sessions(
        self, growth: np.ndarray, targets: np.ndarray, trades: np.ndarray, rate: float
    ) -> Account:
        """Simulate R rows: growth since the row before, weights, and whether they are traded."""
        try:
            from quant_core.simulators._nautilus_session import Market, Opening, session  # noqa: PLC0415
        except ImportError as error:
            raise UnavailableError(self.lack or f"{self.package}: {error}") from error
        count = len(growth)
        account = Account(np.zeros(targets.shape), *np.zeros((3, count)))
        opening, start = Opening(np.zeros(targets.shape[1]), 1.0), 0
        market = Market(rate)
        try:
            while start < count and opening.value > 0.0:
                stop, prices = _span(growth, start)
                part = slice(start, stop)
                found = session(market, opening, prices, targets[part], trades[part])
                for kept, new in zip(account, found.account, strict=True):
                    kept[part] = new
                opening, start = found.closing, stop
        finally:
            market.close()
        account.cash[start:] = opening.value
        return account


def _refuse_infinite(values: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> None:
    for day in np.flatnonzero(np.isinf(values).any(axis=1)):
        window = int(np.searchsorted(rows, day)) - 1
        if window >= 0 and np.isinf(values[day, weights[window] != 0.0]).any():
            raise DataError(
                "values: expected finite returns or NaN, found an infinite one at row "
                f"{day} among the atoms held there"
            )


def _all_rows(traded: TradeRows, days: int) -> TradeRows:
    rows = np.arange(traded.rows[0], days)
    place = np.searchsorted(traded.rows, rows, side="right") - 1
    return TradeRows(rows, traded.targets[place], traded.cost[place])


def _solvent(account: Account) -> int:
    """Return how many rows have a value before their trade that is above zero."""
    ended = account.holdings.sum(axis=1) + account.cash + account.costs <= 0.0
    return int(np.argmax(ended)) if ended.any() else len(ended)


def _growth_between(values: np.ndarray, seen: TradeRows) -> np.ndarray:
    """Return the growth of what is held since the row before, shape (R, n)."""
    growth, rows = np.where(np.isnan(values), 1.0, 1.0 + values), seen.rows
    between = np.ones(seen.targets.shape)
    for place in range(1, len(rows)):
        held = seen.targets[place - 1] != 0.0
        days = slice(rows[place - 1] + 1, rows[place] + 1)
        between[place, held] = np.prod(growth[days, held], axis=0)
    return between


def _span(growth: np.ndarray, start: int) -> tuple[int, np.ndarray]:
    """Return the row at which a session ends, and its prices, from 1, up to and including it."""
    prices = growth[start : start + _LONGEST + 1].copy()
    prices[0] = 1.0
    np.cumprod(prices, axis=0, out=prices)
    far = ((prices < 1.0 / _FARTHEST) | (prices > _FARTHEST)).any(axis=1)
    stop = int(np.argmax(far)) if far.any() else _LONGEST
    return min(start + stop, len(growth)), prices[: stop + 1]
