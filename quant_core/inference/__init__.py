"""From ONNX files to predictions: stacked, packed, or a session."""

from quant_core.inference._bank import ModelBank, Predictor
from quant_core.inference._model import Backend, Model, load
from quant_core.inference._pack import warm
from quant_core.inference._remote import RemoteModel

__all__ = ["Backend", "Model", "ModelBank", "Predictor", "RemoteModel", "load", "warm"]
