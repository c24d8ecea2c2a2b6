# A virtual clock is in force for all of a test.
# ruff: noqa: ARG001

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.clock import VirtualClock, use_clock
from quant_core.errors import ConfigError, StoreError
from quant_core.live import Engine, Runner, Settings, opened_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALWAYS = {"at", "runner", "event"}
OF_TICK = {
    "correlation_id",
    "instrument",
    "ts",
    "signals",
    "dead_letters",
    "latency_ms",
    "model_versions",
    "batch",
    "batch_drops",
}


@pytest.fixture
def virtual() -> Iterator[VirtualClock]:
    with use_clock(VirtualClock()) as clock:
        yield clock


class Lines:
    """A log that keeps its lines, and writes none where it is off."""

    def __init__(self, *, on: bool = True, share: float = 0.0, seed: int = 0) -> None:
        self.on, self.share, self.seed = on, share, seed
        self.said: list[tuple[str, dict[str, Any]]] = []

    def write(self, event: str, **fields: Any) -> None:
        assert self.on, "a line was made for a log that is off"
        self.said.append((event, fields))

    def of(self, *events: str) -> list[tuple[str, dict[str, Any]]]:
        return [said for said in self.said if said[0] in events]


def run(kit: Any, log: Any, polls: list[Any], *rows: Any, **fields: Any) -> Any:
    settings, store = Settings(**fields), kit.store(list(rows))
    engine = Engine(settings, kit.constant, log=log)
    runner = Runner(kit.source(polls), kit.sink(), engine, store, settings, log=log)
    runner.run()
    return runner


def series(kit: Any, start: int, count: int, price: float = 1.0) -> Any:
    return kit.ticks([("A", ts, price) for ts in range(start, start + count)], first=start)


@pytest.mark.parametrize("size", [1, 7, 64, 500])
def test_the_same_ticks_are_chosen_however_they_are_cut(kit: Any, virtual: Any, size: int) -> None:
    def chosen(size: int, **options: Any) -> list[str]:
        log = Lines(**({"share": 0.1} | options))
        polls = [kit.polled(series(kit, at, min(size, 500 - at))) for at in range(0, 500, size)]
        run(kit, log, polls, kit.strategy("s"))
        return [line["correlation_id"] for _, line in log.of("tick")]

    whole = chosen(100)
    assert chosen(size) == whole
    assert 20 < len(whole) < 90
    assert set(chosen(size, share=0.05)) < set(whole)
    assert chosen(size, share=1.0) == [f"script/0/{k}" for k in range(500)]
    assert chosen(size, seed=1) != whole


def test_a_line_of_a_tick_says_what_became_of_it(kit: Any, virtual: Any) -> None:
    first = kit.ticks([("A", 5, 1.0), ("A", 6, 1.0), ("B", 7, -1.0)])
    log = Lines(share=1.0)
    rows = [kit.strategy("s", version="0.5"), kit.strategy("t", version="0.25")]
    run(kit, log, [kit.polled(first, history=1)], *rows)
    assert [line for _, line in log.of("tick")] == [
        {
            "correlation_id": "script/0/1",
            "instrument": "A",
            "ts": "1970-01-01T00:00:00.000000006Z",
            "signals": 2,
            "dead_letters": 0,
            "latency_ms": 0.0,
            "model_versions": ["0.25", "0.5"],
            "batch": 3,
            "batch_drops": 0,
        },
        {
            "correlation_id": "script/0/2",
            "instrument": "B",
            "ts": "1970-01-01T00:00:00.000000007Z",
            "signals": 0,
            "dead_letters": 1,
            "latency_ms": 0.0,
            "model_versions": [],
            "batch": 3,
            "batch_drops": 0,
        },
    ]


