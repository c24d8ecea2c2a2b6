"""Strategies of a constant, ticks of a table, and what a runner needs around it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.clock import clock
from quant_core.errors import ModelError
from quant_core.features import Feature, FeatureSet
from quant_core.live import DeadLetter, Polled, Served, StrategyRow, TickBatch
from quant_core.models import ModelSpec, Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from quant_core.live import Signals

SMA_2 = FeatureSet(features=(Feature(kind="sma", window=2),))


@dataclass
class Constant:
    """Predicts the number that its version is, and NaN from a price of 100 on if told to."""

    spec: ModelSpec
    breaks: bool = False

    def predict(self, rows: np.ndarray) -> np.ndarray:
        said = np.full(len(rows), float(self.spec.version))
        if self.breaks:
            said[rows[:, 0] >= 100.0] = math.nan
        return said


def open_constant(spec: ModelSpec) -> Constant:
    if spec.uri == "refused":
        raise ModelError("refused: expected another model")
    return Constant(spec, breaks=spec.uri == "breaks")


def strategy(name: str, version: str = "0.5", uri: str = "model", **fields: Any) -> StrategyRow:
    features = fields.pop("features", SMA_2)
    model = ModelSpec(
        uri=uri,
        sha256="0" * 64,
        framework="none",
        version=version,
        signature=Signature(inputs=len(features.features)),
        feature_hash=features.hash,
    )
    given = {"decision": {"kind": "scaled"}} | fields
    return StrategyRow(name=name, features=features, model=model, **given)


def tick_batch(rows: Sequence[tuple[Any, ...]], first: int = 0, received: float = 0.0) -> TickBatch:
    """Return ticks of (instrument, ts, price, bid?, ask?, size?), offsets from ``first`` on."""
    names = tuple(dict.fromkeys(row[0] for row in rows))
    padded = [(*row[2:], *[math.nan] * 4)[:4] for row in rows]
    columns = np.array(padded, dtype=np.float64).reshape(len(rows), 4)
    return TickBatch(
        names=names,
        instrument=np.array([names.index(row[0]) for row in rows], dtype=np.int32),
        ts=np.array([row[1] for row in rows], dtype=np.int64),
        price=columns[:, 0].copy(),
        bid=columns[:, 1].copy(),
        ask=columns[:, 2].copy(),
        size=columns[:, 3].copy(),
        partition=np.zeros(len(rows), dtype=np.int32),
        offset=np.arange(first, first + len(rows), dtype=np.int64),
        received=np.full(len(rows), received),
    )


@dataclass
class Scripted:
    """A source that hands out what it was given, poll by poll, and sleeps through its timeouts."""

    polls: list[Polled]
    name: str = "script"
    committed: list[Mapping[int, int] | None] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    def poll(self, limit: int, timeout: float) -> Polled:
        self.limits.append(limit)
        if not self.polls:
            clock().sleep(timeout)
            return Polled(tick_batch([]), end=True)
        return self.polls.pop(0)

    def commit(self, upto: Mapping[int, int] | None = None) -> None:
        self.committed.append(upto)

    def close(self) -> None:
        raise AssertionError("the runner closes no source of others")


@dataclass
class Kept:
    """A sink that keeps everything."""

    signals: list[dict[str, Any]] = field(default_factory=list)
    dead: list[dict[str, Any]] = field(default_factory=list)
    emitted: int = 0
    flushed: list[int] = field(default_factory=list)

    def emit(self, signals: Signals, dead: pa.Table) -> None:
        self.signals += signals.table().to_pylist()
        self.dead += dead.to_pylist()
        self.emitted += 1

    def flush(self) -> None:
        self.flushed.append(len(self.signals))

    def close(self) -> None:
        raise AssertionError("the runner closes no sink of others")


@dataclass
class Rows:
    """A store whose rows a test changes."""

    found: list[StrategyRow]
    number: int = 1
    reports: list[list[Served]] = field(default_factory=list)
    fails: Exception | None = None

    def put(self, *rows: StrategyRow) -> None:
        names = {row.name for row in rows}
        self.found = [row for row in self.found if row.name not in names] + list(rows)
        self.number += 1

    def revision(self) -> int:
        if self.fails is not None:
            raise self.fails
        return self.number

    def rows(self) -> list[StrategyRow]:
        return list(self.found)

    def report(self, runner: str, served: Sequence[Served]) -> None:
        assert runner == "runner"
        self.reports.append(list(served))


class Counted:
    """Telemetry that keeps every figure."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, ...], float] = {}
        self.gauges: dict[tuple[str, ...], float] = {}
        self.observed: dict[tuple[str, ...], list[float]] = {}
        self.tracing = False
        self.spans: list[tuple[str, float, float, dict[str, Any]]] = []

    @staticmethod
    def _key(name: str, labels: Mapping[str, str]) -> tuple[str, ...]:
        return (name, *(f"{key}={labels[key]}" for key in sorted(labels)))

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        key = self._key(name, labels)
        self.counts[key] = self.counts.get(key, 0.0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.gauges[self._key(name, labels)] = value

    def observe(self, name: str, values: Sequence[float], **labels: str) -> None:
        self.observed.setdefault(self._key(name, labels), []).extend(values)

    def span(
        self, name: str, started: float, seconds: float, attributes: Mapping[str, Any]
    ) -> None:
        self.spans.append((name, started, seconds, dict(attributes)))

    def exposition(self) -> bytes:
        return b"figures\n"


class Kit:
    """What the tests of this folder share."""

    constant = staticmethod(open_constant)
    strategy = staticmethod(strategy)
    ticks = staticmethod(tick_batch)
    letter = DeadLetter
    polled = Polled
    source = Scripted
    sink = Kept
    store = Rows
    telemetry = Counted
    features = SMA_2


@pytest.fixture
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def emitted() -> Callable[[pa.Table], list[tuple[Any, ...]]]:
    def chosen(signals: pa.Table) -> list[tuple[Any, ...]]:
        return [(row["signal_id"], row["signal"]) for row in signals.to_pylist()]

    return chosen
