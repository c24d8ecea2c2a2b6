"""Minimise ``w'Sw/2 - q'w`` with bounds held, and pivot which ones are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from quant_core.engines.native._polytope import Polytope

__all__ = ["Pivoted", "minimise_on", "pivot"]

_PIVOTS = 30
_REFINED = 3
_SOLVED = 1e-9
_FEASIBLE = 1e-12
_TINY = 1e-300


class Pivoted(NamedTuple):
    """Weights, prices of the forms, sets of the bounds, and the scale of q that they are for."""

    weights: np.ndarray
    prices: np.ndarray
    bounds: np.ndarray
    scale: float


def pivot(
    matrix: np.ndarray,
    linear: np.ndarray,
    polytope: Polytope,
    sets: tuple[np.ndarray, np.ndarray],
    *,
    ratio: bool = False,
) -> Pivoted | None:
    """Solve for weights and for the sets of active bounds and forms by a primal-dual active set.

    For a ratio ``q'w / sqrt(w'Sw)`` it solves for the scale ``t = w'Sw / q'w`` of q on every set,
    too: with b the weights of least variance on them, ``t = b'Sb / q'b``.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, n)
        Covariance.
    linear : numpy.ndarray, shape (n,)
        The vector q.
    polytope : Polytope
        The constraints, without a limit of what is sold.
    sets : tuple of numpy.ndarray, shapes (n,) and (m,)
        -1 for a weight at its lower bound or a form at its least, 1 at the upper or its most, 0
        for what is free.
    ratio : bool
        Whether the ratio is maximised.

    Returns
    -------
    Pivoted or None
        None where it went round in circles, or met sets on which the ratio has no maximum.
    """
    (bounds, forms), low, high = sets, polytope.lower, polytope.upper
    n, scale, rounds = len(linear), 1.0, 1
    for _ in range(_PIVOTS):
        start = np.where(bounds < 0, low, np.where(bounds > 0, high, 0.0))
        active = np.flatnonzero(forms)
        rows = np.vstack([np.ones(n), polytope.rows[active]])
        wanted = [1.0, *np.where(forms > 0, polytope.most, polytope.least)[active]]
        if ratio:
            base, _ = minimise_on(
                matrix, 0.0 * linear, start, bounds == 0, rows, wanted, rounds=rounds
            )
            gain = float(linear @ base)
            scale = float(base @ matrix @ base) / gain if gain > 0 else np.nan
        weights, found = minimise_on(
            matrix, scale * linear, start, bounds == 0, rows, wanted, rounds=rounds
        )
        if not np.isfinite(weights).all():
            return None
        prices = np.zeros(len(forms))
        prices[active] = found[1:]
        slope = matrix @ weights - scale * linear + found @ rows
        off = _FEASIBLE * max(float(np.abs(slope).max()), float(np.abs(found).max()))
        sums = polytope.rows @ weights
        new = _turned(bounds, weights < low - _FEASIBLE, weights > high + _FEASIBLE, slope, off)
        over, under = sums > polytope.most + _FEASIBLE, sums < polytope.least - _FEASIBLE
        crossed = _turned(forms, under, over, -prices, off)
        if (new == bounds).all() and (crossed == forms).all():
            if rounds < _REFINED:
                rounds = _REFINED
                continue
            return Pivoted(weights, prices, bounds, scale)
        bounds, forms = new, crossed
    return None


def _turned(
    sets: np.ndarray, under: np.ndarray, over: np.ndarray, pull: np.ndarray, off: float
) -> np.ndarray:
    """Hold what crossed a bound, and free what a bound holds against its pull."""
    new = np.where(over, 1.0, np.where(under, -1.0, 0.0))
    return np.where(sets == 0, new, np.where(sets * pull > off, 0.0, sets))


def minimise_on(
    matrix: np.ndarray,
    linear: np.ndarray,
    start: np.ndarray,
    free: np.ndarray,
    rows: np.ndarray,
    wanted: list[float],
    *,
    rounds: int = _REFINED,
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise over the free weights with rows at what is wanted of them, nearest to a start."""
    weights, at = start.copy(), np.flatnonzero(free)
    count, size = len(at), len(at) + len(rows)
    system = np.zeros((size, size))
    system[:count, :count] = matrix[np.ix_(at, at)]
    system[:count, count:] = rows[:, at].T
    system[count:, :count] = rows[:, at]
    prices = np.zeros(len(rows))
    for _ in range(rounds):
        slope = matrix @ weights - linear + prices @ rows
        right = np.concatenate([-slope[at], np.array(wanted) - rows @ weights])
        step = _solved(system, right)
        weights[at] += step[:count]
        prices += step[count:]
    return weights, prices


def _solved(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    try:
        step = np.linalg.solve(system, right)
        if np.isfinite(step).all() and np.abs(system @ step - right).max() <= _SOLVED * max(
            float(np.abs(right).max()), _TINY
        ):
            return np.asarray(step)
        return np.asarray(np.linalg.lstsq(system, right)[0])
    except np.linalg.LinAlgError:
        return np.zeros(len(right))
