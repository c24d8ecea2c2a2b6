"""Walk-forward splits whose training labels end before the test begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import ConfigError
from quant_core.windows import WindowGrid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.windows import Step

__all__ = ["Split", "WalkForward"]


@dataclass(frozen=True, slots=True)
class Split:
    """One walk-forward split of a set of dates.

    Parameters
    ----------
    key : str
        First calendar day of the test period, ``YYYY-MM-DD``.
    train : slice
        Rows to train on: each with its label known before the first test row.
    purged : slice
        Rows between the two that are neither trained on nor tested: their labels reach into the
        test, or they fall in the embargo.
    test : slice
        Rows of the test period.
    """

    key: str
    train: slice
    purged: slice
    test: slice

    @property
    def month(self) -> str:
        """The partition that the split belongs to, ``YYYY-MM``."""
        return self.key[:7]


@dataclass(frozen=True, slots=True)
class WalkForward:
    """Train on what was known, test on what came next, one calendar step at a time.

    The label of row ``t`` spans rows ``t`` to ``t + horizon``. With the first test row ``s``, a row
    is trained on where ``t + horizon + embargo < s``: rows whose label overlaps the test are
    purged, and ``embargo`` rows more are left out. Purging is snippet 7.1 and the embargo snippet
    7.2 of López de Prado, *Advances in Financial Machine Learning* (2018). There an embargo keeps
    training rows after a test away from it; walking forward no row after the test is trained on, so
    the embargo stands between the last training label and the test instead, against features and
    labels that are correlated across that border.

    Parameters
    ----------
    train : int
        Dates to train on, at least 2; with ``expanding`` the least there must be.
    step : {"month", "week"}
        Length of a test period. Periods hang on the calendar, so more history moves none.
    horizon : int
        Dates from a row to the end of its label, at least 1.
    embargo : int
        Dates left out between the last training label and the test.
    expanding : bool
        Whether to train on everything from the first date on.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    Examples
    --------
    >>> days = np.arange("2020-01-27", "2020-02-03", dtype="datetime64[D]")
    >>> [split] = WalkForward(train=3, horizon=1).splits(days)
    >>> days[split.train].astype(str).tolist()
    ['2020-01-28', '2020-01-29', '2020-01-30']
    >>> days[split.test].astype(str).tolist()
    ['2020-02-01', '2020-02-02']
    """

    train: int
    step: Step = "month"
    horizon: int = 1
    embargo: int = 0
    expanding: bool = False

    def __post_init__(self) -> None:
        for name, value, least in (
            ("train", self.train, 2),
            ("horizon", self.horizon, 1),
            ("embargo", self.embargo, 0),
        ):
            if value < least:
                raise ConfigError(f"walk_forward.{name}: expected at least {least}, found {value}")
        WindowGrid(self.train, self.step)

    def split(self, dates: np.ndarray, start: np.datetime64) -> Split | None:
        """Return the split whose test period starts on a calendar day.

        Parameters
        ----------
        dates : numpy.ndarray of datetime64, shape (T,)
            Dates of the rows, strictly increasing.
        start : numpy.datetime64
            First calendar day of a period of the grid, for example ``np.datetime64("2020-02-01")``.

        Returns
        -------
        Split or None
            None while fewer than ``train`` rows may be trained on. The test may be empty: that is
            the model for a period still to come.
        """
        end = WindowGrid(self.train, self.step).following(start.astype("datetime64[D]"))
        first, last = (int(row) for row in np.searchsorted(dates, np.array([start, end])))
        stop = first - self.horizon - self.embargo
        if stop < self.train:
            return None
        begin = 0 if self.expanding else stop - self.train
        key = str(start.astype("datetime64[D]"))
        return Split(key, slice(begin, stop), slice(stop, first), slice(first, last))

    def splits(self, dates: np.ndarray) -> Iterator[Split]:
        """Yield every split with enough rows to train on and at least one to test.

        Parameters
        ----------
        dates : numpy.ndarray of datetime64, shape (T,)
            Dates of the rows, strictly increasing.
        """
        if not len(dates):
            return
        grid = WindowGrid(self.train, self.step)
        start, last = grid.period(dates[0].astype("datetime64[D]")), dates[-1]
        while start <= last:
            found = self.split(dates, start)
            if found is not None and found.test.stop > found.test.start:
                yield found
            start = grid.following(start)
