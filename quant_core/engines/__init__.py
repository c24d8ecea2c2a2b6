"""Who solves: engines behind one protocol, and what they answer."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from quant_core.engines._engine import Engine, EngineSpec
from quant_core.engines.native import NativeEngine

__all__ = ["ENGINES", "Engine", "EngineSpec", "NativeEngine"]

ENGINES: Mapping[str, Callable[[], Engine]] = MappingProxyType({"native": NativeEngine})
"""What makes an engine, by its name, sorted. Making one loads nothing heavy."""
