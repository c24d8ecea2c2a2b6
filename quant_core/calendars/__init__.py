"""On which days a universe trades."""

from quant_core.calendars._calendar import (
    ALWAYS,
    OBSERVED,
    AlwaysOpen,
    Calendar,
    ObservedDays,
)
from quant_core.calendars._exchange import ExchangeCalendar
from quant_core.calendars._open import calendar_names, open_calendar

__all__ = [
    "ALWAYS",
    "OBSERVED",
    "AlwaysOpen",
    "Calendar",
    "ExchangeCalendar",
    "ObservedDays",
    "calendar_names",
    "open_calendar",
]
