"""Who solves: engines behind one protocol, and what they answer."""

from quant_core.engines._comparison import Match, compare_engines
from quant_core.engines._engine import Engine, EngineSpec
from quant_core.engines._registry import ENGINES
from quant_core.engines.native import NativeEngine

__all__ = ["ENGINES", "Engine", "EngineSpec", "Match", "NativeEngine", "compare_engines"]
