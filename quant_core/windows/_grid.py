"""Walk-forward windows on a grid anchored to the calendar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from quant_core.errors import ConfigError, DataError

__all__ = ["Step", "Window", "WindowGrid"]

Step = Literal["month", "week"]

_MONDAY = np.datetime64("1970-01-05", "D")


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """One walk-forward window.

    The weights are solved at the close before ``start`` on the train rows, traded at the close
    of the first test row, and held over the test rows.

    Parameters
    ----------
    key : str
        First calendar day of the test period, ``YYYY-MM-DD``; sorts in time order.
    start, end : numpy.datetime64[D]
        The test period, ``start`` included and ``end`` excluded.
    train : slice
        Rows ``[start, stop)`` of the returns matrix that the solve may read.
    test : slice
        Rows of the returns matrix inside the test period; empty for a window still open.
    """

    key: str
    start: np.datetime64
    end: np.datetime64
    train: slice
    test: slice

    @property
    def month(self) -> str:
        """The partition that the window belongs to, ``YYYY-MM``."""
        return self.key[:7]


@dataclass(frozen=True, slots=True)
class WindowGrid:
    """The grid of windows: how many observations to train on, and the calendar step.

    The grid hangs on the calendar (months, or weeks from Monday), never on the first row, so
    that more history in front moves no window.

    Parameters
    ----------
    train : int
        Observations in the train period, at least 2.
    step : {"month", "week"}
        Length of a test period and distance between two windows.

    Raises
    ------
    ConfigError
        If ``train`` is below 2 or ``step`` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.arange("2020-01-01", "2020-04-01", dtype="datetime64[D]")
    >>> [window.key for window in WindowGrid(train=31, step="month").windows(days)]
    ['2020-02-01', '2020-03-01']
    """

    train: int
    step: Step = "month"

    def __post_init__(self) -> None:
        if self.train < 2:  # noqa: PLR2004 - a variance needs two observations
            raise ConfigError(
                f"windows.train: expected at least 2 observations, found {self.train}"
            )
        if self.step not in {"month", "week"}:
            raise ConfigError(f"windows.step: expected 'month' or 'week', found {self.step!r}")

    def period(self, day: np.datetime64) -> np.datetime64:
        """Return the first calendar day of the period that a day falls in."""
        if self.step == "month":
            return np.datetime64(np.datetime64(day, "M"), "D")
        offset = (day.astype("datetime64[D]") - _MONDAY).astype(np.int64) // 7 * 7
        return _MONDAY + np.timedelta64(offset, "D")

    def following(self, start: np.datetime64) -> np.datetime64:
        """Return the first calendar day of the period after the one that starts on ``start``."""
        if self.step == "month":
            return np.datetime64(np.datetime64(start, "M") + np.timedelta64(1, "M"), "D")
        return start + np.timedelta64(7, "D")

    def ordinals(self, dates: np.ndarray) -> np.ndarray:
        """Return the number of the period of each date, counted from 1970 whatever the data.

        Parameters
        ----------
        dates : numpy.ndarray of datetime64, shape (T,)
            Any dates.

        Returns
        -------
        numpy.ndarray of int64, shape (T,)
        """
        if self.step == "month":
            return dates.astype("datetime64[M]").astype(np.int64)
        return (dates.astype("datetime64[D]") - _MONDAY).astype(np.int64) // 7

    def window(self, dates: np.ndarray, start: np.datetime64) -> Window | None:
        """Return the window whose test period starts on a calendar day.

        Parameters
        ----------
        dates : numpy.ndarray of datetime64, shape (T,)
            Dates of the returns matrix, increasing.
        start : numpy.datetime64[D]
            First calendar day of a period of the grid.

        Returns
        -------
        Window or None
            None while fewer than ``train`` observations lie before ``start``.
        """
        end = self.following(start)
        first, last = (int(row) for row in np.searchsorted(dates, [start, end]))
        if first < self.train:
            return None
        return Window(str(start), start, end, slice(first - self.train, first), slice(first, last))

    def windows(self, dates: np.ndarray) -> list[Window]:
        """Return every window with a full train period and at least one test row.

        Parameters
        ----------
        dates : numpy.ndarray of datetime64, shape (T,)
            Dates of the returns matrix, increasing.

        Raises
        ------
        DataError
            If no window fits, so that nothing could be solved.
        """
        found: list[Window] = []
        if len(dates):
            days = dates.astype("datetime64[D]")
            start = self.period(days[0])
            while start <= days[-1]:
                window = self.window(dates, start)
                if window is not None and window.test.stop > window.test.start:
                    found.append(window)
                start = self.following(start)
        if not found:
            raise DataError(
                f"windows.train: {self.train} observations leave no test period in the "
                f"{len(dates)} rows of the data; shorten windows.train or bring more history"
            )
        return found
