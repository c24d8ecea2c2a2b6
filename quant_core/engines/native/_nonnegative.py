"""Maximise ``q'w / sqrt(w'Sw)`` over ``w >= 0``: one solver for three profiles.

With ``q = 1`` the ratio is least variance, with the excess means Sharpe, with the volatilities
diversification. The solution of ``min x'Sx/2 - q'x`` over ``x >= 0``, normalised, maximises it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.engines.native import _active_set as kernels
from quant_core.engines.native._known import once
from quant_core.engines.native._outcome import STRICT, TOLERANCE, Found, NotFound
from quant_core.profiles import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["maximise_ratio"]

_PIVOTS = 60
_SEARCHES = (("block_pivoting", 30), ("descent_then_pivoting", 5000))


def maximise_ratio(
    matrix: np.ndarray,
    reward: np.ndarray,
    warm: np.ndarray | None,
    known: dict[Any, Any] | None = None,
) -> Found | NotFound:
    """Maximise ``q'w / sqrt(w'Sw)`` over ``w >= 0``, ``sum w = 1``.

    The support is searched from the warm weights first. Where the conditions hold strictly it is
    unique, the weights depend on it alone, and how it was found leaves no trace in the result.
    Otherwise the searches from the data alone decide.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, n)
        Covariance.
    reward : numpy.ndarray, shape (n,)
        The vector q, with at least one positive entry.
    warm : numpy.ndarray of shape (n,), optional
        Weights whose support is likely.
    known : dict, optional
        What was found before about the covariance.
    """
    name = "ratio", reward.tobytes().hex() if known is not None else ""
    found = once(known, name, matrix, lambda: _maximise(matrix, reward, warm))
    # Each solution has weights of its own.
    return found if isinstance(found, NotFound) else replace(found, weights=found.weights.copy())


def _maximise(matrix: np.ndarray, reward: np.ndarray, warm: np.ndarray | None) -> Found | NotFound:
    if warm is not None and warm.any():
        weights, strict, residual = _pivot(matrix, reward, warm > 0)
        if strict and residual <= TOLERANCE:
            return Found(weights, residual, "active_set")
    left: list[str] = []
    for name, support in _supports(matrix, reward):
        weights, strict, residual = _pivot(matrix, reward, support)
        if residual <= TOLERANCE:
            chain = () if strict or not left else (*left, name)
            return Found(weights, residual, "active_set", chain)
        left.append(f"{name}: residual {residual:.1e}")
    message = "no long-only portfolio passed the optimality check; the covariance may be singular"
    return NotFound(Status.FAILED, message, tuple(left))


def _supports(matrix: np.ndarray, reward: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    for name, sweeps in _SEARCHES:
        yield name, kernels.nonnegative_descent(matrix, reward, sweeps, 1e-14) > 0


def _pivot(
    matrix: np.ndarray, reward: np.ndarray, support: np.ndarray
) -> tuple[np.ndarray, bool, float]:
    ended, x, margin, slack = kernels.nonnegative_pivot(matrix, reward, support, _PIVOTS)
    total = float(x.sum())
    if not ended or not np.isfinite(total) or total <= 0:
        return x, False, np.inf
    weights = x / total
    variance, gain = kernels.variance_and_gain(matrix, reward, weights)
    price = variance / gain
    residual, size = kernels.residual(matrix, price * reward, 1.0, weights)
    return weights, margin > STRICT and slack > STRICT * size * total, residual
