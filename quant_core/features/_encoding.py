"""Features as the kernels read them: numbers in arrays."""

from __future__ import annotations

from math import factorial, log2
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quant_core.features._lookback import ema_span, lookback, rsi_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.features._definition import Feature

__all__ = ["KINDS", "Encoded", "encode"]

KINDS = (
    "return",
    "sma",
    "ema",
    "rsi",
    "volatility",
    "zscore",
    "momentum",
    "bollinger",
    "permutation_entropy",
    "efficiency_ratio",
    "hurst",
)


class Encoded(NamedTuple):
    """Features for the kernels.

    Parameters
    ----------
    whole : numpy.ndarray of uint64, shape (F, 5)
        Kind, lookback, order, lag, and where in ``numbers`` the weights begin.
    numbers : numpy.ndarray of float64
        Of each feature, the width from band to band, the largest entropy, or 1 for a relative
        average; then the exponential weights of all features, each from the oldest observation to
        the latest.
    counts : numpy.ndarray of int64
        Room to count ordinal patterns.
    """

    whole: np.ndarray
    numbers: np.ndarray
    counts: np.ndarray


def encode(features: Sequence[Feature]) -> Encoded:
    """Return features as the kernels read them."""
    whole = np.zeros((len(features), 5), dtype=np.uint64)
    weights = [_weights(feature) for feature in features]
    begins = np.cumsum([len(features), *(len(part) for part in weights)])
    for row, feature in enumerate(features):
        read = lookback(feature.kind, feature.window)
        order, lag = feature.order or 0, feature.lag or 0
        whole[row] = KINDS.index(feature.kind), read, order, lag, begins[row]
    return Encoded(
        whole,
        np.concatenate([[_real(feature) for feature in features], *weights]),
        np.zeros(max(factorial(feature.order or 0) for feature in features), dtype=np.int64),
    )


def _real(feature: Feature) -> float:
    if feature.kind == "bollinger" and feature.width is not None:
        return 2.0 * feature.width
    if feature.kind == "permutation_entropy" and feature.order is not None:
        return log2(factorial(feature.order))
    return 1.0 if feature.relative else 0.0


def _weights(feature: Feature) -> np.ndarray:
    if feature.kind == "ema":
        return _decaying(1.0 - 2.0 / (feature.window + 1), ema_span(feature.window))
    if feature.kind == "rsi":
        return _decaying(1.0 - 1.0 / feature.window, rsi_span(feature.window))
    return np.empty(0)


def _decaying(decay: float, span: int) -> np.ndarray:
    weights = np.empty(span)
    weight = 1.0
    for age in range(span):
        weights[span - 1 - age] = weight
        weight *= decay
    total = 0.0
    for weight in weights.tolist():
        total += weight
    return weights / total
