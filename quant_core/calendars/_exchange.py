"""Calendars of exchanges, by the library exchange_calendars."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["ExchangeCalendar"]

_DAY = np.timedelta64(1, "D")
_DECADE = 10


class ExchangeCalendar:
    """The sessions of one exchange.

    Making one takes the library the same time for a year as for decades, so the sessions of whole
    decades are kept.

    Parameters
    ----------
    name : str
        Code of the exchange, as ``exchange_calendars`` knows it.
    """

    __slots__ = ("_days", "_span", "name")

    judges = True

    def __init__(self, name: str) -> None:
        self.name = name
        self._days = np.zeros(0, "datetime64[D]")
        self._span: tuple[np.datetime64, np.datetime64] | None = None

    def sessions(self, first: np.datetime64, last: np.datetime64) -> np.ndarray:
        """Return the sessions from ``first`` to ``last``, both included.

        Raises
        ------
        DataError
            If the calendar does not reach so far back or ahead.
        """
        first, last = np.datetime64(first, "D"), np.datetime64(last, "D")
        if first > last:
            return self._days[:0]
        if self._span is None or first < self._span[0] or last > self._span[1]:
            self._extend(first, last)
        at = np.searchsorted(self._days, [first, last + _DAY])
        return self._days[at[0] : at[1]]

    def _extend(self, first: np.datetime64, last: np.datetime64) -> None:
        if self._span is not None:
            first, last = min(first, self._span[0]), max(last, self._span[1])
        # Some exchanges are known from one day on or up to one: the wider spans may be refused.
        *wider, exact = _spans(first, last)
        for span in wider:
            try:
                self._keep(span)
            except ValueError:
                continue
            return
        try:
            self._keep(exact)
        except ValueError as error:
            raise DataError(
                f"calendar {self.name}: does not reach from {first} to {last}; narrow "
                f"data.start and data.end, or configure another calendar: {error}"
            ) from error

    def _keep(self, span: tuple[np.datetime64, np.datetime64]) -> None:
        days = _made(self.name, *span)
        days.flags.writeable = False
        self._days, self._span = days, span


def _spans(
    first: np.datetime64, last: np.datetime64
) -> Iterator[tuple[np.datetime64, np.datetime64]]:
    years = [int(day.astype("datetime64[Y]").astype(int)) + 1970 for day in (first, last)]
    for step in (_DECADE, 1):
        start, stop = years[0] // step * step, (years[1] // step + 1) * step
        yield np.datetime64(f"{start:04}-01-01"), np.datetime64(f"{stop:04}-01-01") - _DAY
    yield first, last


def _made(name: str, first: np.datetime64, last: np.datetime64) -> np.ndarray:
    import exchange_calendars  # type: ignore[import-untyped]  # it has no types

    # It refuses a single day, and a span without a session.
    early = first if first < last else first - _DAY
    try:
        with _known_warning():
            calendar = exchange_calendars.get_calendar(name, start=str(early), end=str(last))
    except exchange_calendars.errors.NoSessionsError:
        return np.zeros(0, "datetime64[D]")
    return _days(calendar.sessions)


def _days(sessions: pd.DatetimeIndex) -> np.ndarray:
    return np.array(sessions.to_numpy(), dtype="datetime64[D]")


@contextmanager
def _known_warning() -> Iterator[None]:
    """Silence what pandas says of a line inside the library, and nothing else."""
    from pandas.errors import Pandas4Warning  # noqa: PLC0415 - pandas takes half a second

    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore",
            message="Series.values returning an ndarray that drops timezone",
            category=Pandas4Warning,
        )
        yield
