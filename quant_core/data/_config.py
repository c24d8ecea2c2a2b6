"""The ``data`` section of the configuration."""

from __future__ import annotations

from datetime import date as calendar_date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["DataConfig"]


class DataConfig(BaseModel):
    """Where prices or returns come from, and how they are read.

    Exactly one of ``sample``, ``prices`` and ``returns`` is given.

    Parameters
    ----------
    sample : bool
        Use the sample: 20 S&P 500 stocks and the index, 1990 to 2022.
    prices, returns : str or None
        fsspec URL of a CSV or Parquet file, wide or long.
    date, symbol, value : str or None
        Columns whose names are not the usual ones.
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
    date: str | None = None
    symbol: str | None = None
    value: str | None = None
    exclude: tuple[str, ...] = ()
    start: calendar_date | None = None
    end: calendar_date | None = None
    duplicates: Literal["error", "keep_first"] = "error"
    max_gap_days: Annotated[int, Field(ge=1, le=28)] = 10

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("sample", "prices", "returns") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(
                "expected exactly one of sample, prices and returns, found "
                + (" and ".join(given) or "none")
            )
        if self.start is not None and self.end is not None and self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self
