# Stubs take what the protocol gives, and a virtual clock is in force for all of a test.
# ruff: noqa: ARG001, ARG002

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quant_core.clock import VirtualClock, use_clock
from quant_core.errors import StoreError
from quant_core.live import METRICS, Engine, Runner, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def virtual() -> Iterator[VirtualClock]:
    with use_clock(VirtualClock()) as clock:
        yield clock


class World:
    """A runner and what is around it."""

    def __init__(self, kit: Any, polls: list[Any], *rows: Any, **options: Any) -> None:
        fields = options.pop("settings", {})
        self.source, self.sink = kit.source(polls), kit.sink()
        self.store, self.telemetry = kit.store(list(rows)), kit.telemetry()
        self.settings = Settings(**fields)
        self.engine = Engine(self.settings, kit.constant, self.telemetry)
        self.runner = Runner(
            self.source,
            self.sink,
            self.engine,
            self.store,
            self.settings,
            self.telemetry,
            **options,
        )


def series(kit: Any, start: int, count: int, received: float = 0.0) -> Any:
    rows = [("A", ts, 1.0) for ts in range(start, start + count)]
    return kit.ticks(rows, first=start, received=received)


def test_everything_polled_is_emitted_flushed_and_committed(kit: Any, virtual: Any) -> None:
    polls = [kit.polled(series(kit, 0, 3)), kit.polled(series(kit, 3, 2))]
    world = World(kit, polls, kit.strategy("s"))
    figures = world.runner.run()
    assert [row["signal_id"] for row in world.sink.signals] == [
        f"script/0/{k}/s" for k in range(1, 5)
    ]
    assert (figures.ticks, figures.signals, figures.dead_letters) == (5, 4, 0)
    assert world.sink.flushed[-1] == 4
    assert world.source.committed[-1] is None


def test_a_commit_under_load_names_what_is_done(kit: Any, virtual: Any) -> None:
    polls = [kit.polled(series(kit, 0, 5))]
    fields = {"max_batch": 2, "commit_seconds": 0.0}
    world = World(kit, polls, kit.strategy("s"), settings=fields)
    world.runner.run()
    assert world.source.committed == [{0: 2}, {0: 4}, None, None]
    assert world.sink.flushed == [1, 3, 4, 4]


def test_a_sink_that_marks_is_not_waited_for(kit: Any, virtual: Any) -> None:
    polls = [kit.polled(series(kit, k, 1)) for k in range(6)]
    world = World(kit, polls, kit.strategy("s"), settings={"commit_seconds": 0.0})
    asked: list[int] = []

    def settled(mark: int) -> bool:
        asked.append(mark)
        return len(asked) % 2 == 0  # each mark is asked for twice

    world.sink.mark = lambda: world.sink.emitted
    world.sink.settled = settled
    world.runner.run()
    assert asked[:2] == [asked[0]] * 2
    assert len(world.sink.flushed) == 1  # at the end
    first = world.source.committed[0]
    assert first is not None
    assert max(first.values()) <= 2  # what was done at the mark, not what has been done since
    assert world.source.committed[-1] is None


def test_a_sink_that_fails_leaves_its_ticks_uncommitted(kit: Any, virtual: Any) -> None:
    world = World(kit, [kit.polled(series(kit, 0, 3))], kit.strategy("s"))

    def broken() -> None:
        raise StoreError("the broker is away")

    world.sink.flush = broken
    with pytest.raises(StoreError, match="the broker is away"):
        world.runner.run()
    assert world.source.committed == []


