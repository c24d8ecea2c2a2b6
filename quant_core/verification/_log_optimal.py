"""The best constant rebalanced portfolio: the log-optimal weights of a past."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quant_core.engines import NativeEngine
from quant_core.profiles import MeanVariance, Problem, Status

__all__ = ["LogOptimal", "log_optimal"]

_MOST_STEPS = 50
_ENOUGH = 1e-12
_ROUNDING = 1e-15
_SHORTEST = 2.0**-30


@dataclass(frozen=True, slots=True)
class LogOptimal:
    """Weights that maximise the growth of a constant rebalanced portfolio.

    Parameters
    ----------
    weights : numpy.ndarray, shape (n,)
        Non-negative, sum 1.
    residual : float
        Largest violation of the optimality conditions; mean log growth a period is at most
        ``log(1 + residual)`` below the best.
    steps : int
        Newton steps taken.
    """

    weights: np.ndarray
    residual: float
    steps: int


def log_optimal(relatives: np.ndarray) -> LogOptimal:
    r"""Maximise the mean of ``log(x'w)`` over ``w >= 0``, ``sum w = 1``.

    Each step maximises the second-order model of the growth, a mean-variance problem that the
    native engine solves. The conditions of Kuhn and Tucker are

    .. math:: \frac{1}{T} \sum_t \frac{x_{ti}}{x_t'w} \le 1, \text{ with equality where } w_i > 0

    Parameters
    ----------
    relatives : numpy.ndarray, shape (T, n)
        Price relatives, positive.

    Returns
    -------
    LogOptimal
        The weights and how well they are certified.

    References
    ----------
    Cover, T. M. (1984). An Algorithm for Maximizing Expected Log Investment Return. IEEE
    Transactions on Information Theory 30(2), theorem 1 for the conditions.
    """
    columns = relatives.shape[1]
    weights = np.full(columns, 1.0 / columns)
    model, engine = MeanVariance(risk_aversion=1.0), NativeEngine()
    steps = 0
    while True:
        scaled = relatives / (relatives @ weights)[:, None]
        gradient = scaled.mean(axis=0)
        residual = _residual(weights, gradient)
        if residual <= _ENOUGH or steps == _MOST_STEPS:
            return LogOptimal(weights, residual, steps)
        curvature = scaled.T @ scaled / len(scaled)
        answer = engine.solve(model, Problem(gradient + curvature @ weights, curvature))
        if answer.status not in {Status.OPTIMAL, Status.FALLBACK}:
            return LogOptimal(weights, residual, steps)
        weights = _further(relatives, weights, answer.weights)
        steps += 1


def _residual(weights: np.ndarray, gradient: np.ndarray) -> float:
    return float(max((gradient - 1.0).max(), np.abs(weights * (gradient - 1.0)).max()))


def _further(relatives: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the first point, from the end back by halves, that grows no less than the start."""
    growth, share = _growth(relatives, start), 1.0
    while share > _SHORTEST:
        found: np.ndarray = start + share * (end - start)
        if _growth(relatives, found) >= growth - _ROUNDING:
            return found
        share /= 2.0
    return start


def _growth(relatives: np.ndarray, weights: np.ndarray) -> float:
    return float(np.log(relatives @ weights).mean())
