"""Compiled kernels of risk parity, and the root-find of its capped form.

A kernel calls kernels of its own file only: numba's cache on disk does not notice an edit of
another file.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from quant_core.engines.native._outcome import TOLERANCE, Found, NotFound
from quant_core.profiles import Status

__all__ = ["budget_risk", "variance_of"]

_SWEEPS = 2000
_CONVERGED = 1e-13
_ROUNDS = 100
_LEVEL = 600.0
_INEXACT = 1e-4
_ROUNDING = 1e-12
_BETWEEN_CHECKS, _PROGRESS, _STALE, _FLOOR = 3, 0.9, 3, 1e-11


def budget_risk(matrix: np.ndarray, cap: float) -> Found | NotFound:
    """Solve for equal risk contributions, bounded by a cap.

    Cyclical coordinate descent on ``x'Sx/2 - lambda sum(log x)/n`` over ``x <= cap`` (Griveau-
    Billion, Richard & Roncalli, "A fast algorithm for computing high-dimensional risk parity
    portfolios", 2013), always from ``x_i`` proportional to ``1/sqrt(S_ii)``, so that the result is
    a function of the data alone. Without a binding cap ``lambda`` only scales x; with one, it is
    the root of ``sum x(lambda) = 1`` (Richard & Roncalli 2019).

    The residual is ``max |x_i (Sx)_i / (lambda/n) - 1|`` over the weights below the cap and its
    positive part at the cap: the relative stationarity of the problem above, and the largest
    relative spread of risk contributions; or the violation of the budget, if larger.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, n)
        Covariance.
    cap : float
        Upper bound of a weight, at least ``1/n``.
    """
    n = len(matrix)
    if cap * n <= 1.0 + _ROUNDING:
        return Found(np.full(n, 1.0 / n), 0.0, "only_portfolio")
    flat = np.flatnonzero(~(np.diag(matrix) > 0))
    if len(flat):
        message = f"asset {flat[0]} has no variance, so it cannot contribute an equal share of risk"
        return NotFound(Status.INFEASIBLE, message)
    x, residual = _free(matrix)
    chain: tuple[str, ...] = ()
    if residual > TOLERANCE:
        chain = (f"coordinate_descent: residual {residual:.1e} after {_SWEEPS} sweeps", "newton")
        x, residual = _newton(matrix, x)
    if not residual <= TOLERANCE:
        message = "risk contributions did not converge; a portfolio without risk may exist"
        return NotFound(Status.FAILED, message, (*chain[:1], f"newton: residual {residual:.1e}"))
    weights = x / x.sum()
    if float(weights.max()) <= cap:
        return Found(weights, residual, chain[-1] if chain else "coordinate_descent", chain)
    return _capped(matrix, cap, weights, chain)


def _free(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    x = 1.0 / np.sqrt(np.diag(matrix))
    variance = variance_of(matrix, x)
    if variance > 0:
        x /= math.sqrt(variance)
    residual = descend(matrix, x, 1.0, np.inf, _SWEEPS, _CONVERGED)
    return x, float(residual)


def _newton(matrix: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, float]:
    """Minimise ``n x'Sx/2 - sum(log x)`` by damped Newton (Spinu 2013)."""
    n = len(start)
    x = 1.0 / np.sqrt(np.diag(matrix))
    for _ in range(_ROUNDS):
        slope = n * (matrix @ x) - 1 / x
        try:
            # In y = step / x the matrix is n x_i S_ij x_j + I, as well conditioned as it gets.
            step = x * np.linalg.solve(n * (x[:, None] * matrix * x) + np.eye(n), x * slope)
        except np.linalg.LinAlgError:
            return start, np.inf
        decrement = math.sqrt(max(float(slope @ step), 0.0))
        if not np.isfinite(decrement):
            return start, np.inf
        x = x - step / (1 + decrement if decrement > 0.25 else 1.0)  # noqa: PLR2004 - quadratic below
        residual = float(np.abs(n * x * (matrix @ x) - 1).max())
        if residual <= TOLERANCE * 1e-2 or not (x > 0).all():
            break
    return x, residual if (x > 0).all() else np.inf


