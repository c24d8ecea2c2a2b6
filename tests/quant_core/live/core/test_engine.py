from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant_core.clock import VirtualClock, use_clock
from quant_core.errors import ConfigError
from quant_core.features import Feature, FeatureSet
from quant_core.inference import RemoteModel
from quant_core.live import (
    DEAD_LETTERS_SCHEMA,
    SIGNALS_SCHEMA,
    Engine,
    Settings,
    model_opener,
    open_model,
)
from quant_core.live._plan import on_canary

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

A_AND_B = [("A", 1, 10.0), ("B", 2, 20.0), ("A", 3, 11.0), ("B", 4, 21.0), ("A", 5, 12.0)]


def engine_of(kit: Any, *rows: Any, telemetry: Any = None, **fields: Any) -> Engine:
    engine = Engine(Settings(**fields), kit.constant, telemetry)
    engine.apply(rows)
    return engine


def column(table: Any, name: str) -> list[Any]:
    return table.column(name).to_pylist()


def test_a_signal_says_where_it_comes_from(kit: Any) -> None:
    engine = engine_of(kit, kit.strategy("momentum", "0.25", seed=7, mode="shadow"))
    outcome = engine.process(kit.ticks(A_AND_B[:3], first=40), source="market")
    assert outcome.signals.schema == SIGNALS_SCHEMA
    assert outcome.dead.schema == DEAD_LETTERS_SCHEMA
    assert outcome.accepted == 3
    assert outcome.signals.to_pylist() == [
        {
            "signal_id": "market/0/42/momentum",
            "correlation_id": "market/0/42",
            "ts": outcome.signals.column("ts")[0].as_py(),
            "instrument": "A",
            "strategy": "momentum",
            "model_version": "0.25",
            "feature_hash": kit.features.hash,
            "mode": "shadow",
            "prediction": 0.25,
            "signal": 0.25,
            "seed": 7,
        }
    ]
    assert outcome.signals.column("ts")[0].value == 3


def test_signals_come_by_tick_then_by_name(kit: Any, emitted: Any) -> None:
    rows = [kit.strategy("b", "0.2"), kit.strategy("a", "0.1"), kit.strategy("c", "0.3")]
    outcome = engine_of(kit, *rows).process(kit.ticks(A_AND_B), source="t")
    assert emitted(outcome.signals) == [
        ("t/0/2/a", 0.1),
        ("t/0/2/b", 0.2),
        ("t/0/2/c", 0.3),
        ("t/0/3/a", 0.1),
        ("t/0/3/b", 0.2),
        ("t/0/3/c", 0.3),
        ("t/0/4/a", 0.1),
        ("t/0/4/b", 0.2),
        ("t/0/4/c", 0.3),
    ]


def test_samplings_and_instruments_of_strategies_differ(kit: Any, emitted: Any) -> None:
    bars = FeatureSet(features=(Feature(kind="sma", window=1),), sampling="1s")
    rows = [
        kit.strategy("bars", "0.1", features=bars),
        kit.strategy("only_b", "0.2", instruments=("B", "C")),
        kit.strategy("ticks", "0.3"),
    ]
    second = 10**9
    ticks = [("A", 1, 1.0), ("A", 2, 2.0), ("B", 3, 3.0), ("B", second, 4.0), ("A", second, 5.0)]
    outcome = engine_of(kit, *rows).process(kit.ticks(ticks), source="t")
    assert emitted(outcome.signals) == [
        ("t/0/1/ticks", 0.3),
        ("t/0/3/bars", 0.1),
        ("t/0/3/only_b", 0.2),
        ("t/0/3/ticks", 0.3),
        ("t/0/4/bars", 0.1),
        ("t/0/4/ticks", 0.3),
    ]


@pytest.mark.parametrize(
    ("own", "of_runner", "expected"),
    [(None, 0, [1, 2, 3, 4]), (3, 0, [2, 3, 4]), (None, 4, [3, 4]), (0, 4, [1, 2, 3, 4])],
)
def test_the_first_signal_waits_for_history_and_warmup(
    kit: Any, own: int | None, of_runner: int, expected: list[int]
) -> None:
    engine = engine_of(kit, kit.strategy("s", warmup_ticks=own), warmup_ticks=of_runner)
    outcome = engine.process(kit.ticks([("A", ts, 1.0) for ts in range(5)]))
    assert [int(i.rsplit("/")[2]) for i in column(outcome.signals, "signal_id")] == expected


