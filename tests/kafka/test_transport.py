"""Ticks from a real broker, and signals to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from quant_core.live import (
    DEAD_LETTERS_SCHEMA,
    SIGNALS_SCHEMA,
    DeadLetter,
    Signals,
    dead_letters_table,
)
from resources.kafka._history import history_start
from resources.kafka_transport import KafkaSettings, open_transport
from tests.kafka._broker import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from quant_core.live import Polled
    from resources.kafka_transport import KafkaSource
    from tests.kafka._broker import Broker

NO_SIGNALS = SIGNALS_SCHEMA.empty_table()
NO_DEAD = DEAD_LETTERS_SCHEMA.empty_table()


def quote(instrument: str, ts: int, price: float) -> tuple[str, dict[str, Any]]:
    return instrument, {"instrument": instrument, "ts": ts, "bid": price - 0.5, "ask": price + 0.5}


def send(broker: Broker, topic: str, messages: Iterable[tuple[str, Any]]) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=broker.address)
    for key, value in messages:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        producer.send(topic, value=body, key=key.encode() or None)
    producer.flush()
    producer.close()


@pytest.fixture(params=["kafka-python", "confluent"])
def settings(request: pytest.FixtureRequest) -> KafkaSettings:
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")
    return KafkaSettings(
        client=request.param,
        group=name,
        ticks=f"{name}.ticks",
        signals=f"{name}.signals",
        dead_letters=f"{name}.dlq",
        start="earliest",
        session_seconds=6,
    )


def collect(source: KafkaSource, count: int) -> list[Polled]:
    """Return polls that bring so many ticks and malformed messages, all of them committed."""
    found: list[Polled] = []

    def enough() -> bool:
        polled = source.poll(100, 0.5)
        found.append(polled)
        source.commit()
        return sum(len(p.ticks) + len(p.malformed) for p in found) >= count

    wait_for(enough)
    return found


def prices(polls: Iterable[Polled], instrument: str) -> list[float]:
    return [
        price
        for polled in polls
        for code, price in zip(polled.ticks.instrument, polled.ticks.price, strict=True)
        if polled.ticks.names[code] == instrument
    ]


def test_ticks_come_in_order_and_what_is_no_tick_is_a_dead_letter(
    broker: Broker, settings: KafkaSettings
) -> None:
    source, sink = open_transport(broker.address, settings=settings)
    try:
        send(broker, settings.ticks, [quote("EURUSD", i, 1.0 + i) for i in range(50)])
        send(broker, settings.ticks, [("EURUSD", b"{nonsense")])
        send(broker, settings.ticks, [quote("XAUUSD", i, 100.0 + i) for i in range(50)])
        polls = collect(source, 101)
    finally:
        source.close()
        sink.close()
    assert prices(polls, "EURUSD") == [1.0 + i for i in range(50)]
    assert prices(polls, "XAUUSD") == [100.0 + i for i in range(50)]
    (letter,) = [letter for polled in polls for letter in polled.malformed]
    assert (letter.reason, letter.payload) == ("malformed", "{nonsense")
    assert letter.correlation_id.startswith(f"{settings.ticks}/")


def test_what_was_not_committed_comes_again_and_what_was_comes_as_history(
    broker: Broker, settings: KafkaSettings
) -> None:
    source, sink = open_transport(broker.address, settings=settings)
    sink.close()
    send(broker, settings.ticks, [quote("EURUSD", i, 1.0 + i) for i in range(10)])
    collect(source, 10)
    send(broker, settings.ticks, [quote("EURUSD", i, 1.0 + i) for i in range(10, 15)])
    wait_for(lambda: len(source.poll(100, 0.5).ticks))  # and not committed
    source.close()

    source, sink = open_transport(broker.address, settings=settings, lookback=lambda: {"tick": 4})
    sink.close()
    polls = collect(source, 15)
    source.close()
    assert prices(polls, "EURUSD") == [1.0 + i for i in range(15)]
    assert sum(polled.history for polled in polls) == 10


@pytest.mark.parametrize(
    ("lookback", "limit", "expected"),
    [
        ({}, 10**6, (3000, ())),
        ({"tick": 5}, 10**6, (0, ())),  # the rare instrument has five before its last one
        ({"tick": 5}, 1000, (2000, ("RARE",))),
        ({"tick": 0}, 10**6, (3000, ())),
    ],
)
def test_history_is_read_until_every_instrument_has_enough(
    broker: Broker,
    settings: KafkaSettings,
    lookback: dict[str, int],
    limit: int,
    expected: tuple[int, tuple[str, ...]],
) -> None:
    broker.create(**{settings.ticks.replace(".", "_"): 1})
    rare = {100, 200, 300, 400, 500, 2900}
    send(
        broker,
        settings.ticks,
        [quote("RARE" if i in rare else "OFTEN", i, 1.0 + i) for i in range(3000)],
    )
    chosen = settings.model_copy(update={"history_limit": limit})
    assert history_start(broker.address, chosen, 0, 3000, lookback) == expected


def signals(ticks: int, strategies: int) -> pa.Table:
    correlation = [f"t/0/{i}" for i in range(ticks) for _ in range(strategies)]
    names = [f"s{j}" for _ in range(ticks) for j in range(strategies)]
    n = ticks * strategies
    return pa.table(
        {
            "signal_id": [f"{c}/{s}" for c, s in zip(correlation, names, strict=True)],
            "correlation_id": correlation,
            "ts": np.repeat(np.arange(ticks), strategies),
            "instrument": ["EURUSD"] * n,
            "strategy": names,
            "model_version": ["1"] * n,
            "feature_hash": ["ff"] * n,
            "mode": ["live"] * n,
            "prediction": np.arange(n) / 3,
            "signal": [1.0] * n,
            "seed": [7] * n,
        }
    ).cast(SIGNALS_SCHEMA)


def test_signals_are_one_message_a_tick_and_dead_letters_carry_their_reason(
    broker: Broker, settings: KafkaSettings
) -> None:
    source, sink = open_transport(broker.address, settings=settings)
    source.close()
    letter = DeadLetter("t/0/9", "malformed", "expected a tick", payload="x")
    sink.emit(Signals([signals(3, 2)]), dead_letters_table([letter]))
    sink.flush()
    assert sink.status() == {"acknowledged": 4, "waiting": 0, "last_error": ""}
    sink.close()
    found = broker.messages(settings.signals)
    assert [message.key for message in found] == [b"EURUSD"] * 3
    values = [json.loads(message.value) for message in found]
    assert [value["correlation_id"] for value in values] == ["t/0/0", "t/0/1", "t/0/2"]
    assert [value["prediction"] for value in values] == [
        [0.0, 1 / 3],
        [2 / 3, 1.0],
        [4 / 3, 5 / 3],
    ]
    (dead,) = broker.messages(settings.dead_letters)
    assert dict(dead.headers) == {"dlq": b"true", "reason": b"malformed"}
    assert json.loads(dead.value)["dlq"] is True


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_an_outage_is_a_status_and_loses_nothing(
    mortal_broker: Broker, settings: KafkaSettings
) -> None:
    broker = mortal_broker
    source, sink = open_transport(broker.address, settings=settings)
    send(broker, settings.ticks, [quote("EURUSD", i, 1.0 + i) for i in range(10)])
    polls = collect(source, 10)
    broker.kill()
    assert len(source.poll(100, 0.5).ticks) == 0
    sink.emit(Signals([signals(5, 2)]), NO_DEAD)  # waits for the broker
    broker.start()
    sink.flush()
    send(broker, settings.ticks, [quote("EURUSD", i, 1.0 + i) for i in range(10, 20)])
    polls += collect(source, 10)
    source.close()
    sink.close()
    assert prices(polls, "EURUSD") == [1.0 + i for i in range(20)]
    values = [json.loads(message.value) for message in broker.messages(settings.signals)]
    assert {value["correlation_id"] for value in values} == {f"t/0/{i}" for i in range(5)}


@pytest.fixture
def pair(broker: Broker, settings: KafkaSettings) -> Iterator[list[KafkaSource]]:
    sources = []
    for _ in range(2):
        source, sink = open_transport(
            broker.address, settings=settings, lookback=lambda: {"tick": 5}
        )
        sink.close()
        sources.append(source)
    yield sources
    for source in sources:
        source.close()


def test_two_members_of_a_group_split_partitions_and_the_one_left_takes_over(
    broker: Broker, settings: KafkaSettings, pair: list[KafkaSource]
) -> None:
    first, second = pair
    names = [f"I{i}" for i in range(8)]

    def split() -> bool:
        for source in pair:
            source.poll(100, 0.2)
            source.commit()
        return all(len(source.status()["partitions"]) == 1 for source in pair)

    wait_for(split)
    send(broker, settings.ticks, [quote(n, i, 1.0 + i) for i in range(20) for n in names])
    found: dict[KafkaSource, list[Polled]] = {first: [], second: []}

    def all_there() -> bool:
        for source in pair:
            found[source].append(source.poll(100, 0.2))
            source.commit()
        return sum(len(p.ticks) for polls in found.values() for p in polls) >= 160

    wait_for(all_there)
    seen = {s: {n for p in polls for n in p.ticks.names} for s, polls in found.items()}
    assert seen[first]
    assert seen[second]
    assert not seen[first] & seen[second]
    second.close()
    send(broker, settings.ticks, [quote(n, i, 1.0 + i) for i in range(20, 25) for n in names])
    found[first] += collect(first, 40 + 20 * len(seen[second]))
    for name in names:
        mine = prices(found[first], name)
        assert mine == [1.0 + i for i in range(25)], name
