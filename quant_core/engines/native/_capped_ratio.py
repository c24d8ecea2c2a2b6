"""Maximise ``q'w / sqrt(w'Sw)`` over the capped simplex."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from quant_core.engines.native import _active_set as kernels
from quant_core.engines.native._box import minimise_in_box
from quant_core.engines.native._nonnegative import maximise_ratio
from quant_core.engines.native._outcome import STRICT, TOLERANCE, Found, NotFound
from quant_core.profiles import Status

__all__ = ["maximise_capped_ratio", "poured", "price_of", "ratio", "richest", "riskless"]

_PIVOTS = 20
_STEPS_PER_ATOM, _STEPS = 2, 100
_CLIPS = 50
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

    Where the cap does not bind, the uncapped solution is the answer. Elsewhere the sets of weights
    at a bound are searched: from the warm weights, then from the uncapped solution clipped to the
    cap, by a primal-dual active set that solves for weights and for ``t = w'Sw / q'w`` at once, and
    where that goes round in circles by a primal one that never falls. At the optimum w minimises
    ``w'Sw/2 - t q'w`` (Dinkelbach, Management Science 13, 1967), which is what is certified. As
    in `maximise_ratio`, the search leaves no trace where the conditions hold strictly.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, n)
        Covariance.
    reward : numpy.ndarray, shape (n,)
        The vector q; some feasible portfolio has ``q'w > 0``.
    cap : float
        Upper bound of a weight, at least ``1/n``.
    warm : numpy.ndarray of shape (n,), optional
        Weights whose bounds are likely.
    known : dict, optional
        What was found before about the covariance.
    """
    relaxed = maximise_ratio(matrix, reward, warm, known)
    if isinstance(relaxed, Found) and float(relaxed.weights.max()) <= cap:
        return _UNBOUNDED if riskless(matrix, relaxed.weights) else relaxed
    if isinstance(relaxed, Found):
        start = _clipped(relaxed.weights, reward, cap)
        return _searched(matrix, reward, cap, (start, warm), ())
    calm = minimise_in_box(matrix, np.zeros_like(reward), cap)
    if isinstance(calm, Found) and riskless(matrix, calm.weights) and reward @ calm.weights > 0:
        return _UNBOUNDED
    return _searched(matrix, reward, cap, (richest(reward, cap), warm), relaxed.chain)


def _searched(
    matrix: np.ndarray,
    reward: np.ndarray,
    cap: float,
    starts: tuple[np.ndarray, np.ndarray | None],
    chain: tuple[str, ...],
) -> Found | NotFound:
    start, warm = starts
    if warm is not None and warm.any():
        weights, strict, residual = _pivot(matrix, reward, cap, warm)
        if strict and residual <= TOLERANCE:
            return Found(weights, residual, "active_set", chain)
    left: list[str] = []
    for name in ("active_set", "ascent"):
        if name == "ascent":
            steps = _STEPS + _STEPS_PER_ATOM * len(reward)
            start = kernels.ratio_ascent(matrix, reward, cap, start, steps)
        weights, strict, residual = _pivot(matrix, reward, cap, start)
        if residual <= TOLERANCE:
            links = () if strict or not left else (*left, name)
            return Found(weights, residual, "active_set", (*chain, *links))
        if riskless(matrix, start):
            return _UNBOUNDED
        left.append(f"{name}: residual {residual:.1e}")
    message = "the ratio did not converge; a portfolio without risk may exist"
    return NotFound(Status.FAILED, message, (*chain, *left))


def _pivot(
    matrix: np.ndarray, reward: np.ndarray, cap: float, guess: np.ndarray
) -> tuple[np.ndarray, bool, float]:
    sets = kernels.sets_of(guess, cap)
    ended, x, margin, slack = kernels.box_pivot(matrix, reward, cap, sets, _PIVOTS, kernels.RATIO)
    price = price_of(matrix, reward, x)
    if not ended or not np.isfinite(x).all() or not price > 0:
        return x, False, np.inf
    residual, size = kernels.residual(matrix, price * reward, cap, x)
    return x, margin > STRICT and slack > STRICT * size, residual


def _clipped(weights: np.ndarray, reward: np.ndarray, cap: float) -> np.ndarray:
    """Raise weights in proportion until those below the cap fill what it leaves."""
    clipped = weights.copy()
    for _ in range(_CLIPS):
        over = clipped >= cap
        clipped[over] = cap
        below = float(clipped.sum()) - cap * int(over.sum())
        rest = 1.0 - cap * int(over.sum())
        if not (below > 0 and rest > 0):
            break
        clipped[~over] *= rest / below
        if float(clipped.max()) <= cap:
            break
    start = poured(np.minimum(clipped, cap), reward, cap)
    return start if float(reward @ start) > 0 else richest(reward, cap)


def riskless(matrix: np.ndarray, weights: np.ndarray) -> bool:
    """Return whether the variance is rounding, against that of perfectly correlated assets."""
    variance, aligned = kernels.variance_and_gain(matrix, np.sqrt(matrix.diagonal()), weights)
    return bool(variance <= _RISKLESS * aligned**2)


def price_of(matrix: np.ndarray, reward: np.ndarray, weights: np.ndarray) -> float:
    """Return ``w'Sw / q'w``, NaN without a positive reward."""
    variance, gain = kernels.variance_and_gain(matrix, reward, weights)
    return float(variance / gain) if gain > 0 else np.nan


def ratio(matrix: np.ndarray, reward: np.ndarray, weights: np.ndarray) -> float:
    """Return ``q'w / sqrt(w'Sw)``."""
    variance, gain = kernels.variance_and_gain(matrix, reward, weights)
    return float(gain / math.sqrt(variance))


def richest(reward: np.ndarray, cap: float) -> np.ndarray:
    """Return the feasible weights with the largest ``q'w``."""
    if cap >= 1:
        weights = np.zeros(len(reward))
        weights[reward.argmax()] = 1.0
        return weights
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
