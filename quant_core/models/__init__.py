"""Models: trained walk-forward, converted to ONNX, kept by checksum."""

from quant_core.models._spec import ModelSpec, Signature

__all__ = ["ModelSpec", "Signature"]