@pytest.mark.parametrize(
    ("tick", "reason", "told"),
    [
        (("A", 9, math.nan), "nan_price", "expected a finite price; found no price, ts 9"),
        (("A", 9, math.inf), "nan_price", "found price inf"),
        (("A", 9, 0.0), "non_positive_price", "expected prices above 0; found price 0.0"),
        (("A", 9, -1.0), "non_positive_price", "found price -1.0"),
        (("A", 9, 1.0, -1.0, 3.0), "non_positive_price", "bid -1.0, ask 3.0"),
        (("A", 9, 2.0, 3.0, 1.0), "crossed_quote", "not above the ask; found price 2.0, bid 3.0"),
        (("A", 9, 2.0, 1.0, 3.0, -5.0), "negative_size", "size -5.0"),
        (("A", 7, 2.0), "out_of_order", "no tick of A before the last one accepted"),
        (("Z", 9, 2.0), "unknown_instrument", "expected an instrument that a strategy reads"),
    ],
)
def test_a_wrong_tick_is_a_dead_letter_and_changes_nothing(
    kit: Any, tick: tuple[Any, ...], reason: str, told: str
) -> None:
    row = kit.strategy("s", instruments=("A",))
    good = [("A", 7, 1.0), ("A", 8, 2.0), ("A", 10, 3.0), ("A", 10, 4.0)]
    wanted = engine_of(kit, row).process(kit.ticks(good))
    outcome = engine_of(kit, row).process(kit.ticks([*good[:2], tick, *good[2:]]))
    assert outcome.accepted == 4
    assert column(outcome.signals, "prediction") == column(wanted.signals, "prediction")
    (letter,) = outcome.dead.to_pylist()
    assert letter["reason"] == reason
    assert told in letter["detail"]
    assert (letter["correlation_id"], letter["instrument"]) == ("ticks/0/2", tick[0])
    assert letter["dlq"] is True
    assert outcome.dead.column("ts")[0].value == tick[1]


def test_ticks_that_are_too_old_are_late_where_that_is_asked_for(kit: Any) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    second = 10**9
    start = int(now.timestamp()) * second
    ticks = [("A", start - 3 * second, 1.0), ("A", start - second, 1.0), ("A", start, 1.0)]
    with use_clock(VirtualClock(now)):
        strict = engine_of(kit, kit.strategy("s"), late_seconds=2.0).process(kit.ticks(ticks))
        lenient = engine_of(kit, kit.strategy("s")).process(kit.ticks(ticks))
    assert column(strict.dead, "reason") == ["late"]
    assert lenient.dead.num_rows == 0


def test_instruments_beyond_the_limit_are_refused(kit: Any) -> None:
    engine = engine_of(kit, kit.strategy("s"), max_instruments=2)
    ticks = [(name, 1, 1.0) for name in ("A", "B", "C", "A", "C")]
    outcome = engine.process(kit.ticks(ticks))
    assert column(outcome.dead, "reason") == ["too_many_instruments"] * 2
    assert column(outcome.signals, "instrument") == ["A"]


def test_malformed_messages_join_the_dead_letters(kit: Any) -> None:
    letter = kit.letter("k/0/1", "malformed", "expected JSON, found 'x'", payload="x")
    outcome = engine_of(kit, kit.strategy("s")).process(kit.ticks([]), malformed=[letter])
    assert outcome.dead.to_pylist() == [
        {
            "correlation_id": "k/0/1",
            "ts": None,
            "instrument": "",
            "strategy": "",
            "reason": "malformed",
            "detail": "expected JSON, found 'x'",
            "payload": "x",
            "dlq": True,
        }
    ]


def test_history_fills_rings_and_last_signals_without_a_word(kit: Any, emitted: Any) -> None:
    rows = [kit.strategy("change", "0.1", emit="change"), kit.strategy("every", "0.2")]
    ticks = [*A_AND_B[:3], ("A", 3, -1.0), *A_AND_B[3:]]
    outcome = engine_of(kit, *rows).process(kit.ticks(ticks), history=4, source="t")
    assert outcome.dead.num_rows == 0
    # B has one tick of history and signals for the first time, A said the same before.
    assert emitted(outcome.signals) == [
        ("t/0/4/change", 0.1),
        ("t/0/4/every", 0.2),
        ("t/0/5/every", 0.2),
    ]


def test_emit_change_speaks_when_the_signal_of_an_instrument_differs(kit: Any) -> None:
    features = FeatureSet(features=(Feature(kind="return", window=1),))
    row = kit.strategy("s", features=features, emit="change", decision={"kind": "sign"})

    class Momentum:
        def __init__(self, spec: Any) -> None:
            self.spec = spec

        def predict(self, rows: np.ndarray) -> np.ndarray:
            return rows[:, 0]

    engine = Engine(Settings(), Momentum)
    engine.apply([row])
    prices = [1.0, 2.0, 3.0, 3.0, 2.0, 1.0, 2.0]
    ticks = [(name, ts, price) for ts, price in enumerate(prices) for name in ("A", "B")]
    outcome = engine.process(kit.ticks(ticks))
    said = list(
        zip(column(outcome.signals, "instrument"), column(outcome.signals, "signal"), strict=True)
    )
    assert said == [(name, sign) for sign in (1.0, 0.0, -1.0, 1.0) for name in ("A", "B")]