def test_a_quarantine_and_its_end_are_said_once(kit: Any, virtual: VirtualClock) -> None:
    class Slow(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            virtual.sleep(1.0)
            return super().poll(limit, timeout)

    prices = [1.0] * 2 + [100.0] * 6 + [1.0] * 20
    log, settings = Lines(), Settings(max_failures=2, backoff_seconds=10.0)
    polls = [kit.polled(series(kit, k, 1, price)) for k, price in enumerate(prices)]
    engine = Engine(settings, kit.constant, log=log)
    store = kit.store([kit.strategy("bad", uri="breaks"), kit.strategy("good")])
    Runner(Slow(polls), kit.sink(), engine, store, settings, log=log).run()
    (down, quarantined), (up, released) = log.of("strategy_quarantined", "strategy_released")
    assert (down, up) == ("strategy_quarantined", "strategy_released")
    assert quarantined == {
        "strategy": "bad",
        "failures": 2,
        "seconds": 10.0,
        "detail": "not_finite: prediction: expected a finite number, found nan",
    }
    assert released == {"strategy": "bad"}
    letters = [line for _, line in log.of("dead_letters")]
    assert {(line["reason"], line["strategy"]) for line in letters} == {("not_finite", "bad")}
    assert [line["count"] for line in letters] == [1, 1]


def test_dead_letters_of_a_reason_share_a_line_of_their_batch(kit: Any, virtual: Any) -> None:
    batch = kit.ticks([("A", 1, -1.0), ("B", 2, -1.0), ("A", 3, float("nan"))])
    malformed = kit.letter("script/0/9", "malformed", "no JSON", payload="password=secret")
    log = Lines()
    run(kit, log, [kit.polled(batch, malformed=(malformed,))], kit.strategy("s"))
    found = {line["reason"]: line for _, line in log.of("dead_letters")}
    assert {name: line["count"] for name, line in found.items()} == {
        "malformed": 1,
        "non_positive_price": 2,
        "nan_price": 1,
    }
    assert found["non_positive_price"]["correlation_id"] == "script/0/0"
    assert "secret" not in str(log.said)


def test_every_change_of_a_row_is_a_line(kit: Any, virtual: VirtualClock) -> None:
    log, store = Lines(), kit.store([kit.strategy("s", version="0.5"), kit.strategy("other")])
    changes = [
        lambda: store.put(kit.strategy("s", version="0.25")),
        lambda: store.put(kit.strategy("s", version="0.75", uri="refused")),
        lambda: setattr(store, "fails", StoreError("the database is away")),
        lambda: setattr(store, "fails", None),
        lambda: store.put(kit.strategy("s", version="0.25", emit="change")),
        lambda: store.put(kit.strategy("s", version="0.25", enabled=False)),
    ]

    class Changing(kit.source):
        def poll(self, limit: int, timeout: float) -> Any:
            for _ in range(3 if self.polls else 0):
                virtual.sleep(1.0)
            if changes and len(self.polls) % 2:
                changes.pop(0)()
            return super().poll(limit, timeout)

    polls = [kit.polled(series(kit, k, 1)) for k in range(16)]
    settings = Settings()
    engine = Engine(settings, kit.constant, log=log)
    Runner(Changing(polls), kit.sink(), engine, store, settings, log=log).run()
    said = [(event, line.get("strategy"), line.get("model_version")) for event, line in log.said]
    assert said == [
        ("strategy_loaded", "other", "0.5"),
        ("strategy_loaded", "s", "0.5"),
        ("started", None, None),
        ("strategy_swapped", "s", "0.25"),
        ("strategy_refused", "s", None),
        ("reload_failed", None, None),
        ("reload_recovered", None, None),
        ("strategy_swapped", "s", "0.25"),
        ("strategy_removed", "s", "0.25"),
        ("stopped", None, None),
    ]
    assert log.said[3][1]["model_version_before"] == "0.5"
    assert "refused: expected another model" in log.said[4][1]["detail"]
    assert log.said[5][1] == {"detail": "strategies: the database is away"}
    assert log.said[-1][1] == {
        "reason": "source ended",
        "ticks": 16,
        "signals": 24,
        "dead_letters": 0,
        "dropped_ticks": 0,
    }


def test_a_runner_that_fails_says_why_it_stopped(kit: Any, virtual: Any) -> None:
    log, settings = Lines(), Settings()
    sink = kit.sink()
    sink.flush = lambda: (_ for _ in ()).throw(StoreError("the broker is away"))
    engine = Engine(settings, kit.constant, log=log)
    source, store = kit.source([kit.polled(series(kit, 0, 2))]), kit.store([])
    with pytest.raises(StoreError):
        Runner(source, sink, engine, store, settings, log=log).run()
    assert log.said[-1][0] == "stopped"
    assert log.said[-1][1]["reason"] == "StoreError: the broker is away"


def test_off_formats_nothing(kit: Any, virtual: Any, tmp_path: Path) -> None:
    malformed = kit.letter("script/0/9", "malformed", "no JSON")
    polls = [kit.polled(series(kit, 0, 9, 100.0), malformed=(malformed,))]
    with opened_log(Settings(log="off", log_sample=1.0), "runner", tmp_path / "none") as log:
        assert (log.on, log.share) == (False, 0.0)
    run(kit, Lines(on=False), polls, kit.strategy("bad", uri="breaks"))
    assert list(tmp_path.iterdir()) == []


def test_lines_are_json_with_the_documented_fields(kit: Any, virtual: Any, tmp_path: Path) -> None:
    file = tmp_path / "logs" / "runner.jsonl"
    settings = Settings(log=str(file), log_sample=1.0)
    polls = [kit.polled(series(kit, 0, 3))]
    for _ in range(2):
        with opened_log(settings, "one", "stderr") as log:
            run(kit, log, list(polls), kit.strategy("s"))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    events = ["strategy_loaded", "started", "tick", "tick", "tick", "stopped"]
    assert [line["event"] for line in lines] == events * 2
    assert all(list(line)[:3] == ["at", "runner", "event"] for line in lines)
    assert {line["at"] for line in lines[:2]} == {"2020-01-01T00:00:00.000Z"}
    assert all(set(line) == ALWAYS | OF_TICK for line in lines if line["event"] == "tick")


def test_no_secret_nan_or_endless_text_in_a_line(virtual: Any, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("of the replay before\n")
    fields = {
        "backend": "http://user:secret@host:8000/v2 (mailto:a@b)",
        "values": [float("nan"), float("inf"), 1.5],
        "number": np.float64("nan"),
        "text": "x" * 5000 + '\n"',
    }
    with opened_log(Settings(), "replay", file) as log:
        log.write("circuit_opened", **fields)
    (line,) = file.read_text().splitlines()
    found = json.loads(line, parse_constant=pytest.fail)
    assert found["backend"] == "http://***@host:8000/v2 (mailto:a@b)"
    assert found["values"] == [None, None, 1.5]
    assert found["number"] is None
    assert found["text"] == "x" * 2000


def test_stderr_takes_lines(virtual: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with opened_log(Settings(), "runner", "stderr") as log:
        log.write("started", source="ticks")
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["source"] == "ticks"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    settings = Settings(log=str(tmp_path))
    with (
        pytest.raises(ConfigError, match=r"STRATEGY__LOG: expected stderr, off or a file"),
        opened_log(settings, "runner", "stderr"),
    ):
        pass
