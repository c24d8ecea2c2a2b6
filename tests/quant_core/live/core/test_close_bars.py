# Stubs take what the protocol gives.
# ruff: noqa: ARG002

"""The end of a replay closes the bars that are open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.features import Feature, FeatureSet
from quant_core.live import Engine, ParquetSink, ReplaySource, Runner, Settings

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400 * 10**9
DAILY = FeatureSet(features=(Feature(kind="sma", window=3, relative=True),), sampling="1d")


class Last:
    """Predicts its first feature."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return rows[:, 0].copy()


def engine_of(*rows: Any) -> Engine:
    engine = Engine(Settings(), Last)
    engine.apply(list(rows))
    return engine


@pytest.mark.parametrize("batch", [1, 7, 4096])
def test_daily_bars_of_a_replay_are_those_of_research_the_last_one_too(
    kit: Any, tmp_path: Path, batch: int
) -> None:
    draw = np.random.default_rng(5)
    closes = 50.0 * np.exp(np.cumsum(draw.standard_normal((30, 2)) * 1e-2, axis=0))
    files = []
    for column, name in enumerate(("B", "A")):
        ts = np.arange(30) * DAY + 20 * 3600 * 10**9
        files.append(str(tmp_path / f"{name}.parquet"))
        pq.write_table(pa.table({"ts": ts, "price": closes[:, column]}), files[-1])
    settings = Settings(max_batch=batch)
    store = kit.store([kit.strategy("s", features=DAILY)])
    with ParquetSink(tmp_path / "out") as sink:
        engine, source = Engine(settings, Last), ReplaySource(files)
        Runner(source, sink, engine, store, settings, drain=False).run()
        source.close()
    table = pq.read_table(tmp_path / "out/signals.parquet")
    values = DAILY.batch(closes)[:, :, 0]
    for column, name in enumerate(("B", "A")):
        own = table.filter(pa.compute.equal(table["instrument"].cast(pa.string()), name))
        complete = values[np.isfinite(values[:, column]), column]
        assert own["prediction"].to_pylist() == complete.tolist()
        assert own["ts"].cast(pa.int64()).to_pylist()[-1] == 30 * DAY
    assert table["signal_id"].to_pylist()[-2:] == ["replay/-1/0/s", "replay/-1/1/s"]


def test_signals_of_closed_bars_say_what_they_are_of(kit: Any) -> None:
    minutes = FeatureSet(features=DAILY.features, sampling="1m")
    rows = [kit.strategy("day", features=DAILY), kit.strategy("minute", features=minutes)]
    engine = engine_of(*rows, kit.strategy("tick"))
    ticks = [(name, k * DAY, 1.0 + k) for k in range(3) for name in ("B", "A")]
    engine.process(kit.ticks(ticks))
    closed = engine.close_bars(source="replay")
    found = [
        (row["signal_id"], row["instrument"], row["ts"].value // 10**9)
        for row in closed.signals.to_pylist()
    ]
    assert found == [
        ("replay/-1/0/day", "A", 3 * 86_400),
        ("replay/-1/1/day", "B", 3 * 86_400),
        ("replay/-1/0/minute", "A", 2 * 86_400 + 60),
        ("replay/-1/1/minute", "B", 2 * 86_400 + 60),
    ]
    assert closed.accepted == 0
    assert engine.close_bars().signals.num_rows == 0


def test_a_tick_within_a_closed_bar_is_a_dead_letter(kit: Any) -> None:
    engine = engine_of(kit.strategy("day", features=DAILY))
    engine.process(kit.ticks([("A", 0, 1.0)]))
    engine.close_bars()
    late = engine.process(kit.ticks([("A", 5, 1.0), ("A", DAY, 1.0)]))
    assert late.dead.column("reason").to_pylist() == ["out_of_order"]
    assert late.accepted == 1


def test_no_bar_is_closed_by_a_stop(kit: Any) -> None:
    class Endless(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            runner.stop()
            return kit.polled(kit.ticks([("A", k * DAY, 1.0) for k in range(3)]))

    sink, settings = kit.sink(), Settings()
    store = kit.store([kit.strategy("day", features=DAILY)])
    runner = Runner(Endless([]), sink, Engine(settings, Last), store, settings)
    runner.run()
    assert sink.signals == []
