"""The live strategy runner: ticks in, signals out.

Names are imported where they are first asked for: a worker process of strategies in Python needs
neither the engine nor the compiler.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quant_core.live._engine import Engine, Outcome
    from quant_core.live._file_strategies import FileStrategies, open_strategies
    from quant_core.live._latency import Latencies
    from quant_core.live._loading import Changes, Prepared
    from quant_core.live._messages import (
        DEAD_LETTERS_SCHEMA,
        SIGNALS_SCHEMA,
        DeadLetter,
        TickBatch,
        dead_letters_table,
    )
    from quant_core.live._open_model import model_opener, open_model
    from quant_core.live._protocols import (
        METRICS,
        Log,
        Polled,
        Served,
        Silent,
        Sink,
        StrategyStore,
        Telemetry,
        TickSource,
        Unlogged,
    )
    from quant_core.live._python_strategy import (
        Block,
        DecisionPostProcessor,
        FeatureExtractor,
        ModelPredictor,
        PythonStrategy,
    )
    from quant_core.live._quarantine import CircuitBreaker, Quarantine, Standing
    from quant_core.live._runner import Figures, Runner
    from quant_core.live._settings import Settings
    from quant_core.live._signals import Drawn, Signals
    from quant_core.live._strategy import Mode, Priority, StrategyRow
    from quant_core.live.isolated._lane import IsolatedLane
    from quant_core.live.isolated._messages import Dropped, Failure, Result, Serving, Work
    from quant_core.live.journal._json_log import JsonLog, opened_log
    from quant_core.live.replay._sink import ParquetSink
    from quant_core.live.replay._source import ReplaySource

__all__ = [
    "DEAD_LETTERS_SCHEMA",
    "METRICS",
    "SIGNALS_SCHEMA",
    "Block",
    "Changes",
    "CircuitBreaker",
    "DeadLetter",
    "DecisionPostProcessor",
    "Drawn",
    "Dropped",
    "Engine",
    "Failure",
    "FeatureExtractor",
    "Figures",
    "FileStrategies",
    "IsolatedLane",
    "JsonLog",
    "Latencies",
    "Log",
    "Mode",
    "ModelPredictor",
    "Outcome",
    "ParquetSink",
    "Polled",
    "Prepared",
    "Priority",
    "PythonStrategy",
    "Quarantine",
    "ReplaySource",
    "Result",
    "Runner",
    "Served",
    "Serving",
    "Settings",
    "Signals",
    "Silent",
    "Sink",
    "Standing",
    "StrategyRow",
    "StrategyStore",
    "Telemetry",
    "TickBatch",
    "TickSource",
    "Unlogged",
    "Work",
    "dead_letters_table",
    "model_opener",
    "open_model",
    "open_strategies",
    "opened_log",
]

_MODULES = {
    "_engine": (
        "Engine",
        "Outcome",
    ),
    "_file_strategies": (
        "FileStrategies",
        "open_strategies",
    ),
    "isolated._lane": ("IsolatedLane",),
    "isolated._messages": (
        "Dropped",
        "Failure",
        "Result",
        "Serving",
        "Work",
    ),
    "journal._json_log": (
        "JsonLog",
        "opened_log",
    ),
    "_latency": ("Latencies",),
    "_loading": (
        "Changes",
        "Prepared",
    ),
    "_messages": (
        "DEAD_LETTERS_SCHEMA",
        "DeadLetter",
        "SIGNALS_SCHEMA",
        "TickBatch",
        "dead_letters_table",
    ),
    "_open_model": (
        "model_opener",
        "open_model",
    ),
    "replay._sink": ("ParquetSink",),
    "_protocols": (
        "Log",
        "METRICS",
        "Polled",
        "Served",
        "Silent",
        "Sink",
        "StrategyStore",
        "Telemetry",
        "TickSource",
        "Unlogged",
    ),
    "_python_strategy": (
        "Block",
        "DecisionPostProcessor",
        "FeatureExtractor",
        "ModelPredictor",
        "PythonStrategy",
    ),
    "_quarantine": (
        "CircuitBreaker",
        "Quarantine",
        "Standing",
    ),
    "replay._source": ("ReplaySource",),
    "_runner": (
        "Figures",
        "Runner",
    ),
    "_settings": ("Settings",),
    "_signals": (
        "Drawn",
        "Signals",
    ),
    "_strategy": (
        "Mode",
        "Priority",
        "StrategyRow",
    ),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
