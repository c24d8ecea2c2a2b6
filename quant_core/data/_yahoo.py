"""Prices of Yahoo Finance."""

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
from quant_core.errors import DataError, SourceError

if TYPE_CHECKING:
    import pandas as pd

    from quant_core.data._live_config import YahooConfig
    from quant_core.data._observations import Kind, RawObservations

__all__ = ["YahooSource"]


@dataclass(frozen=True, slots=True)
class YahooSource:
    """Daily closes and volumes of Yahoo Finance, a question a symbol.

    Parameters
    ----------
    config : YahooConfig
        What to ask for.
    session : requests.Session or None
        Over what to ask; a session of yfinance's own by default.
    """

    config: YahooConfig
    session: Any = field(default=None, repr=False)
    name: str = "yfinance"
    origin: str = "Yahoo Finance"
    kind: Kind = "prices"

    def read(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> RawObservations:
        """Read the closes from ``start``, included, to ``end``, excluded; never today's.

        Raises
        ------
        UnavailableError
            If yfinance is not installed.
        DataError
            If ``start`` is missing, or Yahoo does not know a symbol or has no price of it.
        SourceError
            If Yahoo does not answer, or asks to slow down, after all retries.
        """
        first, after = complete_days(start, end, origin=self.origin)
        found = [self._series(symbol, first, after) for symbol in self.config.symbols]
        return observations(found, origin=self.origin)

    def _series(self, symbol: str, first: np.datetime64, after: np.datetime64) -> Series:
        if first == after:
            none = np.zeros(0)
            return Series(symbol, np.zeros(0, "datetime64[D]"), none, none)
        library = live_library("yfinance")
        problems = library.exceptions
        try:
            frame = patient(
                lambda: self._history(library, symbol, first, after),
                transient=(problems.YFRateLimitError, problems.YFDataException, OSError),
                retries=self.config.retries,
                what=f"{self.origin}, {symbol}",
            )
        except SourceError:
            raise
        except (problems.YFException, OSError) as error:
            raise DataError(
                f"{self.origin}: no prices of {symbol} from {first} to {after}; correct "
                f"data.source.symbols or the days asked for: {error}"
            ) from error
        except UNREADABLE as error:
            raise DataError(unreadable(f"{self.origin}, {symbol}", error)) from error
        # Stamps are midnight of the exchange: the label is the session's, whatever the offset.
        days = frame.index.tz_localize(None).to_numpy().astype("datetime64[D]")
        column = "Adj Close" if self.config.adjusted else "Close"
        return Series(symbol, days, _numbers(frame[column]), _numbers(frame["Volume"]))

    def _history(
        self, library: Any, symbol: str, first: np.datetime64, after: np.datetime64
    ) -> Any:
        # Without this it logs what went wrong and returns nothing.
        library.config.debug.hide_exceptions = False
        return library.Ticker(symbol, session=self.session).history(
            interval="1d",
            start=str(first),
            end=str(after),
            auto_adjust=False,
            actions=False,
            keepna=True,
            timeout=self.config.timeout,
        )


def _numbers(column: pd.Series) -> np.ndarray:
    values: np.ndarray = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values
