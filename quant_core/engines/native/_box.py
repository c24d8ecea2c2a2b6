"""Minimise ``w'Sw/2 - q'w`` over the capped simplex."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.engines.native import _active_set as kernels
from quant_core.engines.native._outcome import STRICT, TOLERANCE, Found, NotFound
from quant_core.profiles import Status

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["minimise_in_box"]

_PIVOTS = 60
_NEAR_BOUND = 1e-9


def minimise_in_box(
    matrix: np.ndarray,
    linear: np.ndarray,
    cap: float,
    *,
    start: np.ndarray | None = None,
    warm: np.ndarray | None = None,
) -> Found | NotFound:
    """Minimise ``w'Sw/2 - q'w`` over ``sum w = 1``, ``0 <= w <= cap``.

    The sets of weights at a bound are searched from the warm weights, then from the data alone:
    by the primal-dual active set from the start, after a long pairwise descent, and from the
    answer of the dual active-set solver DAQP. As in `maximise_ratio`, the search leaves no trace
    where the conditions hold strictly.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, n)
        Covariance.
    linear : numpy.ndarray, shape (n,)
        The vector q.
    cap : float
        Upper bound of a weight, at least ``1/n``.
    start : numpy.ndarray of shape (n,), optional
        Feasible weights to search from; a function of the data. Equal weights if not given.
    warm : numpy.ndarray of shape (n,), optional
        Weights whose bounds are likely.
    """
    if warm is not None and warm.any():
        weights, strict, residual = _pivot(matrix, linear, cap, kernels.sets_of(warm, cap))
        if strict and residual <= TOLERANCE:
            return Found(weights, residual, "active_set")
    left: list[str] = []
    for name, guess in _searches(matrix, linear, cap, start):
        candidate = guess()
        weights, strict, residual = _pivot(matrix, linear, cap, kernels.sets_of(candidate, cap))
        if residual > TOLERANCE:
            weights, strict = candidate, False
            residual, _ = kernels.residual(matrix, linear, cap, candidate)
        if residual <= TOLERANCE:
            chain = () if strict or not left else (*left, name)
            return Found(weights, residual, "active_set" if strict else name, chain)
        left.append(f"{name}: residual {residual:.1e}")
    return NotFound(Status.FAILED, "no solver passed the optimality check", tuple(left))


def _searches(
    matrix: np.ndarray, linear: np.ndarray, cap: float, start: np.ndarray | None
) -> tuple[tuple[str, Callable[[], np.ndarray]], ...]:
    n = len(linear)
    first = np.full(n, 1.0 / n) if start is None else start

    def descend(steps: int) -> np.ndarray:
        return np.asarray(kernels.box_descent(matrix, linear, cap, first, steps))

    return (
        ("primal_dual_active_set", lambda: descend(4 * n) if start is None else start),
        ("pairwise_descent", lambda: descend(40 * n)),
        ("daqp", lambda: _daqp(matrix, linear, cap)),
    )


def _daqp(matrix: np.ndarray, linear: np.ndarray, cap: float) -> np.ndarray:
    import daqp  # noqa: PLC0415 - needed by about one window in a thousand

    n = len(linear)
    scale = float(np.diag(matrix).mean()) or 1.0
    upper = np.append(np.full(n, cap), 1.0)
    lower = np.append(np.zeros(n), 1.0)
    sense = np.zeros(n + 1, dtype=np.int32)
    sense[n] = 5  # an equality
    x, _, _, _ = daqp.solve(
        matrix / scale,
        -linear / scale,
        np.ones((1, n)),
        upper,
        lower,
        sense,
        iter_limit=20 * n + 100,
    )
    weights = np.clip(np.nan_to_num(np.asarray(x, dtype=np.float64)), 0.0, cap)
    weights[weights < _NEAR_BOUND] = 0.0
    weights[weights > cap - _NEAR_BOUND] = cap
    return weights


def _pivot(
    matrix: np.ndarray, linear: np.ndarray, cap: float, sets: np.ndarray
) -> tuple[np.ndarray, bool, float]:
    ended, x, margin, slack = kernels.box_pivot(matrix, linear, cap, sets, _PIVOTS, kernels.UTILITY)
    if not ended or not np.isfinite(x).all():
        return x, False, np.inf
    residual, size = kernels.residual(matrix, linear, cap, x)
    return x, margin > STRICT and slack > STRICT * size, residual
