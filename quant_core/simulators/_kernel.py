"""The compiled kernel of the custom simulator.

Holdings are kept for the atoms of the window in force alone, in the order of the columns, and
sums fold that order in halves: a column that is never held costs nothing and moves no
bit of the path. No reassociation is allowed to the compiler, so neither does the machine.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["simulate_path"]

_SHORT = 8


@njit(inline="always")
def _grown(holding: float, period_return: float) -> float:
    """Return a holding after one day; without an observation it stands still."""
    return holding if period_return != period_return else holding * (1.0 + period_return)  # noqa: PLR0124 - NaN test


@njit(cache=True, error_model="numpy")
def _fold(terms: np.ndarray, count: int) -> float:
    """Sum the first terms by adding halves onto halves, which overwrites them."""
    total = 0.0
    while count > _SHORT:
        half = count // 2
        if count % 2:
            total += terms[count - 1]
        for j in range(half):
            terms[j] += terms[half + j]
        count = half
    for j in range(count):
        total += terms[j]
    return total


@njit(cache=True, error_model="numpy")
def _grow(
    holdings: np.ndarray, today: np.ndarray, atoms: np.ndarray, count: int, terms: np.ndarray
) -> float:
    """Move the holdings by a day's returns and return their sum."""
    if count == len(today):
        for j in range(count):
            holdings[j] = _grown(holdings[j], today[j])
            terms[j] = holdings[j]
    else:
        for j in range(count):
            holdings[j] = _grown(holdings[j], today[atoms[j]])
            terms[j] = holdings[j]
    return _fold(terms, count)


@njit(cache=True, error_model="numpy")
def _distance(
    holdings: np.ndarray, targets: np.ndarray, value: float, count: int, terms: np.ndarray
) -> float:
    """Return the value that must be traded to bring the holdings back to their targets."""
    for j in range(count):
        terms[j] = abs(targets[j] * value - holdings[j])
    return _fold(terms, count)


@njit(cache=True, error_model="numpy")
def _restore(
    holdings: np.ndarray, targets: np.ndarray, value: float, count: int, terms: np.ndarray
) -> float:
    """Set the holdings to their targets and return their sum."""
    for j in range(count):
        holdings[j] = targets[j] * value
        terms[j] = holdings[j]
    return _fold(terms, count)


@njit(cache=True, error_model="numpy")
def _enter(
    holdings: np.ndarray,
    targets: np.ndarray,
    atoms: np.ndarray,
    dense: np.ndarray,
    count: int,
    weights: np.ndarray,
    value: float,
    terms: np.ndarray,
) -> tuple[int, float, float]:
    """Trade into a window: number of atoms held, their value, and the value traded."""
    for j in range(count):
        dense[atoms[j]] = holdings[j]
    entered, invested, sold = 0, 0.0, 0.0
    for i in range(len(weights)):
        if weights[i] > 0.0:
            holding = weights[i] * value
            atoms[entered] = i
            targets[entered] = weights[i]
            holdings[entered] = holding
            terms[entered] = abs(holding - dense[i])
            entered += 1
            invested += holding
        elif dense[i] != 0.0:
            sold += abs(dense[i])
        dense[i] = 0.0
    return entered, invested, sold + _fold(terms, entered)


@njit(cache=True, error_model="numpy")
def simulate_path(
    values: np.ndarray, weights: np.ndarray, rows: np.ndarray, rate: float, drift_limit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return NAV, turnover and cost, each of shape (T,)."""
    days, columns = values.shape
    nav, turnover, cost = np.zeros(days), np.zeros(days), np.zeros(days)
    holdings, targets, dense = np.empty(columns), np.empty(columns), np.zeros(columns)
    terms, atoms = np.empty(columns), np.empty(columns, np.uint64)
    count, window, cash = 0, 0, 1.0
    for day in range(days):
        value = cash + _grow(holdings, values[day], atoms, count, terms)
        if value <= 0.0:
            break
        invested, traded, trades = 0.0, 0.0, False
        if window < len(rows) and rows[window] == day:
            count, invested, traded = _enter(
                holdings, targets, atoms, dense, count, weights[window], value, terms
            )
            window += 1
            trades = True
        elif drift_limit < np.inf:
            traded = _distance(holdings, targets, value, count, terms)
            trades = traded / value / 2.0 > drift_limit
            if trades:
                invested = _restore(holdings, targets, value, count, terms)
        nav[day] = value
        if trades:
            turnover[day] = traded / value / 2.0
            cost[day] = rate * traded / value
            nav[day] = value - rate * traded
            cash = nav[day] - invested
            if nav[day] <= 0.0:
                nav[day] = 0.0
                break
    return nav, turnover, cost
