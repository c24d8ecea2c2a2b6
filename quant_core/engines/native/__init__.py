"""The engine of this library: active sets, coordinate descent and spanning trees, compiled."""

from quant_core.engines.native._engine import NativeEngine

__all__ = ["NativeEngine"]
