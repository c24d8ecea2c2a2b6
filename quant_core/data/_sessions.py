"""Observations against the sessions of a calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from quant_core.calendars import Calendar

__all__ = ["missing_sessions", "off_session"]


def off_session(dates: np.ndarray, calendar: Calendar | None) -> np.ndarray:
    """Tell which dates fall on days that are no session.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Increasing; a date belongs to its day in UTC.
    calendar : Calendar or None
        Without one, or with one that does not judge, every day may be a session.

    Returns
    -------
    numpy.ndarray of bool, shape (T,)
    """
    if calendar is None or not calendar.judges or not len(dates):
        return np.zeros(len(dates), dtype=np.bool_)
    days = dates.astype("datetime64[D]")
    return np.isin(days, calendar.sessions(days[0], days[-1]), invert=True)


def missing_sessions(
    dates: np.ndarray, calendar: Calendar | None, since: np.datetime64 | None = None
) -> np.ndarray:
    """Return the sessions that no date falls on.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Increasing.
    calendar : Calendar or None
        As in `off_session`.
    since : numpy.datetime64, optional
        Only sessions that the dates from this instant on leave out: those after the last date
        before it. So the months of a year add up to the year.

    Returns
    -------
    numpy.ndarray of datetime64[us]
        Between the first and the last date.
    """
    first = 0 if since is None else max(int(np.searchsorted(dates, since)) - 1, 0)
    days = dates[first:].astype("datetime64[D]")
    if calendar is None or not calendar.judges or not len(days):
        return np.zeros(0, "datetime64[us]")
    return np.setdiff1d(calendar.sessions(days[0], days[-1]), days).astype("datetime64[us]")
