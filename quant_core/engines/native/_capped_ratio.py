"""Maximise ``q'w / sqrt(w'Sw)`` over the capped simplex."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from quant_core.engines.native import _active_set as kernels
from quant_core.engines.native._box import minimise_in_box
from quant_core.engines.native._nonnegative import maximise_ratio
from quant_core.engines.native._outcome import TOLERANCE, Found, NotFound
from quant_core.profiles import Status

__all__ = ["maximise_capped_ratio", "poured", "price_of", "ratio", "richest", "riskless"]

_ROUNDS = 60
_RISKLESS = 1e-12
_UNBOUNDED = NotFound(
    Status.INFEASIBLE, "a portfolio without risk has a positive reward: the ratio is unbounded"
)


def maximise_capped_ratio(
    matrix: np.ndarray,
    reward: np.ndarray,
    cap: float,
    warm: np.ndarray | None,
    known: dict[Any, Any] | None = None,
) -> Found | NotFound:
    """Maximise ``q'w / sqrt(w'Sw)`` over ``sum w = 1``, ``0 <= w <= cap``.

    Where the cap does not bind, the uncapped solution is the answer. Elsewhere the optimum
    minimises ``w'Sw/2 - t q'w`` for ``t = w'Sw / q'w`` (Dinkelbach, Management Science 13, 1967):
    sets for a t by the primal-dual active set, then the t of these sets in closed form, until
    neither changes.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, n)
        Covariance.
    reward : numpy.ndarray, shape (n,)
        The vector q; some feasible portfolio has ``q'w > 0``.
    cap : float
        Upper bound of a weight, at least ``1/n``.
    warm : numpy.ndarray of shape (n,), optional
        Weights whose support is likely, of the uncapped problem.
    known : dict, optional
        What was found before about the covariance.
    """
    relaxed = maximise_ratio(matrix, reward, warm, known)
    if isinstance(relaxed, Found) and float(relaxed.weights.max()) <= cap:
        return _UNBOUNDED if riskless(matrix, relaxed.weights) else relaxed
    if isinstance(relaxed, Found):
        return _dinkelbach(matrix, reward, cap, poured(relaxed.weights, reward, cap), ())
    calm = minimise_in_box(matrix, np.zeros_like(reward), cap)
    if isinstance(calm, Found) and riskless(matrix, calm.weights) and reward @ calm.weights > 0:
        return _UNBOUNDED
    return _dinkelbach(matrix, reward, cap, richest(reward, cap), relaxed.chain)


def _dinkelbach(
    matrix: np.ndarray, reward: np.ndarray, cap: float, start: np.ndarray, chain: tuple[str, ...]
) -> Found | NotFound:
    weights, price = start, price_of(matrix, reward, start)
    volatility = np.sqrt(matrix.diagonal())
    links: tuple[str, ...] = ()
    for _ in range(_ROUNDS):
        inner = minimise_in_box(matrix, price * reward, cap, start=weights)
        if isinstance(inner, NotFound):
            return NotFound(inner.status, inner.message, (*chain, *inner.chain))
        variance = _variance(matrix, inner.weights)
        if variance <= _RISKLESS * float(inner.weights @ volatility) ** 2:
            return _UNBOUNDED
        links = inner.chain
        gain = float(reward @ inner.weights)
        scale = variance / gain if gain > 0 else np.nan
        weights = _on_sets(matrix, reward, cap, inner.weights, scale)
        price = price_of(matrix, reward, weights)
        if not price > 0:
            break
        residual, _ = kernels.residual(matrix, price * reward, cap, weights)
        if residual <= TOLERANCE * 1e-3:
            return Found(weights, residual, "dinkelbach", (*chain, *links))
    message = "the ratio did not converge; a portfolio without risk may exist"
    return NotFound(Status.FAILED, message, (*chain, *links, "dinkelbach: not converged"))


def _on_sets(
    matrix: np.ndarray, reward: np.ndarray, cap: float, found: np.ndarray, scale: float
) -> np.ndarray:
    """Solve for t with the sets held: weights are linear in t there, and so is the condition."""
    points = np.empty((3, len(found)))
    kernels.box_line(matrix, scale * reward, cap, found, points)
    base, moved, slope = points
    change = (moved - base) / scale
    below = float(reward @ base) - 2 * float(slope @ change)
    price = float(base @ slope) / below if below > 0 else np.nan
    weights = np.asarray(base + price * change)
    inside = bool((weights >= 0).all() and (weights <= cap).all())
    return weights if inside else found


def riskless(matrix: np.ndarray, weights: np.ndarray) -> bool:
    """Return whether the variance is rounding, against that of perfectly correlated assets."""
    aligned = float(weights @ np.sqrt(matrix.diagonal())) ** 2
    return _variance(matrix, weights) <= _RISKLESS * aligned


def price_of(matrix: np.ndarray, reward: np.ndarray, weights: np.ndarray) -> float:
    """Return ``w'Sw / q'w``, NaN without a positive reward."""
    gain = float(reward @ weights)
    return _variance(matrix, weights) / gain if gain > 0 else np.nan


def ratio(matrix: np.ndarray, reward: np.ndarray, weights: np.ndarray) -> float:
    """Return ``q'w / sqrt(w'Sw)``."""
    return float(reward @ weights) / math.sqrt(_variance(matrix, weights))


def _variance(matrix: np.ndarray, weights: np.ndarray) -> float:
    return float(weights @ kernels.gradient(matrix, np.zeros_like(weights), weights))


def richest(reward: np.ndarray, cap: float) -> np.ndarray:
    """Return the feasible weights with the largest ``q'w``."""
    return _pour(np.zeros(len(reward)), reward, cap)


def poured(weights: np.ndarray, reward: np.ndarray, cap: float) -> np.ndarray:
    """Clip weights to the cap and pour what is over into the room of the best rewards."""
    return _pour(np.minimum(weights, cap), reward, cap)


def _pour(weights: np.ndarray, reward: np.ndarray, cap: float) -> np.ndarray:
    order = np.argsort(-reward, kind="stable")
    room = (cap - weights)[order]
    rest = 1.0 - float(weights.sum()) - (np.cumsum(room) - room)
    poured = weights[order] + np.clip(rest, 0.0, room)
    poured[rest >= room] = cap
    full = np.empty_like(weights)
    full[order] = poured
    return full
