"""Minimise ``w'Sw/2 - q'w`` over a polytope of weights, certified."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quant_core.engines.native._outcome import TOLERANCE, NotFound
from quant_core.engines.native._working_sets import minimise_on, pivot
from quant_core.profiles import Status

if TYPE_CHECKING:
    from quant_core.engines.native._polytope import Polytope

__all__ = ["CONTRADICTION", "Near", "Optimum", "leap", "minimise", "near", "residual"]

CONTRADICTION = "the constraints contradict each other"

_ROUNDS = 12
_PULL, _PULL_OF_SALES = 1e-9, 1e-5
_ACTIVE = 1e-9
_SNAP = 1e-13
_TINY = 1e-300
_MARGIN = 1e-12
_SOLVED, _INFEASIBLE = 1, -1
_EQUALITY = 5


class Near(NamedTuple):
    """An answer over a polytope: its variables, and prices whose signs are its active sets."""

    x: np.ndarray
    prices: np.ndarray


@dataclass(frozen=True, slots=True)
class Optimum:
    """Weights, the price of each bounded form and of a sale, and the residual they prove."""

    weights: np.ndarray
    prices: np.ndarray = field(repr=False)
    price_of_sales: float
    residual: float
    near: Near = field(repr=False)


def minimise(
    matrix: np.ndarray, linear: np.ndarray, polytope: Polytope, close: Near | None = None
) -> Optimum | NotFound:
    """Minimise ``w'Sw/2 - q'w`` over a polytope.

    From an answer that is close a primal-dual active set finds this one in a few factors of what is
    free, or its sets are right as they are. Where not, the dual active-set solver DAQP (Arnstrom,
    Bemporad & Axehall, IEEE TAC 67, 2022) says which constraints are active, on the problem with a
    proximal term that moves to its last answer; the weights are then solved from these sets, and
    judged by `residual`. Where a bound and what is held coincide the sets may mislead; DAQP's own
    weights and prices are judged as well.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, n)
        Covariance, positive semidefinite.
    linear : numpy.ndarray, shape (n,)
        The vector q.
    polytope : Polytope
        The feasible weights.
    close : Near, optional
        An answer to a problem like this one, a function of the data.

    Returns
    -------
    Optimum or NotFound
        Status infeasible where the polytope is empty.
    """
    scale = max(float(np.abs(matrix.diagonal()).mean()), _TINY)
    program = _Program.of(matrix / scale, linear / scale, polytope)
    if close is not None:
        found = program.again(close)
        if found is not None and found.residual <= TOLERANCE:
            return _scaled(found, scale)
    centre = np.zeros(program.size)
    best = np.inf
    for _ in range(_ROUNDS):
        x, prices, ended = program.solve(centre)
        if ended == _INFEASIBLE:
            return NotFound(Status.INFEASIBLE, CONTRADICTION)
        if ended != _SOLVED or not np.isfinite(x).all():
            break
        found = min(program.candidates(x, prices), key=lambda one: one.residual)
        best = min(best, found.residual)
        if found.residual <= TOLERANCE:
            return _scaled(found, scale)
        centre = x
    message = "no solver passed the optimality check"
    return NotFound(Status.FAILED, message, (f"daqp: residual {best:.1e}",))


def leap(
    matrix: np.ndarray, reward: np.ndarray, polytope: Polytope, close: Near | None
) -> Optimum | None:
    """Maximise ``q'w / sqrt(w'Sw)`` by pivots that solve for its price at once, if they get there.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, n)
        Covariance, positive semidefinite.
    reward : numpy.ndarray, shape (n,)
        The vector q.
    polytope : Polytope
        The feasible weights.
    close : Near, optional
        Where to start from; nothing is found without it.
    """
    if close is None:
        return None
    scale = max(float(np.abs(matrix.diagonal()).mean()), _TINY)
    found = _Program.of(matrix / scale, reward / scale, polytope).again(close, ratio=True)
    return _scaled(found, scale) if found is not None and found.residual <= TOLERANCE else None


def near(weights: np.ndarray, polytope: Polytope) -> Near | None:
    """Return the sets of weights that may break some forms; None where there is no telling."""
    if np.isfinite(polytope.sells) or not weights.any():
        return None
    bounds = (weights >= polytope.upper - _MARGIN) * 1.0 - (weights <= polytope.lower + _MARGIN)
    return Near(weights, np.concatenate([bounds, np.zeros(1 + len(polytope.names))]))


def _scaled(found: Optimum, scale: float) -> Optimum:
    return replace(found, prices=found.prices * scale, price_of_sales=found.price_of_sales * scale)


class _Sides(NamedTuple):
    """Bounds of the variables, then of the rows; which rows are equalities."""

    below: np.ndarray
    above: np.ndarray
    sense: np.ndarray


@dataclass(frozen=True, slots=True)
class _Program:
    """The problem in the n weights and what is sold of the k atoms that may be."""

    matrix: np.ndarray
    linear: np.ndarray
    polytope: Polytope
    sold: np.ndarray
    forms: np.ndarray
    sides: _Sides

    @classmethod
    def of(cls, matrix: np.ndarray, linear: np.ndarray, polytope: Polytope) -> _Program:
        n, held = len(linear), polytope.held
        limited = np.isfinite(polytope.sells)
        sold = np.flatnonzero(held > polytope.lower) if limited else np.zeros(0, np.int64)
        k, m = len(sold), len(polytope.names)
        forms = np.zeros((1 + m + (k + 1 if limited else 0), n + k))
        forms[0, :n] = 1.0
        forms[1 : 1 + m, :n] = polytope.rows
        below: list[Any] = [np.full(n, polytope.lower), np.zeros(k), [1.0], polytope.least]
        above: list[Any] = [np.full(n, polytope.upper), np.full(k, np.inf), [1.0], polytope.most]
        if limited:
            forms[1 + m + np.arange(k), sold] = 1.0
            forms[1 + m + np.arange(k), n + np.arange(k)] = 1.0
            forms[-1, n:] = 1.0
            below += [held[sold], [-np.inf]]
            above += [np.full(k, np.inf), [polytope.sells]]
        sense = np.zeros(n + k + len(forms), dtype=np.int32)
        sense[n + k] = _EQUALITY
        sides = _Sides(np.concatenate(below), np.concatenate(above), sense)
        return cls(matrix, linear, polytope, sold, forms, sides)

    @property
    def size(self) -> int:
        return len(self.linear) + len(self.sold)

    def solve(self, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        import daqp  # noqa: PLC0415 - only constrained profiles need it

        n = len(self.linear)
        pull = np.full(self.size, _PULL_OF_SALES)
        pull[:n] = _PULL
        curved = np.zeros((self.size, self.size))
        curved[:n, :n] = self.matrix
        curved[np.diag_indices(self.size)] += pull
        slope = -pull * centre
        slope[:n] -= self.linear
        x, _, ended, info = daqp.solve(
            curved,
            slope,
            self.forms,
            np.minimum(self.sides.above, 1e30),
            np.maximum(self.sides.below, -1e30),
            self.sides.sense,
            primal_tol=1e-11,
            dual_tol=1e-12,
            iter_limit=20 * len(self.sides.sense) + 200,
        )
        return np.asarray(x, np.float64), np.asarray(info["lam"], np.float64), int(ended)

    def again(self, close: Near, *, ratio: bool = False) -> Optimum | None:
        """Return the weights on the sets of another answer, pivoted to those of this one."""
        n = len(self.linear)
        if len(self.sold):
            return None if ratio else self.polished(close.x, close.prices)
        signs = np.sign(close.prices[:n]), np.sign(close.prices[n + 1 :])
        found = pivot(self.matrix, self.linear, self.polytope, signs, ratio=ratio)
        if found is None:
            return None
        sets = Near(found.weights, np.concatenate([found.bounds, [0.0], found.prices]))
        scaled = replace(self, linear=found.scale * self.linear)
        return scaled._judged(found.weights, found.prices, 0.0, sets)  # noqa: SLF001 - its own kind

    def candidates(self, x: np.ndarray, prices: np.ndarray) -> tuple[Optimum, Optimum]:
        """Return the weights solved from the sets, and those found with their own prices."""
        n, k, m = len(self.linear), len(self.sold), len(self.polytope.names)
        forms = prices[n + k + 1 : n + k + 1 + m]
        sale = float(prices[-1]) if k else 0.0
        sets = Near(x, prices)
        return self.polished(x, prices), self._judged(x[:n], forms, sale, sets)

    def polished(self, x: np.ndarray, prices: np.ndarray) -> Optimum:
        """Solve for the weights and prices with the active sets held."""
        n, k, m = len(self.linear), len(self.sold), len(self.polytope.names)
        bounds, forms = prices[:n], prices[n + k + 1 : n + k + 1 + m]
        weights = x[:n].copy()
        weights[bounds < 0] = self.polytope.lower
        weights[bounds > 0] = self.polytope.upper
        kept, selling = bounds != 0, np.zeros(n, dtype=bool)
        if k:
            still = (prices[n : n + k] < 0) & (prices[n + k + 1 + m : -1] != 0)
            stays = self.sold[still & ~kept[self.sold]]
            weights[stays] = self.polytope.held[stays]
            selling[self.sold[~still]] = True
            selling &= x[:n] < self.polytope.held
            kept[stays] = True
        limited = bool(k) and prices[-1] > 0
        active = np.flatnonzero(forms)
        rows = [np.ones(n), *self.polytope.rows[active]]
        wanted = [1.0, *np.where(forms > 0, self.polytope.most, self.polytope.least)[active]]
        if limited:
            rows.append(-selling.astype(np.float64))
            wanted.append(self.polytope.sells - float(self.polytope.held[selling].sum()))
        weights, found = minimise_on(
            self.matrix, self.linear, weights, ~kept, np.array(rows), wanted
        )
        own = np.zeros(m)
        own[active] = found[1 : 1 + len(active)]
        sale = max(float(found[-1]), 0.0) if limited else 0.0
        return self._judged(weights, own, sale, Near(x, prices))

    def _judged(self, weights: np.ndarray, prices: np.ndarray, sale: float, sets: Near) -> Optimum:
        low, high = self.polytope.lower, self.polytope.upper
        weights = np.where(np.abs(weights - low) <= _SNAP, low, weights)
        weights = np.where(np.abs(weights - high) <= _SNAP, high, weights)
        held = self.polytope.held
        weights = np.where(np.abs(weights - held) <= _SNAP, np.clip(held, low, high), weights)
        weights = np.clip(weights, low, high)
        error = residual(self.matrix, self.linear, self.polytope, weights, prices, sale)
        return Optimum(weights, prices, sale, error, sets)


def residual(
    matrix: np.ndarray,
    linear: np.ndarray,
    polytope: Polytope,
    weights: np.ndarray,
    prices: np.ndarray,
    price_of_sales: float,
) -> float:
    """Return the relative KKT residual of weights, given the prices of the constraints.

    With the prices y of the forms and z of a sale, ``g = Sw - q + A'y`` and the cost z of selling,
    w is optimal if one number separates the slopes of what can still shrink from those of what can
    still grow, as in the residual over the capped simplex; half the violation, divided by the
    largest ``(|S| w)_i + |q_i|`` of a held i. A price counts only with its sign right and its
    constraint active. Or the violation of a constraint, if larger.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, n)
        Covariance.
    linear : numpy.ndarray, shape (n,)
        The vector q.
    polytope : Polytope
        The constraints.
    weights : numpy.ndarray, shape (n,)
        What is judged.
    prices : numpy.ndarray, shape (m,)
        Multiplier of each form, positive where its upper bound is active.
    price_of_sales : float
        Multiplier of the turnover limit.
    """
    at = polytope.rows @ weights
    upper = np.where(np.abs(at - polytope.most) <= _ACTIVE, np.maximum(prices, 0.0), 0.0)
    lower = np.where(np.abs(at - polytope.least) <= _ACTIVE, np.minimum(prices, 0.0), 0.0)
    sold = float(np.maximum(polytope.held - weights, 0.0).sum())
    sale = max(price_of_sales, 0.0) if abs(sold - polytope.sells) <= _ACTIVE else 0.0
    slope = matrix @ weights - linear + (upper + lower) @ polytope.rows
    growing = slope - np.where(weights < polytope.held, sale, 0.0)
    shrinking = slope - np.where(weights <= polytope.held, sale, 0.0)
    shrinks, grows = weights > polytope.lower, weights < polytope.upper
    gap = 0.0
    if shrinks.any() and grows.any():
        gap = max(float(shrinking[shrinks].max() - growing[grows].min()), 0.0) / 2.0
    terms = np.abs(matrix) @ np.abs(weights) + np.abs(linear)
    size = float(terms[weights > 0].max(initial=0.0))
    dual = gap / size if size > 0 else (0.0 if gap == 0 else np.inf)
    return max(dual, polytope.violation(weights))
