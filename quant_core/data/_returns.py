"""Simple returns from prices."""

from __future__ import annotations

import numpy as np

from quant_core.errors import DataError

__all__ = ["MAX_GAP_DAYS", "returns_from_prices", "spanned_returns"]

MAX_GAP_DAYS = 10
"""Longest gap, in calendar days, that one return may span unless the configuration says."""


def returns_from_prices(
    dates: np.ndarray, prices: np.ndarray, *, max_gap_days: int = MAX_GAP_DAYS
) -> np.ndarray:
    """Return simple returns from the last observed price.

    A return is NaN before and at the first price, on dates without a price, and at a price that
    follows a gap longer than ``max_gap_days``: a new start. After a shorter gap the return spans
    it. So a return depends on no price older than ``max_gap_days``, and a month can be computed
    from itself and the month before it.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Strictly increasing.
    prices : numpy.ndarray of float64, shape (T, n)
        Positive; NaN where there is none.
    max_gap_days : int
        In calendar days.

    Returns
    -------
    numpy.ndarray of float64, shape (T, n)
        ``p[t] / p[s] - 1`` with s the last date before t that has a price.

    Raises
    ------
    DataError
        If the number of dates is not the number of rows.

    Examples
    --------
    >>> days = np.array(["2020-01-01", "2020-01-02", "2020-01-06"], dtype="datetime64[us]")
    >>> returns_from_prices(days, np.array([[100.0], [np.nan], [110.0]])).round(2).tolist()
    [[nan], [nan], [0.1]]
    """
    if len(dates) != len(prices):
        raise DataError(f"prices: {len(dates)} dates for {len(prices)} rows")
    return spanned_returns(dates, prices, max_gap_days)[0]


def spanned_returns(
    dates: np.ndarray, prices: np.ndarray, max_gap_days: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the returns, and which prices start anew after too long a gap."""
    there = ~np.isnan(prices)
    row = np.arange(len(prices), dtype=np.int32).reshape(-1, 1)
    last = np.maximum.accumulate(np.where(there, row, np.int32(-1)), axis=0)
    before = np.full(prices.shape, -1, dtype=np.int32)
    before[1:] = last[:-1]
    follows = there & (before >= 0)
    before[~follows] = 0
    near = follows & (dates.reshape(-1, 1) - dates[before] <= np.timedelta64(max_gap_days, "D"))
    base = np.where(near, np.take_along_axis(prices, before, axis=0), np.nan)
    # From a price next to zero to a huge one: infinite, and so out of range like any other.
    with np.errstate(over="ignore"):
        return prices / base - 1.0, follows & ~near
