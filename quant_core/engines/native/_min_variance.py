"""Minimum variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.engines.native import _active_set as kernels
from quant_core.engines.native._box import minimise_in_box
from quant_core.engines.native._capped_ratio import poured
from quant_core.engines.native._nonnegative import maximise_ratio
from quant_core.engines.native._outcome import Found, NotFound, solution, without_weights
from quant_core.engines.native._screen import Screened, screen

if TYPE_CHECKING:
    from quant_core.profiles import MinVariance, Problem, Solution

__all__ = ["least_variance", "solve"]


def solve(profile: MinVariance, problem: Problem, warm: np.ndarray | None) -> Solution:
    """Minimise variance; atoms without any variance share the portfolio alike."""
    checked = screen(problem, profile.cap)
    if isinstance(checked, NotFound):
        return without_weights(problem, checked)
    found = _minimise(checked, warm, problem.known)
    if isinstance(found, NotFound):
        return without_weights(problem, found)
    weights = found.weights
    slope = kernels.gradient(checked.matrix, np.zeros_like(weights), weights)
    return solution(problem, found, float(weights @ slope))


def least_variance(matrix: np.ndarray, warm: np.ndarray | None) -> Found | NotFound:
    """Minimise the variance of weights without a cap, of a covariance that has been screened."""
    variances = matrix.diagonal()
    scale = float(variances.mean()) or 1.0
    checked = Screened(
        np.zeros(0), np.ascontiguousarray(matrix), 1.0, scale, float(variances.min())
    )
    return _minimise(checked, warm)


def _minimise(
    checked: Screened, warm: np.ndarray | None, known: dict[Any, Any] | None = None
) -> Found | NotFound:
    matrix, cap = checked.matrix, checked.cap
    nothing, ones = np.zeros(len(matrix)), np.full(len(matrix), checked.scale)
    flat = matrix.diagonal() == 0 if checked.least == 0 else np.zeros(0)
    if cap * flat.sum() >= 1:
        weights = flat / flat.sum()
        residual, _ = kernels.residual(matrix, nothing, cap, weights)
        return Found(weights, residual, "riskless")
    relaxed = maximise_ratio(matrix, ones, warm, known)
    if isinstance(relaxed, NotFound):
        boxed = minimise_in_box(matrix, nothing, cap)
        return _after(relaxed, boxed)
    if float(relaxed.weights.max()) <= cap:
        return relaxed
    start = poured(relaxed.weights, -matrix.diagonal(), cap)
    return minimise_in_box(matrix, nothing, cap, start=start)


def _after(relaxed: NotFound, boxed: Found | NotFound) -> Found | NotFound:
    links = boxed.chain or ((boxed.solver,) if isinstance(boxed, Found) else ())
    if isinstance(boxed, NotFound):
        return NotFound(boxed.status, boxed.message, (*relaxed.chain, *links))
    return Found(boxed.weights, boxed.residual, boxed.solver, (*relaxed.chain, *links))
