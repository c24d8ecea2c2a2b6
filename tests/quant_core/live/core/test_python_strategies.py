from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quant_core.clock import SystemClock, VirtualClock, use_clock
from quant_core.features import Feature, FeatureSet
from quant_core.live import Engine, IsolatedLane, Runner, Settings, StrategyRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PRICE = FeatureSet(features=(Feature(kind="sma", window=1),))


def python(name: str, factory: str, **fields: Any) -> StrategyRow:
    return StrategyRow(
        name=name,
        python=f"tests.quant_core.live.core._python:{factory}",
        features=PRICE,
        budget_ms=60_000.0,
        **fields,
    )


@pytest.fixture
def lane() -> Iterator[IsolatedLane]:
    with IsolatedLane(Settings(max_concurrency=64)) as opened:
        yield opened


def engine_of(
    kit: Any, lane: IsolatedLane, *rows: Any, patient: bool = True, **fields: Any
) -> Engine:
    engine = Engine(Settings(**fields), kit.constant, isolated=lane, patient=patient)
    engine.apply(rows)
    engine.load(60.0)
    return engine


def polled(condition: Callable[[], bool]) -> None:
    end = SystemClock().seconds() + 120.0
    while not condition():
        assert SystemClock().seconds() < end


def test_answers_of_other_processes_come_in_their_place(kit: Any, lane: IsolatedLane) -> None:
    rows = [
        kit.strategy("a", "0.1"),
        python("b", "last", parameters={"scale": 10.0}, mode="shadow", instruments=("A",)),
        kit.strategy("c", "0.3"),
    ]
    engine = engine_of(kit, lane, *rows)
    ticks = [("A", 1, 1.0), ("B", 2, 2.0), ("A", 3, 3.0), ("B", 4, 4.0)]
    outcome = engine.process(kit.ticks(ticks), source="t")
    said = [(row["signal_id"], row["signal"], row["mode"]) for row in outcome.signals.to_pylist()]
    assert said == [
        ("t/0/0/b", 0.1, "shadow"),
        ("t/0/2/a", 0.1, "live"),
        ("t/0/2/b", 0.3, "shadow"),
        ("t/0/2/c", 0.3, "live"),
        ("t/0/3/a", 0.1, "live"),
        ("t/0/3/c", 0.3, "live"),
    ]
    assert [row["model_version"] for row in outcome.signals.to_pylist()][:2] == ["python", "0.1"]
    assert [one.state for one in engine.served()] == ["serving"] * 3


@pytest.mark.parametrize("cuts", [(), (1,), (2, 5, 6)])
def test_history_ends_with_the_observation_however_ticks_are_cut(
    kit: Any, lane: IsolatedLane, cuts: tuple[int, ...]
) -> None:
    engine = engine_of(kit, lane, python("s", "oldest", parameters={"history": 3}))
    engine.process(kit.ticks([("A", 0, 90.0), ("B", 0, 80.0)]), history=2)
    rows = [(name, k, 10.0 * k + (name == "B")) for k in range(1, 6) for name in "AB"]
    found = []
    for start, stop in zip((0, *cuts), (*cuts, len(rows)), strict=True):
        outcome = engine.process(kit.ticks(rows[start:stop], first=start))
        found += outcome.signals.column("prediction").to_pylist()
    # Rings grow when the strategy is first asked, so the tick of the past may be the last one held.
    assert found[4:] == [10.0, 11.0, 20.0, 21.0, 30.0, 31.0]


def test_a_call_that_fails_is_a_dead_letter_for_every_tick(kit: Any, lane: IsolatedLane) -> None:
    rows = [python("bad", "raises"), kit.strategy("good", features=PRICE)]
    with use_clock(VirtualClock()):
        engine = engine_of(kit, lane, *rows, max_failures=2, max_batch=2)
        ticks = kit.ticks([("A", k, 1.0) for k in range(8)])
        outcome = engine.process(ticks, source="t")
        dead = outcome.dead.to_pylist()
        assert [letter["correlation_id"] for letter in dead] == [f"t/0/{k}" for k in range(4)]
        assert {letter["reason"] for letter in dead} == {"raised"}
        assert "ValueError: no answer for 2 observations" in dead[0]["detail"]
        assert outcome.signals.num_rows == 8
        assert engine.drops == {("bad", "quarantined"): 4}
        assert [one.state for one in engine.served()] == ["quarantined", "serving"]


def test_one_that_cannot_be_built_is_refused(kit: Any, lane: IsolatedLane) -> None:
    engine = engine_of(kit, lane, python("s", "missing"))
    (served,) = engine.served()
    assert served.state == "refused"
    assert "no such parameter file" in served.detail
    engine.process(kit.ticks([("A", 1, 1.0)]))
    assert engine.drops == {("s", "not_serving"): 1}


def test_emit_change_holds_for_them_too(kit: Any, lane: IsolatedLane) -> None:
    row = python("s", "last", parameters={"scale": 10.0}, emit="change")
    engine = engine_of(kit, lane, row)
    prices = [1.0, 1.0, 2.0, 2.0, 1.0]
    outcome = engine.process(kit.ticks([("A", k, p) for k, p in enumerate(prices)]))
    assert outcome.signals.column("signal").to_pylist() == [0.1, 0.2, 0.1]


def test_ticks_whose_answers_are_outstanding_are_not_committed(
    kit: Any, lane: IsolatedLane
) -> None:
    settings = Settings(commit_seconds=0.0, max_batch=4)
    row = python("s", "last", parameters={"scale": 10.0})
    engine = Engine(settings, kit.constant, isolated=lane)
    sink, store = kit.sink(), kit.store([row])
    known: list[tuple[int, int]] = []

    class Source(kit.source):
        def commit(self, upto: Any = None) -> None:
            done = 40 if upto is None else upto.get(0, 0)
            known.append((done, len(sink.signals)))

    rows = [("A", k, 1.0) for k in range(40)]
    source = Source([kit.polled(kit.ticks(rows))])
    figures = Runner(source, sink, engine, store, settings).run()
    assert figures.signals == 40
    assert engine.pending == 0
    assert all(signals >= done for done, signals in known)
    assert known[-1] == (40, 40)


def test_answers_come_later_where_nobody_waits(kit: Any, lane: IsolatedLane) -> None:
    row = python("s", "last", parameters={"scale": 10.0})
    engine = engine_of(kit, lane, row, kit.strategy("t", features=PRICE), patient=False)
    outcome = engine.process(kit.ticks([("A", 1, 4.0)], first=7), source="t")
    found = outcome.signals.to_pylist()
    assert {row["strategy"] for row in found} >= {"t"}

    def collected() -> bool:
        found.extend(engine.collect().signals.to_pylist())
        return len(found) == 2

    polled(collected)
    assert sorted((row["signal_id"], row["signal"]) for row in found) == [
        ("t/0/7/s", 0.4),
        ("t/0/7/t", 0.5),
    ]
    assert engine.unfinished() == {}
