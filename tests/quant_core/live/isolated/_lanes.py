"""Rows and blocks for strategies in Python, and a watch on the processes that they run in."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from quant_core.clock import SystemClock
from quant_core.features import Feature, FeatureSet
from quant_core.live import Block, IsolatedLane, StrategyRow, Work

FEATURES = FeatureSet(features=(Feature(kind="return", window=1),))


def row(name: str, factory: str = "good", **fields: Any) -> StrategyRow:
    parameters = fields.pop("parameters", {})
    return StrategyRow(
        name=name,
        python=f"tests.quant_core.live.isolated._misbehaving:{factory}",
        features=FEATURES,
        parameters=parameters,
        budget_ms=fields.pop("budget_ms", 60_000.0),
        **fields,
    )


def block(count: int = 3, history: int = 0) -> Block:
    return Block(
        ("AAPL",),
        np.zeros(count, dtype=np.int32),
        np.arange(count, dtype=np.int64),
        np.linspace(-0.5, 0.5, count)[:, None],
        np.zeros((count, history)),
    )


def call(lane: IsolatedLane, *names: str, count: int = 3, context: Any = None) -> None:
    for name in names:
        served = lane.serving()[name]
        lane.submit(Work(served.row, block(count, served.history), context))


def running(pid: int) -> bool:
    """Say whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


def until(condition: Callable[[], bool], what: str) -> None:
    """Poll; a patience of minutes is no bound on speed, it ends a test that would hang."""
    system = SystemClock()
    end = system.seconds() + 120.0
    while not condition():
        assert system.seconds() < end, f"waited in vain for {what}"
        system.sleep(0.005)
