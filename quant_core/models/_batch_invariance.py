"""Whether a prediction depends on the rows beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.models._fitted import complete_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["BatchInvarianceReport", "batch_invariance_report"]


@dataclass(frozen=True, slots=True)
class BatchInvarianceReport:
    """Predictions in batches against predictions row by row.

    Parameters
    ----------
    rows : int
        Rows that were predicted.
    batches : tuple of int
        Sizes of the batches; the last is all rows at once.
    differences : tuple of float
        Largest absolute difference from row by row, for each size.
    identical : bool
        Whether every size gives the same bytes.
    """

    rows: int
    batches: tuple[int, ...]
    differences: tuple[float, ...]
    identical: bool

    @property
    def max_difference(self) -> float:
        """The largest difference of all sizes."""
        return max(self.differences, default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        sizes = map(str, self.batches)
        return {
            "rows": self.rows,
            "identical": self.identical,
            "max_difference": self.max_difference,
            "differences": dict(zip(sizes, self.differences, strict=True)),
        }


def batch_invariance_report(
    predict: Callable[[np.ndarray], np.ndarray],
    features: np.ndarray,
    *,
    batches: Sequence[int] = (2, 7, 64),
) -> BatchInvarianceReport:
    """Predict rows one by one, in batches, and all at once, and compare.

    Parameters
    ----------
    predict : callable
        Rows (R, inputs) to predictions (R,): a `Runtime`, a native model or a model of the runner.
    features : numpy.ndarray of float64, shape (R, inputs)
        Rows; those that are not finite are left out.
    batches : sequence of int
        Sizes to try besides all rows at once.
    """
    rows = features[complete_rows(features)]
    sizes = (*batches, max(len(rows), 1))
    alone = _in_batches(predict, rows, 1)
    found = [_in_batches(predict, rows, size) for size in sizes]
    return BatchInvarianceReport(
        rows=len(rows),
        batches=sizes,
        differences=tuple(float(np.abs(item - alone).max(initial=0.0)) for item in found),
        identical=all(item.tobytes() == alone.tobytes() for item in found),
    )


def _in_batches(
    predict: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, size: int
) -> np.ndarray:
    parts = [predict(rows[start : start + size]) for start in range(0, len(rows), size)]
    return np.concatenate([np.empty(0), *parts])
