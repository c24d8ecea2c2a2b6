"""The ``data`` section of the configuration."""

from __future__ import annotations

from datetime import date as calendar_date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from quant_core.data._live_config import LiveConfig
from quant_core.data._place import check_place

__all__ = ["SOURCES", "DataConfig"]

SOURCES = ("sample", "prices", "returns", "source")
"""The fields that say where the data come from."""


class DataConfig(BaseModel):
    """Where prices or returns come from, and how they are read.

    Exactly one of ``sample``, ``prices``, ``returns`` and ``source`` is given.

    Parameters
    ----------
    sample : bool
        Use the sample: 20 S&P 500 stocks and the index, 1990 to 2022.
    prices, returns : str or None
        fsspec URL of a CSV or Parquet file, wide or long. ``${NAME}`` in it stands for the
        environment variable NAME when the file is opened.
    source : YahooConfig, CcxtConfig or None
        A service that is asked for prices.
    date, symbol, value : str or None
        Columns whose names are not the usual ones.
    volume : str or None
        Column of a long file that holds what was traded, in units; read only if it is named.
    exclude : tuple of str
        Symbols to leave out.
    start, end : datetime.date or None
        First and last calendar day to read, both included.
    duplicates : {"error", "keep_first"}
        What to do where a date, or a date and symbol, comes twice.
    max_gap_days : int
        Longest gap, in calendar days, that one return may span; a price after a longer one is a
        new start. At most 28, so that a month needs no more than the month before it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample: bool = False
    prices: Annotated[str, Field(min_length=1)] | None = None
    returns: Annotated[str, Field(min_length=1)] | None = None
    source: LiveConfig | None = None
    date: str | None = None
    symbol: str | None = None
    value: str | None = None
    volume: str | None = None
    exclude: tuple[str, ...] = ()
    start: calendar_date | None = None
    end: calendar_date | None = None
    duplicates: Literal["error", "keep_first"] = "error"
    max_gap_days: Annotated[int, Field(ge=1, le=28)] = 10

    @field_validator("prices", "returns")
    @classmethod
    def _readable(cls, url: str | None) -> str | None:
        if url is not None:
            check_place(url)
        return url

    @property
    def has_volume(self) -> bool:
        """Whether the source tells what was traded."""
        return self.volume is not None or self.source is not None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in SOURCES if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(
                f"expected exactly one of {', '.join(SOURCES[:-1])} and {SOURCES[-1]}, found "
                + (" and ".join(given) or "none")
            )
        if self.volume is not None and self.prices is None:
            raise ValueError(f"volume names a column of data.prices, found data.{given[0]}")
        if self.start is not None and self.end is not None and self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self
