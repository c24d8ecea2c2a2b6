"""The figures that gates judge, each defined or with the reason why it is not."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from quant_core.champion._gate import Figure
from quant_core.metrics import fragility, window_metrics

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

__all__ = [
    "FEWEST_OBSERVATIONS",
    "friction_decay",
    "mean_overlap",
    "returns_before_costs",
    "times_benchmark",
    "widest_gap",
    "widest_ratio",
    "yearly_fragility",
]

FEWEST_OBSERVATIONS = 126
"""Observations that make a calendar year count: half a year of trading days."""

_FEWEST_YEARS = 2


def friction_decay(real: float, ideal: float) -> Figure:
    """Return the part of the Sharpe ratio that costs take, 1 - real / ideal.

    Parameters
    ----------
    real : float
        Sharpe ratio after costs.
    ideal : float
        Sharpe ratio of the same weights traded free of cost.

    Returns
    -------
    Figure
        Undefined unless both are finite and ``ideal`` is positive.
    """
    if not (math.isfinite(real) and math.isfinite(ideal)):
        return Figure(None, f"undefined: the Sharpe ratio is {real} after costs, {ideal} before")
    if ideal <= 0.0:
        return Figure(None, f"undefined: the Sharpe ratio before costs is {ideal:.4g}, not above 0")
    return Figure(1.0 - real / ideal)


def returns_before_costs(nav: np.ndarray, turnover: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return what the same weights earn where trading costs nothing.

    A trade is sized on the value before its cost, so the holdings after it are those of the free
    path scaled by that value, and only cash is short of what was paid. Until the next trade the
    profit of the free path is therefore that of the holdings, over the value plus what was paid:
    r(t) = (NAV(t) + paid(t) - NAV(t-1)) / (NAV(t-1) + paid at the last trade).

    Parameters
    ----------
    nav, turnover, cost : numpy.ndarray, shape (P, T)
        As a simulator gives them: cost as a fraction of the value before the trade.

    Returns
    -------
    numpy.ndarray, shape (P, T)
        Simple returns, zero after a bankruptcy. A rebalance by drift trades on the days on which
        it traded with costs.
    """
    left = 1.0 - cost
    paid = np.divide(cost * nav, left, out=np.zeros_like(nav), where=left > 0.0)
    before = np.concatenate([np.ones((len(nav), 1)), nav[:, :-1]], axis=1)
    days = np.where(turnover > 0.0, np.arange(nav.shape[1]), -1)
    last = np.maximum.accumulate(days, axis=1)
    owed = np.where(last >= 0, np.take_along_axis(paid, np.maximum(last, 0), axis=1), 0.0)
    base = before + np.concatenate([np.zeros((len(nav), 1)), owed[:, :-1]], axis=1)
    profit = nav + paid - before
    found: np.ndarray = np.divide(profit, base, out=np.zeros_like(nav), where=before > 0.0)
    return found


def yearly_fragility(
    dates: np.ndarray, returns: np.ndarray, *, periods_per_year: float, risk_free: float = 0.0
) -> Figure:
    """Return how much the Sharpe ratio differs from one calendar year to the next.

    The Sharpe ratio of T observations has a sampling error of about sqrt(m / T) in units of a
    year, with m observations a year. Over a month that is 3.5, so sd / |mean| measures the noise
    of 21 observations: about 3.5 / SR whatever the strategy. Over a year it is 1.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64, shape (T,)
        Dates, ascending.
    returns : numpy.ndarray, shape (T,)
        Simple returns of a period.
    periods_per_year, risk_free : float
        Periods in a year, and the risk-free return of one.

    Returns
    -------
    Figure
        Sample standard deviation over absolute mean, over the years with at least
        `FEWEST_OBSERVATIONS`; undefined with fewer than two, or when one has no Sharpe ratio.
    """
    years = dates.astype("datetime64[Y]")
    starts = np.flatnonzero(np.append(True, years[1:] != years[:-1]))[: len(years)]
    counts = np.diff(starts, append=len(years))
    whole = counts >= FEWEST_OBSERVATIONS
    if whole.sum() < _FEWEST_YEARS:
        return Figure(
            None,
            f"undefined: expected at least {_FEWEST_YEARS} calendar years of "
            f"{FEWEST_OBSERVATIONS} observations or more, found {whole.sum()}",
        )
    found = window_metrics(
        returns[None], starts, periods_per_year=periods_per_year, risk_free=risk_free
    )["sharpe"][:, whole]
    if not np.isfinite(found).all():
        year = years[starts[whole][~np.isfinite(found[0])][0]]
        return Figure(None, f"undefined: the returns of {year} have no Sharpe ratio")
    value = float(fragility(found)[0])
    return Figure(value) if math.isfinite(value) else Figure(None, "undefined: their mean is 0")