def _capped(
    matrix: np.ndarray, cap: float, weights: np.ndarray, chain: tuple[str, ...]
) -> Found | NotFound:
    """Find log lambda at which clipped weights sum to 1, by a bracketed secant (Illinois)."""
    low = math.log(variance_of(matrix, weights))
    x, high, step = np.minimum(weights, cap), low, 1.0
    low_gap, gap = float(x.sum()) - 1, -1.0
    while gap < 0 and high < _LEVEL:
        high, step = high + step, 2 * step
        gap, residual = _sum_at(matrix, x, high, cap, gap)
        if gap < 0:
            low, low_gap = high, gap
    high_gap, side = gap, 0
    for _ in range(_ROUNDS):
        if abs(gap) <= _CONVERGED or not np.isfinite(gap):
            break
        middle = high - high_gap * (high - low) / (high_gap - low_gap)
        gap, residual = _sum_at(matrix, x, middle, cap, gap)
        if gap < 0:
            low, low_gap = middle, gap
            high_gap = high_gap / 2 if side < 0 else high_gap
            side = -1
        else:
            high, high_gap = middle, gap
            low_gap = low_gap / 2 if side > 0 else low_gap
            side = 1
    residual = max(residual, abs(gap))
    if not residual <= TOLERANCE:
        message = "capped risk contributions did not converge"
        return NotFound(
            Status.FAILED, message, (*chain, f"clipped_descent: residual {residual:.1e}")
        )
    return Found(x, residual, "clipped_descent", chain)


def _sum_at(
    matrix: np.ndarray, x: np.ndarray, level: float, cap: float, gap: float
) -> tuple[float, float]:
    # As exact as the bracket is worth: the sum errs by about the residual.
    tolerance = min(max(_CONVERGED, _INEXACT * abs(gap)), _INEXACT)
    residual = descend(matrix, x, math.exp(min(level, _LEVEL)), cap, _SWEEPS, tolerance)
    return float(x.sum()) - 1.0, float(residual)


@njit(cache=True)
def descend(
    matrix: np.ndarray, x: np.ndarray, level: float, cap: float, sweeps: int, tolerance: float
) -> float:
    """Run sweeps over x in place until the residual stops falling, and return it."""
    n = len(x)
    share = level / n
    best, stale = np.inf, 0
    marginal = np.empty(n)
    for _ in range(sweeps):
        marginal[:] = 0.0
        for i in range(n):
            row, held = matrix[i], x[i]
            for j in range(n):
                marginal[j] += held * row[j]
        worst = _spread(x, marginal, share, cap)
        if worst <= tolerance:
            return worst
        # Rounding is the floor: leave when three checks in a row bring nothing.
        stale = 0 if worst < _PROGRESS * best else stale + 1
        best = min(best, worst)
        if (stale >= _STALE and best <= _FLOOR) or not np.isfinite(worst):
            return worst
        for _inner in range(_BETWEEN_CHECKS):
            _sweep(matrix, x, marginal, share, cap)
    return best


@njit(cache=True)
def variance_of(matrix: np.ndarray, x: np.ndarray) -> float:
    """Return ``x'Sx``, summed in one order whatever the BLAS."""
    marginal, total = np.zeros(len(x)), 0.0
    for i in range(len(x)):
        row, held = matrix[i], x[i]
        for j in range(len(x)):
            marginal[j] += held * row[j]
    for i in range(len(x)):
        total += x[i] * marginal[i]
    return total


@njit(cache=True)
def _sweep(
    matrix: np.ndarray, x: np.ndarray, marginal: np.ndarray, share: float, cap: float
) -> None:
    for i in range(len(x)):
        row = matrix[i]
        own = row[i]
        other = marginal[i] - own * x[i]
        root = np.sqrt(other * other + 4.0 * own * share)
        # The form that does not cancel, on either side of zero.
        new = 2.0 * share / (other + root) if other > 0.0 else (root - other) / (2.0 * own)
        new = min(new, cap)
        step = new - x[i]
        x[i] = new
        for j in range(len(x)):
            marginal[j] += step * row[j]


@njit(cache=True)
def _spread(x: np.ndarray, marginal: np.ndarray, share: float, cap: float) -> float:
    worst = 0.0
    for i in range(len(x)):
        gap = x[i] * marginal[i] / share - 1.0
        if x[i] < cap:
            gap = abs(gap)
        if not gap <= worst:
            worst = gap
    return worst