def test_a_canary_is_live_on_its_share_of_the_instruments(kit: Any) -> None:
    names = [f"I{k}" for k in range(200)]
    engine = engine_of(kit, kit.strategy("s", mode="canary", canary_share=0.25))
    outcome = engine.process(kit.ticks([(name, ts, 1.0) for ts in (1, 2) for name in names]))
    modes = column(outcome.signals, "mode")
    expected = ["live" if on_canary(name, 0.25) else "shadow" for name in names]
    assert modes == expected
    assert 30 <= modes.count("live") <= 70
    assert not any(on_canary(name, 0.0) for name in names)
    assert all(on_canary(name, 1.0) for name in names)


@pytest.mark.parametrize(
    ("shed", "serving"),
    [(0, "abc"), (1, "bc"), (2, "c")],
)
def test_background_is_shed_before_normal_and_normal_before_critical(
    kit: Any, shed: int, serving: str
) -> None:
    priorities = {"a": "background", "b": "normal", "c": "critical"}
    rows = [kit.strategy(name, priority=priority) for name, priority in priorities.items()]
    telemetry = kit.telemetry()
    engine = engine_of(kit, *rows, telemetry=telemetry)
    outcome = engine.process(kit.ticks(A_AND_B), shed=shed)
    assert sorted(set(column(outcome.signals, "strategy"))) == list(serving)
    assert engine.drops == {(name, "shed"): 3 for name in "abc" if name not in serving}
    for name in set("abc") - set(serving):
        assert telemetry.counts["strategy_drops_total", "reason=shed", f"strategy={name}"] == 3
    # Prices were seen all the same.
    assert engine.process(kit.ticks([("A", 9, 1.0)])).signals.num_rows == 3


@pytest.mark.parametrize(
    ("version", "reason", "told"),
    [
        ("nan", "not_finite", "prediction: expected a finite number, found nan"),
        ("inf", "not_finite", "prediction: expected a finite number, found inf"),
    ],
)
def test_a_failing_strategy_is_quarantined_and_the_others_are_not(
    kit: Any, emitted: Any, version: str, reason: str, told: str
) -> None:
    rows = [kit.strategy("bad", version), kit.strategy("good", "0.5")]
    ticks = [("A", ts, 1.0) for ts in range(7)]
    with use_clock(VirtualClock()) as virtual:
        engine = engine_of(kit, *rows, max_failures=2, backoff_seconds=4.0)
        outcome = engine.process(kit.ticks(ticks), source="t")
        assert emitted(outcome.signals) == [(f"t/0/{k}/good", 0.5) for k in range(1, 7)]
        assert column(outcome.dead, "strategy") == ["bad", "bad"]
        assert column(outcome.dead, "reason") == [reason, reason]
        assert column(outcome.dead, "detail") == [told, told]
        assert column(outcome.dead, "correlation_id") == ["t/0/1", "t/0/2"]
        assert engine.drops == {("bad", "quarantined"): 4}
        states = {one.strategy: one.state for one in engine.served()}
        assert states == {"bad": "quarantined", "good": "serving"}
        virtual.sleep(3.9)
        engine.process(kit.ticks([("A", 8, 1.0)]))
        assert engine.drops == {("bad", "quarantined"): 5}
        virtual.sleep(0.2)
        again = engine.process(kit.ticks([("A", 9, 1.0), ("A", 10, 1.0)]))
        assert again.dead.num_rows == 1  # the trial
        assert engine.drops == {("bad", "quarantined"): 6}


def test_a_success_ends_the_count_of_failures(kit: Any) -> None:
    row = kit.strategy("s", uri="breaks")
    engine = engine_of(kit, row, max_failures=2)
    prices = [1.0, 1.0, 200.0, 1.0, 1.0, 300.0, 1.0, 1.0, 400.0, 400.0, 1.0]
    outcome = engine.process(kit.ticks([("A", ts, p) for ts, p in enumerate(prices)]))
    # The average of two prices is at least 100 in pairs from the first outlier on.
    assert outcome.dead.num_rows == 2
    assert engine.drops["s", "quarantined"] == 7


