"""From the spec of a model to what evaluates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.inference import RemoteModel, load
from quant_core.models import read_model, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from quant_core.inference import Predictor
    from quant_core.live._settings import Settings
    from quant_core.models import ModelSpec

__all__ = ["model_opener", "open_model"]

_INPUT = "features"  # what our conversion to ONNX calls it


def model_opener(settings: Settings) -> Callable[[ModelSpec], Predictor]:
    """Return what opens models: `open_model`, or the server of ``remote_inference_url``.

    The server knows a model by its SHA-256, and its input as ``features``.
    """
    url = settings.remote_inference_url
    if url is None:
        return open_model
    return lambda spec: RemoteModel(spec, url, input_name=_INPUT)


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
