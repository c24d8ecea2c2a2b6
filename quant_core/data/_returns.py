"""Simple returns from prices."""

from __future__ import annotations

import numpy as np

from quant_core.errors import DataError

__all__ = ["MAX_GAP_DAYS", "column_returns", "returns_from_prices"]

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
    values = np.full(prices.shape, np.nan)
    for place in range(prices.shape[1]):
        at = np.flatnonzero(~np.isnan(prices[:, place]))
        values[at, place] = column_returns(dates, prices[:, place], at, max_gap_days)
    return values


def column_returns(
    dates: np.ndarray, prices: np.ndarray, at: np.ndarray, max_gap_days: int
) -> np.ndarray:
    """Return the returns of one symbol at its observed rows ``at``, NaN where it starts anew."""
    found = np.full(len(at), np.nan)
    if len(at) > 1:
        price = prices[at]
        spans = dates[at[1:]] - dates[at[:-1]] <= np.timedelta64(max_gap_days, "D")
        found[1:] = np.where(spans, price[1:] / price[:-1] - 1.0, np.nan)
    return found
