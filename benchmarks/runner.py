"""Measure the strategy runner: latency at a fixed rate, throughput against a session a strategy.

``python benchmarks/runner.py [--ticks FILE...] [--seconds S] [--rate R] [--soak TICKS]``: 100
strategies (40 linear models, 40 perceptrons, 20 ensembles of 100 trees) on tick features read
Parquet files of quotes, as in ``quant runner replay``; without files the quotes are random. The
peer is the same runner with a session of ONNX Runtime for each strategy, called for every tick and
in the same batches. The latency is measured again with four strategies in Python beside them that
raise, hang, answer NaN and answer a wrong shape. ``--soak`` replays so many ticks and prints the
memory of the process.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from _faults import FAULTS

from quant_core.clock import clock
from quant_core.features import Feature, FeatureSet
from quant_core.live import (
    Engine,
    IsolatedLane,
    ParquetSink,
    ReplaySource,
    Runner,
    Settings,
    StrategyRow,
    open_model,
)
from quant_core.models import HistGradientBoosting, Linear, Mlp, ModelStore, Signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.live import Figures, Polled, Served, Signals

LINEAR, NETWORKS, TREES = 40, 40, 20
SAMPLE = 3_000  # ticks that models are trained on
MB = 1e6
SETS = (
    (("return", 1), ("zscore", 20), ("rsi", 14), ("ema", 10), ("volatility", 20), ("momentum", 10)),
    (
        ("return", 5),
        ("zscore", 50),
        ("rsi", 14),
        ("sma", 20),
        ("volatility", 50),
        ("bollinger", 20),
    ),
    (("return", 1), ("momentum", 50), ("efficiency_ratio", 20), ("ema", 30), ("rsi", 30)),
)


class Discard:
    """A sink that keeps nothing."""

    def emit(self, signals: Signals, dead: pa.Table) -> None:
        """Drop them."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Fixed:
    """A store of rows that never change."""

    def __init__(self, rows: Sequence[StrategyRow]) -> None:
        self._rows = list(rows)

    def revision(self) -> int:
        """Return the one revision."""
        return 1

    def rows(self) -> list[StrategyRow]:
        """Return the rows."""
        return self._rows

    def report(self, runner: str, served: Sequence[Served]) -> None:
        """Complain about strategies that should be served and are not."""
        wrong = [one for one in served if one.state in {"refused", "quarantined"}]
        wrong = [one for one in wrong if one.strategy not in FAULTS]
        assert not wrong, (runner, wrong[0])


class Watched(ReplaySource):
    """A replay that notes the memory of the process, in megabytes."""

    def __init__(self, files: Sequence[str], limit: int, every: int) -> None:
        super().__init__(files, limit=limit)
        self._every, self._polled = every, 0
        self.memory: list[float] = []

    def poll(self, limit: int, timeout: float) -> Polled:
        """Poll, and read the memory now and then."""
        polled = super().poll(limit, timeout)
        self._polled += len(polled.ticks)
        if self._polled >= self._every * (len(self.memory) + 1):
            self.memory.append(psutil.Process().memory_full_info().uss / MB)
        return polled


def stand_in(folder: Path) -> list[str]:
    """Write random quotes of three instruments."""
    files = []
    for name, seed in (("AAA", 1), ("BBB", 2), ("CCC", 3)):
        draw = np.random.default_rng(seed)
        ts = np.cumsum(draw.integers(1, 10**9, 400_000))
        middle = 100 * np.exp(np.cumsum(draw.standard_normal(400_000) * 1e-4))
        half = draw.integers(1, 20, 400_000) * 1e-4
        file = folder / f"{name}.parquet"
        pq.write_table(pa.table({"ts": ts, "bid": middle - half, "ask": middle + half}), file)
        files.append(str(file))
    return files


def trained(files: Sequence[str], folder: Path) -> dict[str, list[StrategyRow]]:
    """Train the strategies on the first quotes of the first file."""
    polled = ReplaySource(files[:1], limit=SAMPLE).poll(SAMPLE, 0.0)
    prices = polled.ticks.price
    target = np.append(np.diff(np.log(prices)), 0.0) * 1e4
    store = ModelStore(str(folder / "models"))
    kinds: dict[str, tuple[Any, int]] = {
        "linear": (Linear(), LINEAR),
        "network": (Mlp(hidden=(32, 16), epochs=10), NETWORKS),
        "trees": (HistGradientBoosting(trees=100), TREES),
    }
    rows: dict[str, list[StrategyRow]] = {}
    for kind, (model, count) in kinds.items():
        rows[kind] = []
        for number in range(count):
            features = feature_set(number)
            values = features.batch(prices[:, None])[:, 0]
            whole = np.flatnonzero(np.isfinite(values).all(axis=1))[number:]
            fitted = model.fit(values[whole], target[whole], seed=number)
            spec = store.put(
                fitted.to_onnx(),
                framework=fitted.framework,
                version=f"{kind}-{number}",
                signature=Signature(inputs=values.shape[1]),
                feature_hash=features.hash,
            )
            rows[kind].append(
                StrategyRow(name=f"{kind}-{number:02d}", features=features, model=spec, seed=number)
            )
    return rows


def feature_set(number: int) -> FeatureSet:
    """Return one of the feature sets."""
    chosen = SETS[number % len(SETS)]
    return FeatureSet(features=tuple(Feature(kind=kind, window=w) for kind, w in chosen))  # type: ignore[arg-type]


