"""The compiled kernel of the custom simulator.

Holdings, negative where an atom is short, are kept for the atoms of the window in force alone, in
the order of the columns, and sums run over interleaved lanes of that order: a column that is never
held costs nothing and moves no bit of the path. No reassociation is allowed to the compiler, so
neither does the machine.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from quant_core.simulators._path import RUIN

__all__ = ["simulate_path"]


@njit(inline="always")
def _growth(period_return: float) -> float:
    """Return the growth of a holding in a day; without an observation it stands still."""
    return 1.0 + (0.0 if np.isnan(period_return) else period_return)


@njit(cache=True, error_model="numpy")
def _total(terms: np.ndarray, count: int) -> float:
    """Sum the first terms over eight interleaved lanes."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    whole = count - count % 8
    for j in range(0, whole, 8):
        s0 += terms[j]
        s1 += terms[j + 1]
        s2 += terms[j + 2]
        s3 += terms[j + 3]
        s4 += terms[j + 4]
        s5 += terms[j + 5]
        s6 += terms[j + 6]
        s7 += terms[j + 7]
    for j in range(whole, count):
        s0 += terms[j]
    return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))


@njit(cache=True, error_model="numpy")
def _grow(holdings: np.ndarray, today: np.ndarray, atoms: np.ndarray, count: int) -> float:
    """Move the holdings by a day's returns and return their sum."""
    if count == len(today):
        for j in range(count):
            holdings[j] *= _growth(today[j])
    else:
        for j in range(count):
            holdings[j] *= _growth(today[atoms[j]])
    return _total(holdings, count)


@njit(cache=True, error_model="numpy")
def _distance(
    holdings: np.ndarray, targets: np.ndarray, value: float, count: int, terms: np.ndarray
) -> float:
    """Return the value that must be traded to bring the holdings back to their targets."""
    for j in range(count):
        terms[j] = abs(targets[j] * value - holdings[j])
    return _total(terms, count)


@njit(cache=True, error_model="numpy")
def _restore(holdings: np.ndarray, targets: np.ndarray, value: float, count: int) -> float:
    """Set the holdings to their targets and return their sum."""
    for j in range(count):
        holdings[j] = targets[j] * value
    return _total(holdings, count)


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
    sold, entered = 0.0, 0
    for j in range(count):
        if weights[atoms[j]] != 0.0:
            dense[atoms[j]] = holdings[j]
        else:
            sold += abs(holdings[j])
    for i in range(len(weights)):
        if weights[i] != 0.0:
            atoms[entered] = i
            entered += 1
    for j in range(entered):
        targets[j] = weights[atoms[j]]
        holdings[j] = targets[j] * value
        terms[j] = abs(holdings[j] - dense[atoms[j]])
        dense[atoms[j]] = 0.0
    return entered, _total(holdings, entered), sold + _total(terms, entered)


@njit(cache=True, error_model="numpy")
def simulate_path(
    values: np.ndarray, weights: np.ndarray, rows: np.ndarray, rate: float, drift_limit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return NAV, turnover and cost, each of shape (T,)."""
    days, columns = values.shape
    nav, turnover, cost = np.zeros(days), np.zeros(days), np.zeros(days)
    holdings, targets, dense = np.empty(columns), np.empty(columns), np.zeros(columns)
    terms, atoms = np.empty(columns), np.empty(columns, np.uint64)
    count, window, cash, before = 0, 0, 1.0, 1.0
    for day in range(days):
        value = cash + _grow(holdings, values[day], atoms, count)
        if value <= RUIN * before:
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
                invested = _restore(holdings, targets, value, count)
        nav[day] = value
        if trades:
            turnover[day] = traded / value / 2.0
            cost[day] = rate * traded / value
            nav[day] = value - rate * traded
            cash = nav[day] - invested
            if nav[day] <= RUIN * value:
                nav[day] = 0.0
                break
        before = nav[day]
    return nav, turnover, cost
