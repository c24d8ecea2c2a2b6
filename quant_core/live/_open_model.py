"""From the spec of a model to what evaluates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.inference import load
from quant_core.models import read_model, refuse

if TYPE_CHECKING:
    from quant_core.inference import Predictor
    from quant_core.models import ModelSpec

__all__ = ["open_model"]


def open_model(spec: ModelSpec) -> Predictor:
    """Read a model from where it lies, refuse it or load it.

    Raises
    ------
    ModelError
        If it is not there, or not what its spec says; nothing has evaluated it then.
    InferenceError
        If ONNX Runtime cannot load it.
    UnavailableError
        If onnx or ONNX Runtime is not installed.
    """
    data = read_model(spec)
    refuse(spec, data)
    return load(data, spec)
