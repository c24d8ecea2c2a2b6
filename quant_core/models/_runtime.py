"""ONNX Runtime as the reference that conversions are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np

from quant_core.errors import ModelError
from quant_core.models._graph import INPUT, OUTPUT
from quant_core.models._trainer import require

__all__ = ["Runtime"]


class Runtime:
    """A verified model in a single-threaded session of ONNX Runtime.

    Parameters
    ----------
    data : bytes
        The ONNX file; `refuse` has let it through.
    name : str
        What messages call it.
    dtype : {"float64", "float32"}
        Element type of its input.

    Raises
    ------
    ModelError
        If ONNX Runtime cannot load it.
    UnavailableError
        If ONNX Runtime is not installed.
    """

    def __init__(self, data: bytes, *, name: str = "model", dtype: str = "float64") -> None:
        runtime = require("onnxruntime", "models")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        self._name, self._dtype = name, dtype
        try:
            self._session: Any = runtime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the exceptions of ONNX Runtime share no other base
            raise ModelError(f"{name}: ONNX Runtime cannot load it: {error}") from error

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Predict rows in one call.

        Parameters
        ----------
        features : numpy.ndarray, shape (R, inputs)
            Finite rows.

        Returns
        -------
        numpy.ndarray of float64, shape (R,)

        Raises
        ------
        ModelError
            If the run fails, or does not give one prediction a row.
        """
        rows = np.ascontiguousarray(features, dtype=self._dtype)
        try:
            found = np.asarray(self._session.run([OUTPUT], {INPUT: rows})[0])
        except Exception as error:  # the exceptions of ONNX Runtime share no other base
            raise ModelError(f"{self._name}: ONNX Runtime failed: {error}") from error
        if found.shape != (len(rows), 1):
            raise ModelError(
                f"{self._name}: expected predictions of shape ({len(rows)}, 1), found {found.shape}"
            )
        return found[:, 0].astype(np.float64)
