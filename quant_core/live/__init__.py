"""The live strategy runner: ticks in, signals out."""

from quant_core.live._messages import (
    DEAD_LETTERS_SCHEMA,
    SIGNALS_SCHEMA,
    DeadLetter,
    TickBatch,
    dead_letters_table,
)
from quant_core.live._protocols import (
    METRICS,
    Polled,
    Served,
    Silent,
    Sink,
    StrategyStore,
    Telemetry,
    TickSource,
)
from quant_core.live._settings import Settings
from quant_core.live._strategy import Mode, Priority, StrategyRow

__all__ = [
    "DEAD_LETTERS_SCHEMA",
    "METRICS",
    "SIGNALS_SCHEMA",
    "DeadLetter",
    "Mode",
    "Polled",
    "Priority",
    "Served",
    "Settings",
    "Silent",
    "Sink",
    "StrategyRow",
    "StrategyStore",
    "Telemetry",
    "TickBatch",
    "TickSource",
    "dead_letters_table",
]
