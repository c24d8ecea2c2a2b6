"""Prices of crypto exchanges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.data._live import (
    UNREADABLE,
    Series,
    complete_days,
    live_library,
    observations,
    patient,
    unreadable,
)
from quant_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from quant_core.data._live_config import CcxtConfig
    from quant_core.data._observations import Kind, RawObservations

__all__ = ["CcxtSource"]

_DAY = np.timedelta64(1, "D")
_PAGE = np.timedelta64(300, "D")


@dataclass(frozen=True, slots=True)
class CcxtSource:
    """Daily closes and volumes of a crypto exchange, by days of UTC.

    Questions keep the pace that the exchange asks for.

    Parameters
    ----------
    config : CcxtConfig
        What to ask for.
    session : requests.Session or None
        Over what to ask; a session of ccxt's own by default.
    """

    config: CcxtConfig
    session: Any = field(default=None, repr=False)
    name: str = "ccxt"
    kind: Kind = "prices"

    @property
    def origin(self) -> str:
        """The exchange."""
        return f"ccxt {self.config.exchange}"

    def read(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> RawObservations:
        """Read the closes from ``start``, included, to ``end``, excluded; never today's.

        Raises
        ------
        UnavailableError
            If ccxt is not installed.
        ConfigError
            If it knows no such exchange.
        DataError
            If ``start`` is missing, or the exchange does not know a symbol or refuses.
        SourceError
            If the exchange does not answer after all retries.
        """
        first, after = complete_days(start, end, origin=self.origin)
        library = live_library("ccxt")
        exchange = self._open(library)
        try:
            found = [
                self._series(library, exchange, symbol, first, after)
                for symbol in self.config.symbols
            ]
        finally:
            if self.session is None:
                exchange.close()
        return observations(found, origin=self.origin)

    def _open(self, library: Any) -> Any:
        if self.config.exchange not in library.exchanges:
            raise ConfigError(
                f"data.source.exchange: ccxt knows no exchange {self.config.exchange!r}; write "
                "its id, for example kraken, coinbase or bitstamp"
            )
        options = {"enableRateLimit": True, "timeout": int(self.config.timeout * 1000)}
        if self.session is not None:
            options["session"] = self.session
        return getattr(library, self.config.exchange)(options)

    def _series(
        self,
        library: Any,
        exchange: Any,
        symbol: str,
        first: np.datetime64,
        after: np.datetime64,
    ) -> Series:
        pages: list[np.ndarray] = [np.zeros((0, 6))]
        since = first
        while since < after:
            page = self._page(library, exchange, symbol, since)
            days = _days(page)
            page = page[(days >= since) & (days < after)]
            pages.append(page)
            # An exchange may answer nothing for a page before the first trade.
            since = _days(page).max() + _DAY if len(page) else since + _PAGE
        bars = np.vstack(pages)
        return Series(symbol, _days(bars), bars[:, 4], bars[:, 5])

    def _page(self, library: Any, exchange: Any, symbol: str, since: np.datetime64) -> np.ndarray:
        moment = int(since.astype("datetime64[ms]").astype(np.int64))
        try:
            rows = patient(
                lambda: exchange.fetch_ohlcv(symbol, "1d", since=moment),
                transient=(library.OperationFailed,),
                retries=self.config.retries,
                what=f"{self.origin}, {symbol}",
            )
        except library.BadSymbol as error:
            raise DataError(
                f"{self.origin}: no market {symbol}; correct data.source.symbols: {error}"
            ) from error
        except library.BaseError as error:
            raise DataError(f"{self.origin}, {symbol}: the exchange refuses: {error}") from error
        except UNREADABLE as error:
            raise DataError(unreadable(f"{self.origin}, {symbol}", error)) from error
        return np.array(rows, dtype=np.float64).reshape(-1, 6)


def _days(bars: np.ndarray) -> np.ndarray:
    return bars[:, 0].astype("datetime64[ms]").astype("datetime64[D]")