def test_ticks_beyond_the_queue_fill_the_history_and_are_counted(kit: Any, virtual: Any) -> None:
    rows = [kit.strategy(p, priority=p) for p in ("background", "critical", "normal")]
    fields = {"queue_limit": 8, "max_batch": 2}
    world = World(kit, [kit.polled(series(kit, 0, 12))], *rows, settings=fields)
    figures = world.runner.run()
    said = {
        name: [
            int(row["signal_id"].split("/")[2])
            for row in world.sink.signals
            if row["strategy"] == name
        ]
        for name in ("critical", "normal", "background")
    }
    assert figures.dropped_ticks == 4
    # 8 wait: all but critical are left out, until there are fewer than 6, and then than 4.
    assert said == {
        "critical": [4, 5, 6, 7, 8, 9, 10, 11],
        "normal": [8, 9, 10, 11],
        "background": [10, 11],
    }
    counts = world.telemetry.counts
    assert counts["strategy_drops_total", "reason=queue_full", "strategy=*"] == 4
    assert counts["strategy_drops_total", "reason=queue_full", "strategy=normal"] == 3
    assert counts["strategy_drops_total", "reason=shed", "strategy=normal"] == 4


def test_without_drain_nothing_is_left_out(kit: Any, virtual: Any) -> None:
    polls = [kit.polled(series(kit, start, 4)) for start in (0, 4, 8)]
    fields = {"queue_limit": 4, "max_batch": 4}
    world = World(kit, polls, kit.strategy("s"), settings=fields, drain=False)
    assert world.runner.run().signals == 11
    assert set(world.source.limits) == {4}
    assert world.engine.drops == {}


