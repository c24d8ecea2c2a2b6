"""Our own residual of the optimality conditions, whoever solved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from quant_core.engines._feasible import Room

__all__ = ["Slope", "budget_residual", "residual"]

_ACTIVE = (0.0, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-4)
_LEAST = 1e-13
_ACTIVE_OF_SUMS = (1e-11, 1e-9, 1e-7, 1e-5)


@dataclass(frozen=True, slots=True)
class Slope:
    """Gradient of what is minimised, and the size of the terms that it is the sum of.

    Parameters
    ----------
    gradient : numpy.ndarray, shape (n,)
        Up to a positive factor.
    sizes : numpy.ndarray, shape (n,)
        Sum of the absolute values of the terms of each entry, by the same factor.
    """

    gradient: np.ndarray = field(repr=False)
    sizes: np.ndarray = field(repr=False)


def residual(room: Room, weights: np.ndarray, slope: Slope) -> float:
    """Return the relative residual of the conditions of a minimum over a room.

    With ``r = g + nu + A'mu`` the gradient of the Lagrangian, each entry divided by the size of
    its terms, w is a minimum if and only if multipliers exist with
    ``w = clip(prox(w - r), lower, upper)``, where prox shrinks towards what is held by the
    multiplier of the turnover, and each multiplier is zero where its sum is not at its bound. The
    residual is the largest violation of these equations and of the bounds: the natural residual,
    in units of weight, free of the scale of S and of that of each atom.
    Multipliers are those of the nonnegative least squares of the gradient on the bounds that are
    active, for several widths of what counts as active; any of them proves what it proves.

    Parameters
    ----------
    room : Room
        What is allowed.
    weights : numpy.ndarray, shape (n,)
        The weights.
    slope : Slope
        The gradient at them.
    """
    primal, _ = room.violation(weights)
    top = float(slope.sizes.max())
    if not (np.isfinite(slope.gradient).all() and np.isfinite(top)):
        return float("inf")
    if not top > 0:
        return primal
    scaled = Slope(slope.gradient / top, np.maximum(slope.sizes / top, _LEAST))
    if room.is_box:
        found = [_of_box(room, weights, scaled, width) for width in _ACTIVE]
    else:
        found = [_of_sums(room, weights, scaled, width) for width in _ACTIVE_OF_SUMS]
    return max(primal, min(found))


def budget_residual(upper: float, weights: np.ndarray, contributions: np.ndarray) -> float:
    """Return the relative residual of equal risk contributions under a cap.

    Contributions ``w_i (Sw)_i`` of weights below the cap are equal, those at the cap at most so:
    half their spread relative to the level between, or the distance to the cap, if less.
    """
    found = []
    for width in _ACTIVE:
        open_ = upper - weights > width
        low = float(contributions[open_].min(initial=np.inf))
        high = float(contributions[open_].max(initial=-np.inf))
        level = (low + high) / 2 if open_.any() else float(contributions.max(initial=0.0))
        if level > 0:
            gaps = contributions / level - 1.0
            off = np.where(gaps > 0, gaps, np.minimum(-gaps, upper - weights))
            found.append(float(off.max()))
    return max(min(found, default=float("inf")), abs(float(weights.sum()) - 1.0))


def _natural(
    room: Room, weights: np.ndarray, reduced: np.ndarray, sizes: np.ndarray, trading: float
) -> float:
    point = weights - reduced / sizes
    if room.held is not None:
        away = point - room.held
        kept = np.maximum(np.abs(away) - trading / sizes, 0.0)
        point = room.held + np.sign(away) * kept
    return float(np.abs(weights - np.clip(point, room.lower, room.upper)).max())


def _of_box(room: Room, weights: np.ndarray, slope: Slope, width: float) -> float:
    held, open_ = weights - room.lower > width, room.upper - weights > width
    most = float(slope.gradient[held].max(initial=-np.inf))
    least = float(slope.gradient[open_].min(initial=np.inf))
    known = [one for one in (most, least) if np.isfinite(one)]
    price = sum(known) / len(known) if known else 0.0
    return _natural(room, weights, slope.gradient - price, slope.sizes + abs(price), 0.0)


def _of_sums(room: Room, weights: np.ndarray, slope: Slope, width: float) -> float:
    """Fit twice: what multipliers add to an entry is among its terms, and known only after."""
    found, sizes = float("inf"), np.ones(len(weights))
    for _ in range(2):
        multipliers = _multipliers(room, weights, Slope(slope.gradient, sizes), width)
        if multipliers is None:
            break
        worst, sizes = _with_multipliers(room, weights, slope, multipliers)
        found = min(found, worst)
    return found


def _with_multipliers(
    room: Room, weights: np.ndarray, slope: Slope, multipliers: np.ndarray
) -> tuple[float, np.ndarray]:
    count = len(room.rows)
    price, most = multipliers[0] - multipliers[1], multipliers[2 : 2 + count]
    least, trading = multipliers[2 + count : 2 + 2 * count], float(multipliers[2 + 2 * count])
    sums = room.rows @ weights
    slack = np.concatenate([room.most - sums, sums - room.least])
    loose = np.minimum(np.concatenate([most, least]), np.maximum(slack, 0.0))
    reduced = slope.gradient + price + room.rows.T @ (most - least)
    sizes = slope.sizes + abs(price) + np.abs(room.rows).T @ (most + least) + trading
    worst = [_natural(room, weights, reduced, sizes, trading), float(loose.max(initial=0.0))]
    if room.held is not None:
        spare = room.trade - float(np.abs(weights - room.held).sum())
        worst.append(min(trading, max(spare, 0.0)))
    return max(worst), sizes


def _multipliers(room: Room, weights: np.ndarray, slope: Slope, width: float) -> np.ndarray | None:
    """Fit the multipliers of the budget (two signs), of each sum (two) and of the turnover."""
    from scipy.optimize import nnls  # noqa: PLC0415 - few profiles have bounds on sums

    n = len(weights)
    eye, sums = np.eye(n), room.rows @ weights
    ones = np.ones((n, 1))
    columns = [ones, -ones]
    columns.append(room.rows.T * (room.most - sums <= width))
    columns.append(-room.rows.T * (sums - room.least <= width))
    moved, ties = np.zeros(n), np.zeros(n, dtype=bool)
    if room.held is not None and room.trade - np.abs(weights - room.held).sum() <= width:
        away = weights - room.held
        ties = np.abs(away) <= width
        moved = np.where(ties, -1.0, np.sign(away))
    columns.append(moved[:, None])
    columns.append(-eye[:, weights - room.lower <= width])
    columns.append(eye[:, room.upper - weights <= width])
    # The subgradient of a weight that was not traded is -tau + p with p + q = 2 tau.
    columns += [eye[:, ties], np.zeros((n, int(ties.sum())))]
    matrix = np.hstack(columns) / slope.sizes[:, None]
    tie_rows = np.zeros((int(ties.sum()), matrix.shape[1]))
    first = matrix.shape[1] - 2 * len(tie_rows)
    for row in range(len(tie_rows)):
        tie_rows[row, [first + row, first + len(tie_rows) + row]] = 1.0
        tie_rows[row, 2 + 2 * len(room.rows)] = -2.0
    try:
        found, _ = nnls(
            np.vstack([matrix, tie_rows]),
            np.concatenate([-slope.gradient / slope.sizes, np.zeros(len(tie_rows))]),
        )
    except RuntimeError:  # no convergence: these multipliers prove nothing
        return None
    return np.asarray(found)
