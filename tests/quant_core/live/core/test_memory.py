from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import numpy as np

from quant_core.live import Engine, Settings


def test_the_engine_holds_no_more_after_many_ticks(kit: Any) -> None:
    engine = Engine(Settings(max_failures=1), kit.constant)
    engine.apply([kit.strategy("bad", "nan"), kit.strategy("s"), kit.strategy("t", emit="change")])
    names = ("A", "B", "C")

    def push(start: int, count: int) -> None:
        for first in range(start, start + count, 500):
            rows = [(names[k % 3], k, 1.0 + k % 5) for k in range(first, first + 500)]
            engine.process(kit.ticks(rows, first=first))

    push(0, 5_000)
    gc.collect()
    tracemalloc.start()
    try:
        push(5_000, 5_000)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        push(10_000, 25_000)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after - before < 16_000  # a byte a tick would be 25,000
    assert np.isfinite(engine.utilization)
