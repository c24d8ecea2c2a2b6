"""From ONNX files to predictions: stacked, packed, or a session."""

from quant_core.inference._bank import ModelBank
from quant_core.inference._model import Backend, Model, load

__all__ = ["Backend", "Model", "ModelBank", "load"]