def mean_overlap(selected: Sequence[tuple[str, AbstractSet[Hashable]]]) -> Figure:
    """Return the mean Jaccard index of consecutive windows, |A and B| / |A or B|.

    Parameters
    ----------
    selected : sequence of (window, set of atoms)
        What was selected, in time order.

    Returns
    -------
    Figure
        Undefined with fewer than two windows, or when two neighbours select nothing.

    References
    ----------
    Jaccard (1912), The distribution of the flora in the alpine zone.
    """
    if len(selected) < 2:  # noqa: PLR2004 - one window has no neighbour
        return Figure(None, f"undefined: expected at least two windows, found {len(selected)}")
    total = 0.0
    for (before, old), (after, new) in pairwise(selected):
        if not old | new:
            return Figure(None, f"undefined: windows {before} and {after} select nothing")
        total += len(old & new) / len(old | new)
    return Figure(total / (len(selected) - 1))


def times_benchmark(own: float, benchmark: float | None, lack: str) -> Figure:
    """Return a loss as a multiple of the benchmark's, own / benchmark.

    Parameters
    ----------
    own : float
        The loss, negative.
    benchmark : float or None
        The benchmark's over the same days; None without one.
    lack : str
        Why there is no benchmark.

    Returns
    -------
    Figure
        Undefined without a benchmark that loses.
    """
    if benchmark is None:
        return Figure(None, lack)
    if not (math.isfinite(own) and benchmark < 0.0):
        return Figure(None, f"undefined: {own:.4g}, and the benchmark's is {benchmark:.4g}")
    return Figure(own / benchmark)


def widest_gap(own: float, others: Mapping[str, Figure]) -> Figure:
    """Return the widest absolute difference between a figure and what others say it is.

    Parameters
    ----------
    own : float
        The figure.
    others : mapping of str to Figure
        What each of the others found, by name.

    Returns
    -------
    Figure
        Undefined when there are none, or one of them found nothing.
    """
    if not others:
        return Figure(None, "no other simulator is configured to agree with it")
    widest = 0.0
    for name, other in others.items():
        if other.value is None:
            return Figure(None, f"{name}: {other.missing}")
        gap = abs(own - other.value)
        if not math.isfinite(gap):
            return Figure(None, f"undefined: {own} and, by {name}, {other.value}")
        widest = max(widest, gap)
    return Figure(widest)


def widest_ratio(others: Mapping[str, Figure]) -> Figure:
    """Return the widest difference from others, each over what is tolerated.

    Parameters
    ----------
    others : mapping of str to Figure
        The difference from each of the others over its tolerance, by name.

    Returns
    -------
    Figure
        Undefined when there are none, or one of them is missing and none is above 1: what
        differs from one of them need not be compared with the rest.
    """
    if not others:
        return Figure(None, "no other simulator is configured to agree with it")
    widest = max((one.value for one in others.values() if one.value is not None), default=0.0)
    for name, other in others.items():
        if other.value is None and widest <= 1.0:
            return Figure(None, f"{name}: {other.missing}")
    return Figure(widest)
