"""The standard normal distribution on arrays, without scipy."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

__all__ = ["cumulative", "quantile"]

_NORMAL = NormalDist()


def cumulative(values: np.ndarray) -> np.ndarray:
    flat = [0.5 * math.erfc(-value / math.sqrt(2.0)) for value in np.ravel(values).tolist()]
    return np.array(flat, dtype=np.float64).reshape(np.shape(values))


def quantile(probability: float) -> float:
    return _NORMAL.inv_cdf(probability)
