"""A model that is loaded: what evaluates it, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from quant_core.errors import ShapeError
from quant_core.inference._session import Session

if TYPE_CHECKING:
    from quant_core.models import ModelSpec

__all__ = ["Backend", "Model", "load"]

type Backend = Literal["linear", "mlp", "trees", "onnxrt", "remote"]


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model; it never changes, and any number of threads may use it.

    Parameters
    ----------
    spec : ModelSpec
        What it is.
    backend : {"linear", "mlp", "trees", "onnxrt"}
        What evaluates it: a kernel of this package, or a session of ONNX Runtime.
    detail : str
        What was recognised, or why a session serves it.
    data : bytes
        Its ONNX file.
    """

    spec: ModelSpec
    backend: Backend
    detail: str
    data: bytes = field(repr=False)
    session: Session | None = field(repr=False, default=None)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the predictions of rows.

        Parameters
        ----------
        rows : ndarray of shape (R, F)
            Inputs, in the order of the model's features.

        Returns
        -------
        ndarray of shape (R,), float64
            The predictions. Each depends on its own row alone, to the last bit. NaN where an
            input is not finite, or the prediction is not.

        Raises
        ------
        ShapeError
            If the rows do not have the columns of the model.
        InferenceError
            If ONNX Runtime fails.
        """
        values = checked(rows, self.spec.signature.inputs, f"model {self.spec.version}")
        found = np.full(len(values), np.nan)
        finite = np.isfinite(values.astype(self.spec.signature.dtype)).all(axis=1)
        if finite.any() and self.session is not None:
            found[finite] = self.session.rows(values[finite])
        found[~np.isfinite(found)] = np.nan
        return found


def checked(rows: np.ndarray, columns: int, name: str) -> np.ndarray:
    """Return rows as a matrix of doubles of the wanted width."""
    values = np.asarray(rows)
    if values.ndim != 2 or values.shape[1] != columns or values.dtype.kind not in "fiu":  # noqa: PLR2004 - a matrix
        raise ShapeError(
            f"{name}: expected rows of numbers, shape (rows, {columns}); "
            f"found {values.dtype} of shape {values.shape}"
        )
    return np.ascontiguousarray(values, dtype=np.float64)


def load(data: bytes, spec: ModelSpec) -> Model:
    """Load a model from its verified ONNX file.

    Parameters
    ----------
    data : bytes
        The ONNX file; its checksum and contents were verified by `quant_core.models`.
    spec : ModelSpec
        What it must be.

    Returns
    -------
    Model
        The model.

    Raises
    ------
    InferenceError
        If it cannot be loaded, or gives more than one prediction a row.
    """
    return Model(spec, "onnxrt", "a session of its own", data, Session(data, spec))
