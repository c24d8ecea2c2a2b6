"""A session of the nautilus engine: a few rows on one venue, from opening to closing positions.

Importing this module imports the engine.
"""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from quant_core.errors import SimulationError
from quant_core.simulators._trade_rows import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Market", "Opening", "Session", "session"]

nautilus: Any = import_module("nautilus_trader.core.nautilus_pyo3")

_CAPITAL, _PRICE = 1e6, 1e3
_PRICE_DECIMALS, _UNIT_DECIMALS, _MONEY_DECIMALS = 16, 12, 16
_VOLUME = 1e13
_BALANCE = 2e6
_UNFILLED = 1e-10
_VENUE = "VENUE"
_CLOCK = "CLOCK"


class Opening(NamedTuple):
    """Positions of n atoms at their value, and cash."""

    holdings: np.ndarray
    cash: float

    @property
    def value(self) -> float:
        """Value of the portfolio."""
        return float(self.holdings.sum()) + self.cash


class Session(NamedTuple):
    """The account after the trade of each of K rows, and what it holds at the close after them."""

    account: Account
    closing: Opening


class _Plan(NamedTuple):
    """What the strategy is told: m instruments, K rows of prices and weights, opening units."""

    instruments: list[Any]
    clock: Any
    currency: Any
    prices: np.ndarray
    targets: np.ndarray
    trades: np.ndarray
    units: np.ndarray
    excess: float


class _Found(NamedTuple):
    """What the strategy saw after the trade of each row: value, units, trades and commissions."""

    values: list[float]
    units: list[np.ndarray]
    traded: list[float]
    costs: list[float]


def session(
    market: Market, opening: Opening, prices: np.ndarray, targets: np.ndarray, trades: np.ndarray
) -> Session:
    """Trade K rows from opening positions.

    Parameters
    ----------
    market : Market
        Where.
    opening : Opening
        What is held, of a value above zero.
    prices : numpy.ndarray, shape (K + 1, n) or (K, n)
        Closes from 1 in the first row; the last of K + 1 rows is that of the closing positions.
    targets : numpy.ndarray, shape (K, n)
        Weights.
    trades : numpy.ndarray of bool, shape (K,)
        Rows that trade to their weights.

    Raises
    ------
    SimulationError
        If the engine fails, or does not fill an order.
    """
    count = len(targets)
    held = np.flatnonzero((opening.holdings != 0.0) | (targets != 0.0).any(axis=0))
    scale = _CAPITAL / opening.value
    units = np.round(opening.holdings[held] * scale / _PRICE, _UNIT_DECIMALS)
    closes = prices[:count, held] * _PRICE
    desk = market.trade(closes, targets[:, held], trades, units)
    kept = np.array(desk.units) / scale
    holdings = np.zeros((count, len(opening.holdings)))
    holdings[:, held] = kept * prices[:count, held] * _PRICE
    cash = np.array(desk.values) / scale - holdings.sum(axis=1)
    account = Account(holdings, cash, np.array(desk.traded) / scale, np.array(desk.costs) / scale)
    last = np.zeros(len(opening.holdings))
    last[held] = kept[-1] * prices[-1, held] * _PRICE
    return Session(account, Opening(last, float(cash[-1])))


class _Desk(nautilus.Strategy):  # type: ignore[misc]  # compiled, without stubs
    """The strategy: at every second tick of the clock it trades, at the other it looks."""

    def __new__(cls) -> Self:
        # Names of orders follow from this one, and the engine keeps every name for ever.
        config = nautilus.StrategyConfig(
            strategy_id=nautilus.StrategyId("DESK-1"),
            order_id_tag="1",
            log_events=False,
            log_commands=False,
        )
        desk: Self = super().__new__(cls, config)
        return desk

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.found = _Found([], [], [], [])
        self._clock: Any = None
        self._steps: Iterator[None] = iter(())

    def follow(self, plan: _Plan) -> None:
        self.failure, self.found = None, _Found([], [], [], [])
        self._plan, self._clock = plan, plan.clock
        self._held = self._wanted = np.zeros(len(plan.instruments))
        self._fills = self._fees = 0.0
        self._steps = self._session()

    def on_start(self) -> None:
        self.subscribe_bars(self._clock)

    def on_bar(self, _bar: Any) -> None:
        try:
            next(self._steps, None)
        except Exception as error:  # noqa: BLE001 - the engine would drop it and go on
            self.failure = self.failure or error

    def on_order_filled(self, fill: Any) -> None:
        self._fills += fill.last_qty.as_double() * fill.last_px.as_double()
        self._fees += fill.commission.as_double()

    def _session(self) -> Iterator[None]:
        plan = self._plan
        self._order(plan.units)
        yield
        self._settle(plan.prices[0])
        for prices, targets, trades in zip(plan.prices, plan.targets, plan.trades, strict=True):
            self._fills = self._fees = 0.0
            value = self._value()
            if trades and value > 0.0:
                self._order(targets * value / prices)
            yield
            self._settle(prices)
            self.found.values.append(self._value())
            self.found.units.append(self._held.copy())
            self.found.traded.append(self._fills)
            self.found.costs.append(self._fees)
            yield

    def _value(self) -> float:
        """Return the value of the account, less what the opening did not need of its balance."""
        equity = self.portfolio.equity(_venue())[self._plan.currency].as_double()
        return float(equity) - self._plan.excess

    def _order(self, wanted: np.ndarray) -> None:
        change = wanted - self._held
        self._wanted = wanted
        for side, places in (
            (nautilus.OrderSide.SELL, np.flatnonzero(change < 0.0)),
            (nautilus.OrderSide.BUY, np.flatnonzero(change > 0.0)),
        ):
            for place in places:
                units = nautilus.Quantity(abs(float(change[place])), _UNIT_DECIMALS)
                if units.raw:
                    instrument = self._plan.instruments[place]
                    self.submit_order(self.order_factory.market(instrument, side, units))

    def _settle(self, prices: np.ndarray) -> None:
        """Read what is held now."""
        self._held = self._held.copy()
        for place in np.flatnonzero(self._wanted != self._held):
            found = self.portfolio.net_position(self._plan.instruments[place])
            self._held[place] = float(found)
        unfilled = np.abs(self._wanted - self._held) * prices
        if (unfilled > _UNFILLED * _CAPITAL).any():
            worst = int(np.argmax(unfilled))
            raise SimulationError(
                f"nautilus: expected {self._wanted[worst]} units after the orders of a close, "
                f"found {self._held[worst]}: an order was not filled"
            )


