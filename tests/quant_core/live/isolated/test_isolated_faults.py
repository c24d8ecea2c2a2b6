"""Whatever a strategy does, it is charged, and the others are served."""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from quant_core.clock import VirtualClock, use_clock
from quant_core.live import Dropped, Failure, IsolatedLane, Quarantine, Result, Settings
from tests.quant_core.live.isolated._lanes import call, row, running, until
from tests.quant_core.live.isolated._misbehaving import FAULTS

GOOD = ("a_good", "m_good", "z_good")
ROUNDS = 4
REASONS = {
    "raises": ("raised", "ValueError: the moon is in the wrong house (_misbehaving.py:"),
    "raises_a_novel": ("raised", "ValueError: xxx"),
    "raises_unprintable": ("raised", "_UnprintableError: an error without a text"),
    "leaves": ("raised", "SystemExit: 0"),
    "interrupts": ("raised", "KeyboardInterrupt"),
    "hangs": ("timed_out", "expected an answer within its budget of 250 ms"),
    "hangs_in_c": ("timed_out", "expected an answer within its budget of 250 ms"),
    "exits": ("died", "exit code 7"),
    "crashes": ("died", "SIGSEGV"),
    "eats": ("raised", "MemoryError"),
    "closes_its_files": ("died", "its worker ended"),
    "talks_to_the_runner": ("died", "its worker ended"),
    "nan": ("not_finite", "predictions: expected finite values, found np.float64(nan) at 0 of 3"),
    "infinite": ("not_finite", "signals: expected finite values, found np.float64(-inf) at 0 of 3"),
    "out_of_range": ("out_of_range", "signals: expected values in [-1, 1]"),
    "huge": ("wrong_shape", "predictions: expected shape (3,), found (20000000,)"),
    "short": ("wrong_shape", "predictions: expected shape (3,), found (2,)"),
    "column": ("wrong_shape", "predictions: expected shape (3,), found (3, 1)"),
    "floats": ("wrong_type", "predictions: expected an array of float64, found list"),
    "single": ("wrong_type", "predictions: expected an array of float64, found an array of float3"),
    "text": ("wrong_type", "predictions: expected an array of float64, found an array of <U2"),
    "nothing": ("wrong_type", "a tuple of two; found NoneType"),
    "one": ("wrong_type", "a tuple of two; found an array of float64"),
}


@dataclass
class Seen:
    outcomes: dict[str, list[Result | Failure | Dropped]] = field(
        default_factory=lambda: defaultdict(list)
    )
    quarantined: set[str] = field(default_factory=set)
    pids: set[int] = field(default_factory=set)


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Call every strategy a few times, as long as its quarantine allows it."""
    seen = Seen()
    hasty = [row(name, "faulty", parameters={"how": name}) for name in FAULTS if name[:4] != "hang"]
    late = [
        row(name, "faulty", parameters={"how": name}, budget_ms=250.0)
        for name in FAULTS
        if name[:4] == "hang"
    ]
    settings = Settings(max_failures=2, backoff_seconds=3_600.0, max_backoff_seconds=3_600.0)
    quarantine = Quarantine(settings)
    with IsolatedLane(settings, memory_bytes=512 << 20) as lane, use_clock(VirtualClock()):
        lane.apply([*hasty, *late, *(row(name) for name in GOOD)])
        lane.load(math.inf)
        names = sorted(lane.serving())
        for _ in range(ROUNDS):
            allowed = quarantine.allowed(names)
            call(lane, *(name for name, may in zip(names, allowed, strict=True) if may))
            seen.pids |= {*lane.pids}
            for outcome in lane.collect(math.inf):
                name = outcome.work.row.name
                seen.outcomes[name].append(outcome)
                if isinstance(outcome, Failure):
                    quarantine.failed(name, outcome.reason)
        seen.quarantined = set(quarantine.quarantined())
        seen.pids |= {*lane.pids}
    return seen


@pytest.mark.parametrize("name", GOOD)
def test_the_others_get_every_answer(seen: Seen, name: str) -> None:
    results = seen.outcomes[name]
    assert len(results) == ROUNDS
    for result in results:
        assert isinstance(result, Result)
        np.testing.assert_array_equal(result.predictions, [-0.5, 0.0, 0.5])
        np.testing.assert_array_equal(result.signals, [-1.0, 0.0, 1.0])


@pytest.mark.parametrize("name", sorted(REASONS))
def test_a_fault_is_charged_until_quarantine(seen: Seen, name: str) -> None:
    reason, detail = REASONS[name]
    failures = seen.outcomes[name]
    assert len(failures) == 2
    for failure in failures:
        assert isinstance(failure, Failure)
        assert failure.reason == reason
        assert detail in failure.detail
        assert len(failure.detail) <= 1_200
    assert name in seen.quarantined


def test_every_fault_is_looked_at_and_no_other_strategy_is_charged(seen: Seen) -> None:
    assert {*REASONS, "prints"} == set(FAULTS)
    assert seen.quarantined == set(REASONS)


def test_what_is_printed_is_cut(seen: Seen) -> None:
    outcome = seen.outcomes["prints"][0]
    assert isinstance(outcome, Result)
    assert outcome.output[:2] == ("0 " + "blah " * 20, "warning")
    assert len(outcome.output) == 21
    assert outcome.output[-1].endswith("characters more")


def test_no_process_is_left(seen: Seen) -> None:
    assert len(seen.pids) > 4
    assert not any(map(running, seen.pids))


def test_a_hanging_strategy_holds_up_nobody(lane: IsolatedLane, tmp_path: Path) -> None:
    lane.apply([row("a", "waits_for", parameters={"folder": str(tmp_path)}), row("b"), row("c")])
    lane.load(math.inf)
    call(lane, "a")
    for _ in range(10):
        call(lane, "b", "c")
        answered: list[str] = []
        until(lambda got=answered: _gather(lane, got) == 2, "two answers")
        assert sorted(answered) == ["b", "c"]
    assert lane.pending == 1
    (tmp_path / "go").touch()
    (late,) = lane.collect(math.inf)
    assert isinstance(late, Result)
    assert late.work.row.name == "a"


def _gather(lane: IsolatedLane, names: list[str]) -> int:
    names += [one.work.row.name for one in lane.collect() if isinstance(one, Result)]
    return len(names)


def test_more_hanging_strategies_than_workers_cost_the_others_no_call(lane: IsolatedLane) -> None:
    hanging = [
        row(
            f"h{k}",
            "faulty",
            parameters={"how": "hangs_in_c"},
            budget_ms=200.0,
            priority="critical",
        )
        for k in range(4)
    ]
    lane.apply([*hanging, row("good")])
    lane.load(math.inf)
    call(lane, "h0", "h1", "h2", "h3", "good", "good", "good")
    outcomes = lane.collect(math.inf)
    assert [type(one) for one in outcomes] == [Failure] * 4 + [Result] * 3


def test_a_child_of_a_strategy_ends_with_its_worker(lane: IsolatedLane, tmp_path: Path) -> None:
    lane.apply([row("parent", "leaves_a_child", parameters={"folder": str(tmp_path)})])
    lane.load(math.inf)
    call(lane, "parent")
    (failure,) = lane.collect(math.inf)
    assert isinstance(failure, Failure)
    lane.close()
    children = [int(path.name[6:]) for path in tmp_path.glob("child-*")]
    assert children
    until(lambda: not any(map(running, children)), "the children to end")