def test_a_window_gathers_ticks_until_the_first_has_waited(kit: Any, virtual: Any) -> None:
    class Slow(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            virtual.sleep(min(timeout, 0.004))
            return super().poll(limit, 0.0)

    polls = [kit.polled(series(kit, k, 1, received=0.004 * (k + 1))) for k in range(6)]
    world = World(kit, [], kit.strategy("s"), settings={"batch_window_ms": 10.0})
    source = Slow(polls)
    world.runner = Runner(source, world.sink, world.engine, world.store, world.settings)
    figures = world.runner.run()
    assert figures.signals == 5
    assert world.sink.emitted < 5
    assert figures.latencies.longest <= 0.012


def test_latency_counts_from_when_a_tick_was_received(kit: Any, virtual: Any) -> None:
    virtual.sleep(10.0)
    polls = [kit.polled(series(kit, 0, 3, received=8.5), history=1)]
    world = World(kit, polls, kit.strategy("s"))
    figures = world.runner.run()
    assert figures.ticks == 2
    assert world.telemetry.observed["market_tick_process_latency_ms",] == [1500.0, 1500.0]
    assert figures.latencies.quantiles([0.5, 1.0]) == [1.5, 1.5]


def test_fifty_swaps_under_load_lose_double_and_reorder_nothing(kit: Any, virtual: Any) -> None:
    versions = [f"0.{k:03d}" for k in range(51)]
    world = World(kit, [], kit.strategy("still", "0.9"), kit.strategy("swapped", versions[0]))
    world.settings = Settings(reload_seconds=0.001, max_batch=7)
    swapped_at: list[int] = []

    class Loaded(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            virtual.sleep(0.002)
            first = 20 * len(swapped_at)
            if len(swapped_at) == 51:
                return kit.polled(kit.ticks([]), end=True)
            world.store.put(kit.strategy("swapped", versions[len(swapped_at)]))
            swapped_at.append(first)
            return kit.polled(series(kit, first, 20))

    source = Loaded([])
    runner = Runner(source, world.sink, world.engine, world.store, world.settings)
    assert runner.run().ticks == 1020
    ids = [row["signal_id"] for row in world.sink.signals]
    assert ids == [f"script/0/{k}/{name}" for k in range(1, 1020) for name in ("still", "swapped")]
    swapped = [row for row in world.sink.signals if row["strategy"] == "swapped"]
    assert all(row["prediction"] == float(row["model_version"]) for row in swapped)
    order = [row["model_version"] for row in swapped]
    assert order == sorted(order)
    assert set(order) == set(versions)


def test_a_store_that_is_away_changes_nothing_and_comes_back(kit: Any, virtual: Any) -> None:
    class Steps(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            virtual.sleep(2.0)
            if len(self.polls) == 3:
                world.store.fails = StoreError("no route to the database")
            if len(self.polls) == 2:
                complaints.append(world.runner.status()["complaint"])
                world.store.fails = None
                world.store.put(kit.strategy("s", "0.2"))
            return super().poll(limit, 0.0)

    complaints: list[str] = []
    world = World(kit, [], kit.strategy("s", "0.1"))
    source = Steps([kit.polled(series(kit, k, 1)) for k in range(5)])
    world.runner = Runner(source, world.sink, world.engine, world.store, world.settings)
    world.runner.run()
    assert complaints == ["strategies: no route to the database"]
    assert world.runner.complaint() == ""
    assert [row["model_version"] for row in world.sink.signals] == ["0.1", "0.1", "0.2", "0.2"]


def test_a_refused_model_is_tried_again(kit: Any, virtual: Any) -> None:
    from quant_core.errors import ModelError  # noqa: PLC0415 - of this test alone

    tries: list[float] = []

    def opened(spec: Any) -> Any:
        tries.append(virtual.seconds())
        if len(tries) < 3:
            raise ModelError("the store is away")
        return kit.constant(spec)

    world = World(kit, [], kit.strategy("s"))
    world.engine = Engine(world.settings, opened)

    class Idle(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            virtual.sleep(0.5)
            return kit.polled(series(kit, 0, 0), end=virtual.seconds() > 30)

    Runner(Idle([]), world.sink, world.engine, world.store, world.settings).run()
    assert len(tries) == 3
    assert [served.state for served in world.engine.served()] == ["warming"]


def test_the_store_hears_what_is_served_when_that_changes(kit: Any, virtual: Any) -> None:
    class Idle(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            virtual.sleep(1.5)
            return super().poll(limit, 0.0)

    world = World(kit, [], kit.strategy("s"))
    polls = [kit.polled(series(kit, k, 1)) for k in range(5)]
    Runner(Idle(polls), world.sink, world.engine, world.store, world.settings).run()
    assert [[one.state for one in report] for report in world.store.reports] == [
        ["warming"],
        ["serving"],
        [],
    ]


def test_a_report_is_repeated_so_that_a_runner_that_is_gone_is_noticed(
    kit: Any, virtual: Any
) -> None:
    at: list[float] = []

    class Idle(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            virtual.sleep(1.0)
            return kit.polled(series(kit, 0, 0), end=virtual.seconds() >= 100)

    class Noting(kit.store):
        def report(self, runner: str, served: Any) -> None:
            at.append(virtual.seconds())
            super().report(runner, served)

    world = World(kit, [], kit.strategy("s"), settings={"report_seconds": 30.0})
    store = Noting([kit.strategy("s")])
    Runner(Idle([]), world.sink, world.engine, store, world.settings).run()
    assert [len(report) for report in store.reports] == [1, 1, 1, 1, 0]
    assert at == [0.0, 30.0, 60.0, 90.0, 100.0]


def test_a_runner_that_fails_reports_that_it_serves_nothing(kit: Any, virtual: Any) -> None:
    class Broken(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            raise StoreError("source: gone")

    world = World(kit, [], kit.strategy("s"))
    with pytest.raises(StoreError, match="gone"):
        Runner(Broken([]), world.sink, world.engine, world.store, world.settings).run()
    assert world.store.reports[-1] == []


def test_stop_ends_after_what_was_polled(kit: Any, virtual: Any) -> None:
    class Endless(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            world.runner.stop()
            return kit.polled(series(kit, 0, 9))

    world = World(kit, [], kit.strategy("s"), settings={"max_batch": 2})
    source = Endless([])
    world.runner = Runner(source, world.sink, world.engine, world.store, world.settings)
    assert world.runner.run().signals == 8
    assert source.committed[-1] is None


def test_models_may_be_loaded_beside_the_loop(kit: Any) -> None:
    class Swaps(kit.source):
        count = 0

        def poll(self, limit: int, timeout: float) -> Any:
            self.count += 1
            if self.count == 3:
                world.store.put(kit.strategy("s", "0.2"))
            done = world.engine.served()[0].model_version == "0.2"
            return kit.polled(series(kit, self.count, 1), end=done)

    world = World(kit, [], kit.strategy("s", "0.1"))
    fields = Settings(reload_seconds=0.001)
    source = Swaps([])
    runner = Runner(source, world.sink, world.engine, world.store, fields, background=True)
    runner.run()
    assert len(world.sink.signals) == source.count - 1
    order = [row["model_version"] for row in world.sink.signals]
    assert order == sorted(order)


def test_every_metric_of_the_runner_is_told_by_its_name(kit: Any, virtual: Any) -> None:
    rows = [kit.strategy("bad", "nan"), kit.strategy("good")]
    polls = [kit.polled(series(kit, 0, 9))]
    world = World(kit, polls, *rows, settings={"max_failures": 1})
    world.runner.run()
    told = world.telemetry
    kinds = {"counter": told.counts, "gauge": told.gauges, "histogram": told.observed}
    for name, (kind, _, labels) in METRICS.items():
        keys = [key for key in kinds[kind] if key[0] == name]
        assert keys, name
        assert all([part.split("=")[0] for part in key[1:]] == sorted(labels) for key in keys)
    assert told.gauges["strategy_quarantined", "strategy=bad"] == 1.0
    assert told.gauges["strategy_quarantined", "strategy=good"] == 0.0
    assert told.gauges["feature_cache_hit_ratio",] == 0.5
    assert told.counts["market_tick_processed_total", "instrument=A"] == 9
    assert told.observed["strategy_batch_size", "backend=inprocess"] == [9.0]


def test_status_is_json_and_complete(kit: Any, virtual: Any) -> None:
    world = World(kit, [kit.polled(series(kit, 0, 3))], kit.strategy("s"))
    assert world.runner.complaint() == "the loop has not turned yet"
    world.runner.run()
    world.source.status = lambda: {"lag": 4}  # a sink or source may have none
    assert world.runner.status() == {
        "ticks": 3,
        "signals": 2,
        "dead_letters": 0,
        "dropped_ticks": 0,
        "waiting": 0,
        "pending": 0,
        "revision": 1,
        "complaint": "",
        "latency_ms": {"p50": 0.0, "p99": 0.0, "p99_9": 0.0},
        "drops": [],
        "strategies": [
            {
                "strategy": "s",
                "state": "serving",
                "model_version": "0.5",
                "sha256": "0" * 64,
                "detail": "",
            }
        ],
        "source": {"lag": 4},
        "sink": {},
    }
    virtual.sleep(11.0)
    assert "longer than 10 s" in world.runner.complaint()


@pytest.mark.parametrize("tracing", [False, True])
def test_spans_are_made_where_somebody_wants_them(kit: Any, virtual: Any, *, tracing: bool) -> None:
    virtual.sleep(2.0)
    polls = [kit.polled(series(kit, 0, 3, received=1.5), history=1)]
    world = World(kit, polls, kit.strategy("s"))
    world.telemetry.tracing = tracing
    world.runner.run()
    one = {"correlation_id": "script/0/1", "instrument": "A"}
    two = {"correlation_id": "script/0/2", "instrument": "A"}
    called = {"sampling": "tick", "backend": "inprocess", "rows": 3}
    expected = [
        ("tick", 1.5, 0.5, one),
        ("inference", 2.0, 0.0, one | called),
        ("tick", 1.5, 0.5, two),
        ("inference", 2.0, 0.0, two | called),
    ]
    assert world.telemetry.spans == (expected if tracing else [])
