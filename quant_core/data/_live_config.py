"""Services that are asked for prices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["CcxtConfig", "LiveConfig", "YahooConfig"]

_Symbols = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class _Service(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    symbols: _Symbols
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    timeout: Annotated[float, Field(gt=0, le=600)] = 30.0

    @field_validator("symbols")
    @classmethod
    def _once(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(symbols)) < len(symbols):
            raise ValueError(f"expected each symbol once, found {', '.join(symbols)}")
        return symbols


class YahooConfig(_Service):
    """Daily prices of Yahoo Finance, by the library yfinance.

    Parameters
    ----------
    symbols : tuple of str
        Tickers as Yahoo spells them.
    retries : int
        How often a question that failed for a moment is asked again.
    timeout : float
        Seconds that an answer may take.
    adjusted : bool
        Whether prices are adjusted for dividends and splits; only for splits without.
    """

    kind: Literal["yfinance"] = "yfinance"
    adjusted: bool = True


class CcxtConfig(_Service):
    """Daily prices of a crypto exchange, by the library ccxt.

    Parameters
    ----------
    symbols : tuple of str
        Markets as ccxt spells them, for example ``BTC/USD``.
    retries : int
        How often a question that failed for a moment is asked again.
    timeout : float
        Seconds that an answer may take.
    exchange : str
        Name of the exchange in ccxt, for example ``kraken``.
    """

    kind: Literal["ccxt"] = "ccxt"
    exchange: Annotated[str, Field(pattern=r"^[a-z0-9]+$")]


LiveConfig = Annotated[YahooConfig | CcxtConfig, Field(discriminator="kind")]
"""A service, told by its ``kind``."""