def test_a_refused_model_leaves_the_version_before_it(kit: Any) -> None:
    engine = engine_of(kit, kit.strategy("s", "0.1"))
    changes = engine.apply(
        [kit.strategy("s", "0.2", "refused"), kit.strategy("t", "0.3", "refused")]
    )
    assert changes.refused == ("s", "t")
    assert not changes
    outcome = engine.process(kit.ticks([("A", 1, 1.0), ("A", 2, 1.0)]))
    assert column(outcome.signals, "model_version") == ["0.1"]
    first, second = engine.served()
    assert (first.state, first.model_version) == ("refused", "0.1")
    assert first.detail == (
        "version 0.2: refused: expected another model; version 0.1 is served as before"
    )
    assert (second.state, second.model_version) == ("refused", "")


def test_apply_tells_what_changed_and_keeps_the_state_of_the_rest(kit: Any) -> None:
    kept = kit.strategy("kept", "0.1", emit="change")
    engine = engine_of(kit, kept, kit.strategy("changed", "0.2"), kit.strategy("gone", "0.3"))
    engine.process(kit.ticks([("A", 1, 1.0), ("A", 2, 1.0)]))
    new = kit.strategy("new", "0.5", features=FeatureSet(features=(Feature(kind="sma", window=5),)))
    changes = engine.apply(
        [kept, kit.strategy("changed", "0.4"), new, kit.strategy("off", enabled=False)]
    )
    assert (changes.added, changes.changed, changes.removed) == (("new",), ("changed",), ("gone",))
    assert changes.unchanged == ("kept",)
    outcome = engine.process(kit.ticks([("A", 3, 1.0), ("A", 4, 1.0)]))
    # `kept` said 0.1 before; `changed` goes on with the history that was there.
    assert column(outcome.signals, "strategy") == ["changed", "changed"]
    assert [one.state for one in engine.served()] == ["serving", "serving", "warming", "disabled"]


def test_a_name_that_stands_twice_changes_nothing(kit: Any) -> None:
    engine = engine_of(kit, kit.strategy("s"))
    with pytest.raises(ConfigError, match="expected each name once, found t twice"):
        engine.apply([kit.strategy("t"), kit.strategy("t", "0.1")])
    assert [one.strategy for one in engine.served()] == ["s"]


def test_python_without_a_lane_is_refused(kit: Any) -> None:
    row = kit.strategy("s").model_copy(update={"python": "package:factory"})
    engine = engine_of(kit, row)
    (served,) = engine.served()
    assert served.state == "refused"
    assert "made without a lane" in served.detail


PRICES = st.one_of(
    st.sampled_from([math.nan, -1.0, 0.0]), st.floats(1.0, 200.0, allow_subnormal=False)
)
TICKS = st.lists(
    st.tuples(st.sampled_from("ABCZ"), st.integers(0, 3), PRICES), min_size=1, max_size=40
)


def outcomes(
    kit: Any, rows: Sequence[Any], cuts: Sequence[int]
) -> tuple[list[Any], list[Any], Any]:
    bars = FeatureSet(features=(Feature(kind="sma", window=2),), sampling="2s")
    engine = engine_of(
        kit,
        kit.strategy("breaks", "0.1", "breaks", instruments=("A", "B")),
        kit.strategy("change", "0.2", emit="change", instruments=("A", "C")),
        kit.strategy("every", "-0.3", instruments=("A", "B", "C")),
        kit.strategy("nan", "nan", instruments=("B",)),
        kit.strategy("slow", "0.4", instruments=("A", "B"), features=bars),
        backoff_seconds=1000.0,
    )
    signals, dead = [], []
    for start, stop in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        outcome = engine.process(kit.ticks(rows[start:stop], first=start))
        signals += outcome.signals.to_pylist()
        dead += outcome.dead.to_pylist()
    return signals, sorted(map(str, dead)), engine.drops


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ticks=TICKS, data=st.data())
def test_signals_do_not_depend_on_how_ticks_are_cut(kit: Any, ticks: Any, data: Any) -> None:
    instant, rows = 0, []
    for name, step, price in ticks:
        instant += (step - 1) * 10**9
        rows.append((name, instant, price))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    with use_clock(VirtualClock()):
        assert outcomes(kit, rows, cuts) == outcomes(kit, rows, [])


def test_a_server_evaluates_where_the_settings_name_one(kit: Any) -> None:
    spec = kit.strategy("s").model
    remote = model_opener(Settings(remote_inference_url="http://127.0.0.1:1"))(spec)
    assert isinstance(remote, RemoteModel)
    assert (remote.url, remote.name) == ("http://127.0.0.1:1", spec.sha256)
    assert model_opener(Settings()) is open_model