def run(
    rows: Sequence[StrategyRow],
    source: ReplaySource,
    sink: Any,
    *,
    backend: Literal["auto", "onnxrt"] = "auto",
    batch: int = 512,
    paced: bool = False,
    lane: IsolatedLane | None = None,
) -> tuple[Figures, Engine]:
    """Run strategies on a source."""
    settings = Settings(max_batch=batch)
    engine = Engine(settings, open_model, isolated=lane, backend=backend)
    runner = Runner(source, sink, engine, Fixed(rows), settings, drain=paced)
    return runner.run(), engine


def latency(rows: Sequence[StrategyRow], files: Sequence[str], rate: float, seconds: float) -> None:
    """Print quantiles at a fixed rate."""
    with tempfile.TemporaryDirectory() as out, ParquetSink(out) as sink:
        source = ReplaySource(files, rate, limit=int(rate * seconds))
        figures, engine = run(rows, source, sink, paced=True)
    print(f"{rate:,.0f} ticks/s, {len(rows)} strategies: {_told(figures, engine)}")


def faults(rows: Sequence[StrategyRow], files: Sequence[str], rate: float, seconds: float) -> None:
    """Print quantiles of the same strategies beside some that misbehave."""
    python = [
        StrategyRow(name=name, features=rows[0].features, python=f"_faults:{name}")
        for name in FAULTS
    ]
    with (
        tempfile.TemporaryDirectory() as out,
        ParquetSink(out) as sink,
        IsolatedLane(Settings()) as lane,
    ):
        source = ReplaySource(files, rate, limit=int(rate * seconds))
        figures, engine = run([*rows, *python], source, sink, paced=True, lane=lane)
    states = {one.strategy: one.state for one in engine.served()}
    quarantined = ", ".join(name for name in FAULTS if states[name] == "quarantined")
    print(f"  and {len(FAULTS)} that misbehave: {_told(figures, engine)}")
    print(f"  in quarantine: {quarantined}")


def _told(figures: Figures, engine: Engine) -> str:
    dropped = figures.dropped_ticks
    dropped += sum(count for (name, _), count in engine.drops.items() if name not in FAULTS)
    p50, p99, p999 = (1e3 * one for one in figures.latencies.quantiles([0.5, 0.99, 0.999]))
    return (
        f"{figures.ticks:,} ticks, {figures.signals:,} signals, p50 {p50:.2f} ms, "
        f"p99 {p99:.2f} ms, p99.9 {p999:.2f} ms, {dropped} drops"
    )


def throughput(
    rows: Sequence[StrategyRow],
    files: Sequence[str],
    ticks: int,
    *,
    backend: Literal["auto", "onnxrt"] = "auto",
    batch: int = 512,
) -> float:
    """Return ticks per second, as fast as possible."""
    source = ReplaySource(files, limit=ticks)
    figures, _ = run(rows, source, Discard(), backend=backend, batch=batch)
    return figures.ticks / (figures.ended - figures.started)


def compare(name: str, rows: Sequence[StrategyRow], files: Sequence[str], ticks: int) -> None:
    """Print the throughput of the runner and of the peer."""
    own = throughput(rows, files, ticks)
    alone = throughput(rows, files, max(200, ticks // 100), backend="onnxrt", batch=1)
    batched = throughput(rows, files, ticks // 4, backend="onnxrt")
    print(f"{name + ', runner':<56}{own:>12,.0f}")
    print(f"{'  a session a strategy, every tick':<56}{alone:>12,.0f}{own / alone:>9,.1f}x")
    print(
        f"{'  a session a strategy, in batches of 512':<56}{batched:>12,.0f}{own / batched:>9,.1f}x"
    )


def soak(rows: Sequence[StrategyRow], files: Sequence[str], ticks: int) -> None:
    """Print the memory of the process over many ticks."""
    source = Watched(files, ticks, max(1, ticks // 10))
    started = clock().seconds()
    with tempfile.TemporaryDirectory() as out, ParquetSink(out) as sink:
        figures, _ = run(rows, source, sink)
    memory = " ".join(f"{one:,.0f}" for one in source.memory)
    print(
        f"{figures.ticks:,} ticks, {figures.signals:,} signals into a file in "
        f"{clock().seconds() - started:,.0f} s; MB at each tenth: {memory}"
    )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", nargs="*", help="Parquet files of quotes")
    parser.add_argument("--returns", help="ignored: a runner reads ticks")
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--count", type=int, default=40_000, help="ticks of a throughput")
    parser.add_argument("--soak", type=int, default=0, metavar="TICKS")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = arguments.ticks or stand_in(folder)
        print("real quotes" if arguments.ticks else "random quotes: no --ticks were given")
        rows = trained(files, folder)
        every = [row for kind in rows.values() for row in kind]
        latency(every, files, arguments.rate, arguments.seconds)
        faults(every, files, arguments.rate, arguments.seconds)
        print(f"{'ticks per second':<56}{'':>12}{'ratio':>10}")
        compare(
            "80 linear models and perceptrons",
            rows["linear"] + rows["network"],
            files,
            arguments.count,
        )
        compare("20 ensembles of 100 trees", rows["trees"], files, arguments.count)
        print(f"{'all 100, runner':<56}{throughput(every, files, arguments.count):>12,.0f}")
        if arguments.soak:
            soak(every, files, arguments.soak)


if __name__ == "__main__":
    main()