class Market:
    """A venue, its instruments, and the strategy that trades on it, one session after the other."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._currency = nautilus.Currency(
            "ACC", _MONEY_DECIMALS, 0, "account", nautilus.CurrencyType.FIAT
        )
        self._engine = _engine(nautilus.Money(_BALANCE, self._currency))
        self._clock = self._listed(_CLOCK, 0.0)
        self._instruments: list[Any] = []
        self._desk = _Desk()
        self._engine.add_strategy(self._desk)

    def trade(
        self, closes: np.ndarray, targets: np.ndarray, trades: np.ndarray, units: np.ndarray
    ) -> _Found:
        """Trade the rows of a session."""
        while len(self._instruments) < closes.shape[1]:
            self._instruments.append(self._listed(f"A{len(self._instruments)}", self._rate))
        listed = self._instruments[: closes.shape[1]]
        # What opens the session has been paid for before it.
        opening = _CAPITAL + self._rate * float(np.abs(units).sum()) * _PRICE
        plan = _Plan(
            [one.id for one in listed], _bars(self._clock), self._currency,
            closes, targets, trades, units, _BALANCE - opening,
        )  # fmt: skip
        self._desk.follow(plan)
        with _told():
            self._engine.add_data(list(_tape(plan, [_bars(one) for one in listed])))
            self._engine.run()
            self._engine.reset()
            self._engine.clear_data()
            if self._desk.failure is not None:
                raise self._desk.failure
        found = self._desk.found
        if len(found.values) != len(targets):
            raise SimulationError(
                f"nautilus: expected {len(targets)} rows, found {len(found.values)}: "
                "the engine stopped"
            )
        return found

    def close(self) -> None:
        """End the engine."""
        self._engine.dispose()

    def _listed(self, name: str, rate: float) -> Any:
        instrument = _instrument(name, self._currency, rate)
        self._engine.add_instrument(instrument)
        return instrument


@contextmanager
def _told() -> Iterator[None]:
    """Raise what the engine raises, a panic of its compiled code too, as an error of ours."""
    try:
        yield
    except SimulationError:
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise SimulationError(f"nautilus: {type(error).__name__}: {error}") from error
        raise


def _venue() -> Any:
    return nautilus.Venue(_VENUE)


def _engine(capital: Any) -> Any:
    """Return an engine without logs, files, limits of risk and statistics."""
    engine = nautilus.BacktestEngine(
        nautilus.BacktestEngineConfig(
            trader_id=nautilus.TraderId("TRADER-1"),
            bypass_logging=True,
            logging=nautilus.LoggerConfig(
                bypass_logging=True, stdout_level=nautilus.LogLevel.OFF, print_config=False
            ),
            risk_engine=nautilus.RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    engine.add_venue(
        _venue(),
        nautilus.OmsType.NETTING,
        nautilus.AccountType.MARGIN,
        [capital],
        base_currency=capital.currency,
        default_leverage=Decimal(100),
        fee_model=nautilus.MakerTakerFeeModel(),
    )
    return engine


def _instrument(name: str, currency: Any, rate: float) -> Any:
    symbol = nautilus.Symbol(name)
    return nautilus.Cfd(
        nautilus.InstrumentId(symbol, _venue()),
        symbol,
        nautilus.AssetClass.EQUITY,
        currency,
        _PRICE_DECIMALS,
        _UNIT_DECIMALS,
        nautilus.Price(10.0**-_PRICE_DECIMALS, _PRICE_DECIMALS),
        nautilus.Quantity(10.0**-_UNIT_DECIMALS, _UNIT_DECIMALS),
        0,
        0,
        maker_fee=Decimal(rate),
        taker_fee=Decimal(rate),
    )


def _bars(instrument: Any) -> Any:
    return nautilus.BarType.from_str(f"{instrument.id}-1-DAY-LAST-EXTERNAL")


def _tape(plan: _Plan, kinds: list[Any]) -> Iterator[Any]:
    """Yield the bars of each row, a tick at which to trade and one at which to look.

    Times only have to follow each other. Every price is given at the opening, at which the first
    row trades too; later that of what is held, or bought.
    """
    volume = nautilus.Quantity(_VOLUME, _UNIT_DECIMALS)

    def bar(kind: Any, close: float, time: int) -> Any:
        price = nautilus.Price(close, _PRICE_DECIMALS)
        return nautilus.Bar(kind, price, price, price, price, volume, time, time)

    for kind, close in zip(kinds, plan.prices[0], strict=True):
        yield bar(kind, float(close), 1)
    yield bar(plan.clock, 1.0, 2)
    for row, targets in enumerate(plan.targets):
        if row:
            for place in np.flatnonzero((targets != 0.0) | (plan.targets[row - 1] != 0.0)):
                yield bar(kinds[place], float(plan.prices[row, place]), 3 * row + 3)
        yield bar(plan.clock, 1.0, 3 * row + 4)
        yield bar(plan.clock, 1.0, 3 * row + 5)
