"""The compiled step before every model: its inputs out of the shared rows."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["gather"]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def gather(
    rows: np.ndarray,
    row: int,
    columns: np.ndarray,
    count: np.uint64,
    single: int,
    out: np.ndarray,
    start: np.uint64,
) -> bool:
    """Copy the inputs of a model from a row, and return whether all are finite.

    Where ``single`` is not 0, values are rounded to float32 first, as the model's input is.
    """
    finite = True
    if single:
        for place in range(count):
            value = np.float64(np.float32(rows[row, columns[place]]))
            out[start + place] = value
            finite &= value - value == 0.0
    else:
        for place in range(count):
            value = rows[row, columns[place]]
            out[start + place] = value
            finite &= value - value == 0.0
    return finite
