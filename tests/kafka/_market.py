"""Ticks, strategies, runners as processes, and what an uninterrupted run makes of the ticks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.clock import generator
from quant_core.decisions import Scaled
from quant_core.features import Feature, FeatureSet
from quant_core.live import Engine, Settings, StrategyRow, open_model
from quant_core.models import Linear, ModelStore
from resources.kafka._ticks import Tick, tick_batch, tick_of
from resources.strategy_database import StrategyDatabase
from tests.kafka._broker import Broker, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

QUANT = Path(sys.executable).with_name("quant")
SECOND = 1_000_000_000
WINDOWS = (5, 20, 60)

type Quote = tuple[str, int, float, float]


def drawn_quotes(instruments: int, count: int) -> list[Quote]:
    """Return quotes of instruments that take turns: random walks."""
    draw = generator(7, "quotes")
    middle = 100 * np.exp(np.cumsum(draw.normal(0, 1e-4, (count, instruments)), axis=0))
    return [
        (f"I{place}", (row * instruments + place) * SECOND, price - 0.01, price + 0.01)
        for row, prices in enumerate(middle.tolist())
        for place, price in enumerate(prices)
    ]


def write_strategies(folder: Path) -> str:
    """Write a database of linear strategies over ticks and bars, and return its URL."""
    draw = generator(7, "models")
    url = f"sqlite:///{folder}/strategies.db"
    store = ModelStore(str(folder / "models"))
    with StrategyDatabase(url) as database:
        for window in WINDOWS:
            for sampling in ("tick", "1m"):
                features = FeatureSet(
                    features=(
                        Feature(kind="zscore", window=window),
                        Feature(kind="momentum", window=window),
                    ),
                    sampling=sampling,
                )
                fitted = Linear().fit(draw.normal(size=(50, 2)), draw.normal(size=50), seed=0)
                spec = store.put(
                    fitted.to_onnx(),
                    framework=fitted.framework,
                    signature=fitted.signature,
                    feature_hash=features.hash,
                )
                name = f"linear-{sampling}-{window}"
                row = StrategyRow(name=name, features=features, model=spec, decision=Scaled())
                database.put(row, by="test")
    return url


def signals_of(value: bytes) -> list[dict[str, Any]]:
    """Return the signals of a message, as its readers take it apart."""
    message = json.loads(value)
    return [
        {"signal_id": f"{message['correlation_id']}/{strategy}"}
        | {name: one[place] if isinstance(one, list) else one for name, one in message.items()}
        for place, strategy in enumerate(message["strategy"])
    ]


@dataclass
class Market:
    """Topics of a test, what is sent to them and what comes of it."""

    broker: Broker
    name: str
    folder: Path
    strategies: str = field(init=False)

    def __post_init__(self) -> None:
        self.strategies = write_strategies(self.folder)
        topics = {f"{self.name}_ticks": 2, f"{self.name}_signals": 2, f"{self.name}_dlq": 1}
        self.broker.create(**topics)

    def send(self, quotes: Iterable[Quote]) -> None:
        """Send quotes and wait until they are acknowledged."""
        from kafka import KafkaProducer

        producer = KafkaProducer(bootstrap_servers=self.broker.address)
        for instrument, ts, bid, ask in quotes:
            body = json.dumps({"instrument": instrument, "ts": ts, "bid": bid, "ask": ask})
            producer.send(f"{self.name}.ticks", value=body.encode(), key=instrument.encode())
        producer.flush()
        producer.close()

    @contextmanager
    def runner(self, *, commit_seconds: float = 0.1) -> Iterator[subprocess.Popen[bytes]]:
        """Run ``quant runner serve`` as a process."""
        topics = ["--topic", f"{self.name}.ticks", "--signals", f"{self.name}.signals"]
        topics += ["--dlq", f"{self.name}.dlq", "--group", self.name]
        command = [str(QUANT), "runner", "serve", "--brokers", self.broker.address]
        settings = {
            "KAFKA__START": "earliest",
            "KAFKA__SESSION_SECONDS": "3",
            "STRATEGY__COMMIT_SECONDS": str(commit_seconds),
        }
        with (self.folder / "runner.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--strategies", self.strategies, *topics],
                env=os.environ | settings,
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def signals(self) -> dict[str, list[Any]]:
        """Return what was sent for every signal id, duplicates too."""
        found = defaultdict(list)
        for message in self.broker.messages(f"{self.name}.signals"):
            for one in signals_of(message.value):
                found[one.pop("signal_id")].append(one)
        return dict(found)

    def expected(self) -> dict[str, Any]:
        """Return the signals of one run over all ticks, without Kafka."""
        with StrategyDatabase(self.strategies) as database:
            rows = database.rows()
        engine = Engine(Settings(), open_model)
        engine.apply(rows)
        ticks = [tick_of(record) for record in self.broker.messages(f"{self.name}.ticks")]
        batch = tick_batch([tick for tick in ticks if isinstance(tick, Tick)], 0.0)
        outcome = engine.process(batch, source=f"{self.name}.ticks")
        assert outcome.dead.num_rows == 0
        columns = ("signal_id", "prediction", "signal", "model_version", "feature_hash")
        return {one["signal_id"]: one for one in outcome.signals.select(columns).to_pylist()}

    def wait_for_signals(self, count: int) -> dict[str, list[Any]]:
        """Return the signals once there are so many different ones."""

        def enough() -> dict[str, list[Any]] | None:
            found = self.signals()
            return found if len(found) >= count else None

        try:
            found: dict[str, list[Any]] = wait_for(enough, seconds=120)
        except TimeoutError:
            log = (self.folder / "runner.log").read_text(errors="replace")
            raise TimeoutError(f"{len(self.signals())} of {count} signals; {log[-3000:]}") from None
        return found

    def check(self, found: dict[str, list[Any]]) -> int:
        """Compare signals with those of an uninterrupted run; return how many came twice."""
        expected = self.expected()
        assert found.keys() == expected.keys()
        for name, wanted in expected.items():
            for one in found[name]:
                assert {key: one[key] for key in wanted if key != "signal_id"} == {
                    key: value for key, value in wanted.items() if key != "signal_id"
                }, name
        return sum(len(ones) - 1 for ones in found.values())
