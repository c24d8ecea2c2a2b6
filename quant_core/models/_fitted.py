"""What training returns: the native model, and the same model as ONNX."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import DataError
from quant_core.models._spec import Signature

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Fitted", "complete_rows"]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model.

    Parameters
    ----------
    kind : str
        The kind of its configuration.
    framework : str
        What trained it, for example ``scikit-learn 1.9.1``.
    inputs : int
        Columns of the features.
    tolerance : float
        How far ONNX Runtime may be from the native library, relative to the scale of the
        predictions.
    native : callable
        Complete rows (R, inputs) to predictions (R,), computed by the library that trained it.
    onnx : bytes
        The ONNX file.
    """

    kind: str
    framework: str
    inputs: int
    tolerance: float
    native: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    onnx: bytes = field(repr=False)

    @property
    def signature(self) -> Signature:
        """Shape and type of its input and output."""
        return Signature(inputs=self.inputs)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Predict with the library that trained it.

        Parameters
        ----------
        features : numpy.ndarray of float64, shape (R, inputs)
            Raw features; a row with a NaN or an infinity is not predicted.

        Returns
        -------
        numpy.ndarray of float64, shape (R,)
            NaN where a row is not predicted.

        Raises
        ------
        DataError
            If the columns are not the columns that it was trained on.
        """
        rows = np.ascontiguousarray(features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.inputs:  # noqa: PLR2004 - rows and columns
            raise DataError(
                f"features: expected shape (rows, {self.inputs}), the columns of training, "
                f"found {rows.shape}"
            )
        predictions = np.full(len(rows), np.nan)
        complete = complete_rows(rows)
        if complete.any():
            predictions[complete] = self.native(rows[complete])
        return predictions

    def to_onnx(self) -> bytes:
        """Return the ONNX file: ``features`` (rows, inputs) to ``prediction`` (rows, 1), float64.

        Equal training gives equal bytes. Rows with NaN are not for it: whoever calls it leaves
        them out, as `predict` does.
        """
        return self.onnx


def complete_rows(features: np.ndarray) -> np.ndarray:
    """Return which rows a model may predict: those that are finite in every column."""
    complete: np.ndarray = np.isfinite(features).all(axis=1)
    return complete
