"""Features over a history that lies complete in a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import DataError
from quant_core.features._encoding import encode
from quant_core.features._kernels import over_history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.features._definition import Feature

__all__ = ["batch"]


def batch(features: Sequence[Feature], prices: np.ndarray) -> np.ndarray:
    """Compute features over (T, n) prices, as (T, n, F)."""
    matrix = np.asarray(prices, dtype=np.float64)
    if matrix.ndim != 2:  # noqa: PLR2004 - rows and columns
        raise DataError(f"prices: expected a (T, n) matrix, found shape {matrix.shape}")
    first, last = _spans(matrix)
    values = np.full((*matrix.shape, len(features)), np.nan)
    flat, columns = values.reshape(-1), np.ascontiguousarray(matrix.T)
    over_history(columns, first, last, *encode(features), flat)
    return values


def _spans(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each column's prices begin and end."""
    present = ~np.isnan(matrix)
    wrong = present & ~((matrix > 0) & (matrix < np.inf))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataError(
            f"prices: expected positive finite numbers, found {matrix[row, column]} in row {row} "
            f"of column {column}; drop what the source has wrong before features are computed"
        )
    empty = ~present.any(axis=0)
    first = np.where(empty, 0, present.argmax(axis=0)) if len(matrix) else empty * 0
    last = np.where(empty, 0, len(matrix) - present[::-1].argmax(axis=0)) if len(matrix) else first
    inner = np.flatnonzero(last - first != present.sum(axis=0))
    if len(inner):
        column = inner[0]
        row = first[column] + np.flatnonzero(~present[first[column] : last[column], column])[0]
        raise DataError(
            f"prices: expected NaN only before the first and after the last price of a column, "
            f"found it in row {row} of column {column}; fill the gap or leave the rows out"
        )
    return first.astype(np.int64), last.astype(np.int64)
