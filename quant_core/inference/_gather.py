"""The compiled step before every model: its inputs out of the shared rows."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["gather"]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def gather(row: np.ndarray, columns: np.ndarray, single: int, out: np.ndarray) -> bool:
    """Copy the columns of a model, and return whether all are finite.

    Where ``single`` is not 0, values are rounded to float32 first, as the model's input is.
    """
    finite = True
    for place in range(len(columns)):
        value = row[columns[place]]
        if single:
            value = np.float64(np.float32(value))
        out[place] = value
        finite &= value - value == 0.0
    return finite
