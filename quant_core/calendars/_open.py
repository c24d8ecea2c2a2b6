"""Calendars by their names."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from quant_core.calendars._calendar import ALWAYS, OBSERVED, AlwaysOpen, ObservedDays
from quant_core.calendars._exchange import ExchangeCalendar
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from quant_core.calendars._calendar import Calendar

__all__ = ["calendar_names", "open_calendar"]

_MOST = 128


@lru_cache(maxsize=_MOST)
def open_calendar(name: str) -> Calendar:
    """Return a calendar; the same one for the same name.

    Parameters
    ----------
    name : str
        ``"observed"`` judges no day, ``"24/7"`` is always open; any other is the code of an
        exchange, for example ``"XNYS"``.

    Raises
    ------
    ConfigError
        If no calendar has this name.

    Examples
    --------
    >>> open_calendar("24/7").name
    '24/7'
    """
    if name == OBSERVED:
        return ObservedDays()
    if name == ALWAYS:
        return AlwaysOpen()
    if name not in calendar_names():
        raise ConfigError(
            f"unknown calendar {name!r}; expected {OBSERVED!r}, {ALWAYS!r} or the code of an "
            "exchange such as 'XNYS' (New York), 'XLON' (London), 'XTKS' (Tokyo)"
        )
    return ExchangeCalendar(name)


def calendar_names() -> list[str]:
    """Return the names of all calendars, sorted."""
    import exchange_calendars  # type: ignore[import-untyped]  # it has no types

    return sorted({OBSERVED, ALWAYS, *exchange_calendars.get_calendar_names()})
