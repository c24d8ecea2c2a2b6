"""Messages of ticks, signals and dead letters, without a broker."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from quant_core.live import SIGNALS_SCHEMA, DeadLetter
from resources.kafka._partitions import partitioner
from resources.kafka._signals import LONGEST, SignalMessages
from resources.kafka._ticks import LONGEST_PAYLOAD, Tick, tick_batch, tick_of
from tests.kafka._market import signals_of

NAN = float("nan")


def signals(ticks: int, strategies: int) -> pa.Table:
    n = ticks * strategies
    correlation = [f't "x"/{i}' for i in range(ticks) for _ in range(strategies)]
    names = [f"s{j}" for _ in range(ticks) for j in range(strategies)]
    predictions = np.arange(n) / 7
    predictions[::5] = NAN
    return pa.table(
        {
            "signal_id": [f"{c}/{s}" for c, s in zip(correlation, names, strict=True)],
            "correlation_id": correlation,
            "ts": np.repeat(np.arange(ticks), strategies) + 1_400_000_000_123_456_789,
            "instrument": ["EUR\\USD é"] * n,
            "strategy": names,
            "model_version": [f"v{j % 3}" for j in range(n)],
            "feature_hash": ["ff"] * n,
            "mode": ["live", "shadow"] * (n // 2),
            "prediction": predictions,
            "signal": np.sign(np.arange(n) - 3.0),
            "seed": [7] * n,
        }
    ).cast(SIGNALS_SCHEMA)


@pytest.mark.parametrize(("ticks", "strategies"), [(1, 2), (3, 4), (30, 40), (1, 2 * LONGEST + 2)])
def test_every_signal_is_in_the_message_of_its_tick(ticks: int, strategies: int) -> None:
    table = signals(ticks, strategies)
    found = []
    for key, value, _ in SignalMessages().of(table):
        message = json.loads(value)
        assert message["instrument"] == key.decode()
        assert (message["feature_hash"], message["seed"]) == ("ff", 7)  # once, as all rows have it
        assert len(message["signal"]) <= LONGEST
        found += signals_of(value)
    expected = table.to_pylist()
    assert len(found) == len(expected)
    instants = np.datetime_as_string(table["ts"].to_numpy()).tolist()
    for one, wanted, instant in zip(found, expected, instants, strict=True):
        wanted["ts"] = f"{instant}Z"
        if np.isnan(wanted["prediction"]):
            wanted["prediction"] = None
        assert one == wanted


def test_rows_of_a_correlation_id_that_follow_each_other_are_a_message() -> None:
    names = ["t/1", "t/2", "t/2", "t/10", "t/10", "t/11", "t/2"]
    table = signals(8, 1).slice(1)
    table = table.set_column(1, "correlation_id", pa.array(names))
    messages = SignalMessages()

    def found(part: pa.Table) -> list[tuple[str, int]]:
        said = (json.loads(value) for _, value, _ in messages.of(part))
        return [(one["correlation_id"], len(one["signal"])) for one in said]

    assert found(table) == [("t/1", 1), ("t/2", 2), ("t/10", 2), ("t/11", 1), ("t/2", 1)]
    assert found(table.slice(1, 2)) == [("t/2", 2)]
    assert found(table.slice(2, 2)) == [("t/2", 1), ("t/10", 1)]
    assert found(pa.concat_tables([table.slice(1, 1), table.slice(2, 3)])) == [
        ("t/2", 2),
        ("t/10", 2),
    ]


def test_what_is_encoded_once_is_encoded_anew_for_other_strategies() -> None:
    messages = SignalMessages()
    for strategies in (2, 4, 2):
        for versions in (["a", "b"], ["b", "a"]):
            table = signals(3, strategies)
            table = table.set_column(
                5, "model_version", pa.array(versions * (3 * strategies // 2)).dictionary_encode()
            )
            for _, value, _ in messages.of(table):
                message = json.loads(value)
                assert message["strategy"] == [f"s{j}" for j in range(strategies)]
                assert message["model_version"] == versions * (strategies // 2)


def test_a_key_has_the_partition_that_the_default_partitioner_gives_it() -> None:
    cluster = SimpleNamespace(
        topics=lambda: {"t"},
        partitions_for_topic=lambda topic: {0, 1, 2, 3, 4} if topic == "t" else None,
        available_partitions_for_topic=lambda _: {1},
    )
    default = pytest.importorskip(
        "kafka.partitioner", reason="no kafka-python"
    ).DefaultPartitioner()
    ours = partitioner()
    for name in [*(f"I{k}" for k in range(50)), "EUR\\USD é", "", "I0"]:
        key = name.encode()
        arguments = ("t", key, key, b"v", b"v", cluster)
        assert ours.partition(*arguments) == default.partition(*arguments)
    assert ours.partition("t", None, None, b"v", b"v", cluster) == 1
    with pytest.raises(ValueError, match="Topic u not found"):
        ours.partition("u", b"k", b"k", b"v", b"v", cluster)


def record(value: Any, key: bytes | None = b"EURUSD") -> Any:
    body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return SimpleNamespace(topic="t", partition=1, offset=9, key=key, value=body)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"ts": 5, "bid": 1, "ask": 2}, (5, 1.5, 1.0, 2.0, NAN)),
        ({"ts": 5, "price": 3.5, "size": 7}, (5, 3.5, NAN, NAN, 7.0)),
        ({"ts": 5, "price": -3.5}, (5, -3.5, NAN, NAN, NAN)),  # the engine refuses it
        ({"ts": "1970-01-01T00:00:01Z", "price": 1}, (10**9, 1.0, NAN, NAN, NAN)),
        ({"ts": "1970-01-01T01:00:00.123456789+01:00", "price": 1}, (123456789, 1, NAN, NAN, NAN)),
        ({"ts": "1969-12-31T23:59:59.5Z", "price": 1}, (-500_000_000, 1.0, NAN, NAN, NAN)),
    ],
)
def test_ticks(value: Any, expected: tuple[float, ...]) -> None:
    tick = tick_of(record(value))
    assert isinstance(tick, Tick)
    assert (tick.instrument, tick.partition, tick.offset) == ("EURUSD", 1, 9)
    np.testing.assert_array_equal(
        [tick.ts, tick.price, tick.bid, tick.ask, tick.size], np.array(expected)
    )


@pytest.mark.parametrize(
    ("value", "key", "detail"),
    [
        (None, b"k", "expected a JSON object"),
        (b"\xff{", b"k", "expected a JSON object"),
        (b"[" * 10**6, b"k", "expected a JSON object"),
        ([1], b"k", "expected a JSON object, found list"),
        ({"ts": 1, "price": 1}, None, "instrument: expected a name"),
        ({"ts": 1, "price": 1, "instrument": "X"}, b"Y", "instrument: expected 'Y', the key"),
        ({"ts": 1, "price": "1"}, b"k", "price: expected a number, found '1'"),
        ({"ts": 1, "price": True}, b"k", "price: expected a number, found True"),
        ({"ts": 1, "bid": 1}, b"k", "ask: expected a number, found None"),
        ({"ts": "today", "price": 1}, b"k", "ts: expected ISO-8601 or nanoseconds, found 'today'"),
        ({"ts": "2014-05-01T00:00:00", "price": 1}, b"k", "ts: expected a timezone"),
        ({"ts": 2**70, "price": 1}, b"k", "ts: expected nanoseconds in 64 bits"),
        ({"price": 1}, b"k", "ts: expected ISO-8601 or nanoseconds, found None"),
    ],
)
def test_what_is_no_tick(value: Any, key: bytes | None, detail: str) -> None:
    letter = tick_of(record(value, key))
    assert isinstance(letter, DeadLetter)
    assert (letter.correlation_id, letter.reason) == ("t/1/9", "malformed")
    assert letter.detail.startswith(detail)


def test_a_long_payload_is_cut() -> None:
    letter = tick_of(record(b"x" * 10**6))
    assert isinstance(letter, DeadLetter)
    assert len(letter.payload) == LONGEST_PAYLOAD


def test_a_batch_codes_its_instruments() -> None:
    ticks = [Tick(name, 1, 2.0, NAN, NAN, NAN, 0, i) for i, name in enumerate("ABA")]
    batch = tick_batch(ticks, 4.0)
    assert (batch.names, batch.instrument.tolist()) == (("A", "B"), [0, 1, 0])
    assert batch.received.tolist() == [4.0] * 3
    assert len(tick_batch([], 0.0)) == 0
