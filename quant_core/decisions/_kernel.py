"""The compiled loop over predictions and the rules of their strategies."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["decide"]


@njit(cache=True)
def decide(
    predictions: np.ndarray,
    signs: np.ndarray,
    threshold: np.ndarray,
    scale: np.ndarray,
    signals: np.ndarray,
) -> None:
    """Write the signal of every prediction; NaN stays NaN."""
    for row in range(predictions.shape[0]):
        for j in range(predictions.shape[1]):
            value = predictions[row, j]
            if np.isnan(value):
                signals[row, j] = np.nan
            elif not signs[j]:
                signals[row, j] = min(max(value / scale[j], -1.0), 1.0) + 0.0
            elif abs(value) > threshold[j]:
                signals[row, j] = 1.0 if value > 0.0 else -1.0
            else:
                signals[row, j] = 0.0
