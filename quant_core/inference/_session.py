"""ONNX Runtime as the evaluator of a graph: exact, alone, and one row at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.errors import InferenceError, UnavailableError

if TYPE_CHECKING:
    from quant_core.models import ModelSpec

__all__ = ["Session"]


class Session:
    """An ONNX Runtime session of one model, single-threaded and deterministic.

    A session computes every row by itself: its products over several rows add in another order
    than over one, and a graph may even mix rows.

    Parameters
    ----------
    data : bytes
        The ONNX file, verified.
    spec : ModelSpec
        What it must be.

    Raises
    ------
    InferenceError
        If ONNX Runtime cannot load the graph.
    UnavailableError
        If ONNX Runtime is not installed.
    """

    def __init__(self, data: bytes, spec: ModelSpec) -> None:
        self._name = spec.version
        self._dtype = np.dtype(spec.signature.dtype)
        self._session = _open(data, spec.version)
        self._input: str = self._session.get_inputs()[0].name
        self._output: list[str] = [self._session.get_outputs()[0].name]

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Return the prediction of each row, shape (R, F), computed alone.

        NaN where an input is not finite, which ONNX Runtime never sees, or the prediction is not.
        """
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(rows, dtype=self._dtype)
        found = np.full(len(values), np.nan)
        for row in np.flatnonzero(np.isfinite(values).all(axis=1)):
            result = self._run(values[row : row + 1])
            if result.size != 1:
                raise InferenceError(
                    f"model {self._name}: expected 1 prediction a row, found shape {result.shape}"
                )
            found[row] = result.reshape(())
        found[np.isinf(found)] = np.nan
        return found

    def block(self, rows: np.ndarray) -> np.ndarray:
        """Return the predictions of all rows from one call; the last bits depend on the others."""
        found = self._run(np.ascontiguousarray(rows, dtype=self._dtype))
        if found.size != len(rows):
            raise InferenceError(
                f"model {self._name}: expected {len(rows)} predictions, found shape {found.shape}"
            )
        return found.reshape(-1).astype(np.float64)

    def _run(self, values: np.ndarray) -> np.ndarray:
        try:
            return np.asarray(self._session.run(self._output, {self._input: values})[0])
        except Exception as error:  # its exceptions share no base but this
            raise InferenceError(f"model {self._name}: ONNX Runtime failed: {error}") from error


def _open(data: bytes, name: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise UnavailableError(
            "inference needs ONNX Runtime; install quant-assets[models] or quant-assets[live]"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base but this
        raise InferenceError(f"model {name}: ONNX Runtime cannot load it: {error}") from error
