"""What the lane promises: order, bounds, reload, and processes that come and go."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from quant_core.inference import load
from quant_core.live import Block, Dropped, Failure, IsolatedLane, Result, Settings, Work
from quant_core.models import Linear, ModelStore
from tests.quant_core.live.isolated._lanes import FEATURES, block, call, row, running, until


def names(outcomes: list[Result | Failure | Dropped]) -> list[str]:
    return [outcome.work.row.name for outcome in outcomes]


def test_a_block_arrives_as_it_was_sent(lane: IsolatedLane) -> None:
    lane.apply([row("told", "told", parameters={"history": 2})])
    lane.load(math.inf)
    served = lane.serving()["told"]
    assert served.history == 2
    sent = Block(
        ("AA", "unused", "CCCC"),
        np.array([2, 0, 2], dtype=np.int32),
        np.array([10, 20, 30], dtype=np.int64),
        np.zeros((3, 1)),
        np.array([[0.25, 1.0], [0.5, 1.0], [0.75, 1.0]]),
    )
    lane.submit(Work(served.row, sent, context="mine"))
    sent.history[:] = -1.0  # a view of a ring may be written over as soon as it is submitted
    (result,) = lane.collect(math.inf)
    assert isinstance(result, Result)
    np.testing.assert_array_equal(result.predictions, [14.25, 22.5, 34.75])
    assert result.work.context == "mine"
    assert result.seconds > 0.0


def test_outcomes_come_in_the_order_of_the_calls_and_the_urgent_go_first(tmp_path: Path) -> None:
    folder = {"folder": str(tmp_path)}
    rows = [
        row("slow", "waits_for", parameters=folder, priority="critical"),
        row("slower", "waits_for", parameters=folder, priority="critical"),
        row("late", priority="background"),
        row("soon", priority="critical"),
    ]
    with IsolatedLane(Settings()) as lane:
        lane.apply(rows)
        lane.load(math.inf)
        until(lambda: _all_loaded(lane), "both workers")
        for count in (1, 2, 3):
            call(lane, "slow", "slower", "late", "soon", count=count)
        until(lambda: not lane.collect() and len(list(tmp_path.glob("pid-*"))) == 2, "both to hang")
        (tmp_path / "go").touch()
        outcomes = lane.collect(math.inf)
    assert names(outcomes) == ["slow", "slower", "late", "soon"] * 3
    assert [len(one.work.block) for one in outcomes] == [1] * 4 + [2] * 4 + [3] * 4
    assert all(isinstance(one, Result) for one in outcomes)


def _all_loaded(lane: IsolatedLane) -> bool:
    lane.collect()
    return all(len(one.loaded) == 4 for one in lane._pool.workers.values())  # noqa: SLF001 - no public view


def test_a_full_queue_drops_the_newest_call_of_its_own_strategy(
    lane: IsolatedLane, tmp_path: Path
) -> None:
    lane.apply([row("a", "waits_for", parameters={"folder": str(tmp_path)}), row("b")])
    lane.load(math.inf)
    call(lane, "a", "a", "a", "a", "b")
    assert lane.pending == 5
    lane.discard("a", "quarantined")
    (tmp_path / "go").touch()
    outcomes = lane.collect(math.inf)
    assert [getattr(one, "reason", "answered") for one in outcomes] == [
        "answered",
        "quarantined",
        "quarantined",
        "queue_full",
        "answered",
    ]
    assert lane.pending == 0


def test_nothing_runs_without_a_strategy(lane: IsolatedLane) -> None:
    lane.apply([])
    assert lane.pids == ()
    lane.submit(Work(row("a"), block()))
    (dropped,) = lane.collect(math.inf)
    assert dropped == Dropped(dropped.work, "not_serving")
    lane.apply([row("a")])
    lane.load(math.inf)
    pids = lane.pids
    assert len(pids) == 2
    lane.apply([])
    assert lane.pids == ()
    assert not any(map(running, pids))


def test_a_changed_row_serves_once_it_is_loaded_and_the_one_before_until_then(
    lane: IsolatedLane,
) -> None:
    lane.apply([row("a"), row("b")])
    lane.load(math.inf)
    before = lane.serving()["a"].row
    changed = row("a", parameters={"factor": 3.0})
    lane.apply([changed, row("b")])
    assert lane.serving()["a"].row is before
    lane.submit(Work(before, block()))
    lane.load(math.inf)
    assert lane.serving()["a"].row is changed
    call(lane, "a")
    lane.submit(Work(before, block()))
    old, new, stale = lane.collect(math.inf)
    assert isinstance(old, Result)
    assert isinstance(new, Result)
    np.testing.assert_array_equal(old.predictions, [-0.5, 0.0, 0.5])
    np.testing.assert_array_equal(new.predictions, [-1.5, 0.0, 1.5])
    assert isinstance(stale, Dropped)


def test_what_a_factory_is_not_given_changes_at_once(lane: IsolatedLane) -> None:
    lane.apply([row("a")])
    lane.load(math.inf)
    shadow = row("a", mode="shadow")
    lane.apply([shadow])
    assert lane.serving()["a"].row is shadow


def test_a_swap_under_load_loses_and_reorders_nothing(lane: IsolatedLane) -> None:
    lane.apply([row("a")])
    lane.load(math.inf)
    factors: list[float] = []
    for swap in range(1, 11):
        lane.apply([row("a", parameters={"factor": float(swap)})])
        while lane.serving()["a"].row.parameters.get("factor") != float(swap):
            call(lane, "a")
            for outcome in lane.collect(math.inf):
                assert isinstance(outcome, Result)
                made_by = outcome.work.row.parameters.get("factor", 1.0)
                assert outcome.predictions[0] == -0.5 * made_by
                factors.append(made_by)
    assert factors == sorted(factors)
    assert {1.0, 9.0} <= set(factors)


@pytest.mark.parametrize(
    ("factory", "detail"),
    [
        ("raises_when_built", "RuntimeError: no such parameter file (_misbehaving.py:"),
        ("is_no_strategy", "expected an object with `evaluate`"),
        ("is_nowhere", "has no attribute 'is_nowhere'"),
        ("exits_when_built", "its worker ended: exit code 3"),
        ("told", "missing 1 required positional argument: 'history'"),
    ],
)
def test_what_cannot_be_loaded_is_refused_and_the_others_serve(
    lane: IsolatedLane, factory: str, detail: str
) -> None:
    lane.apply([row("bad", factory), row("good")])
    lane.load(math.inf)
    assert list(lane.refused()) == ["bad"]
    assert detail in lane.refused()["bad"]
    assert list(lane.serving()) == ["good"]
    call(lane, "good")
    assert isinstance(lane.collect(math.inf)[0], Result)


def test_a_refused_change_leaves_the_row_before_it_serving(lane: IsolatedLane) -> None:
    lane.apply([row("a")])
    lane.load(math.inf)
    lane.apply([row("a", "raises_when_built")])
    lane.load(math.inf)
    assert "no such parameter file" in lane.refused()["a"]
    call(lane, "a")
    assert isinstance(lane.collect(math.inf)[0], Result)
    lane.apply([row("a", parameters={"factor": 2.0})])
    lane.load(math.inf)
    assert lane.refused() == {}
    assert lane.serving()["a"].row.parameters == {"factor": 2.0}


def test_a_factory_that_hangs_is_refused_and_holds_up_nobody() -> None:
    with IsolatedLane(Settings(), load_seconds=20.0) as lane:
        lane.apply([row("good")])
        lane.load(math.inf)
        lane.apply([row("good"), row("hangs", "hangs_when_built")])
        answered = 0
        while not lane.refused():
            call(lane, "good")
            answered += sum(isinstance(one, Result) for one in lane.collect(math.inf))
        assert answered > 10
        assert lane.refused() == {
            "hangs": "expected an answer within 20 seconds, found none; its worker was replaced"
        }
        pids = lane.pids
    assert not any(map(running, pids))


def test_workers_that_do_not_start_are_not_started_for_ever(
    lane: IsolatedLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    lane.apply([row("a")])
    lane.load(math.inf)
    assert "workers did not start, the last: its worker ended: exit code 1" in lane.refused()["a"]
    monkeypatch.undo()
    lane.apply([])
    lane.apply([row("a")])
    assert lane.refused() == {}
    lane.load(math.inf)
    assert list(lane.serving()) == ["a"]


def test_a_worker_killed_by_others_costs_no_call(lane: IsolatedLane, tmp_path: Path) -> None:
    lane.apply([row("a", "waits_for", parameters={"folder": str(tmp_path)}), row("b")])
    lane.load(math.inf)
    call(lane, "a")
    until(lambda: not lane.collect() and any(tmp_path.glob("pid-*")), "the call to begin")
    (path,) = tmp_path.glob("pid-*")
    os.kill(int(path.name[4:]), signal.SIGKILL)
    (tmp_path / "go").touch()
    outcomes = lane.collect(math.inf)
    assert names(outcomes) == ["a"]
    assert isinstance(outcomes[0], Result)
    assert len(list(tmp_path.glob("pid-*"))) == 2


def test_an_idle_worker_that_is_killed_is_replaced(lane: IsolatedLane) -> None:
    lane.apply([row("a")])
    lane.load(math.inf)
    killed = lane.pids
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    call(lane, "a")
    assert isinstance(lane.collect(math.inf)[0], Result)
    until(lambda: not lane.collect() and not set(killed) & set(lane.pids), "other workers")


def test_a_model_is_handed_to_the_factory(lane: IsolatedLane, tmp_path: Path) -> None:
    features = np.linspace(-1.0, 1.0, 50)[:, None]
    fitted = Linear(alpha=0.1).fit(features, 2.0 * features[:, 0], seed=0)
    spec = ModelStore(str(tmp_path)).put(
        fitted.to_onnx(),
        framework=fitted.framework,
        signature=fitted.signature,
        feature_hash=FEATURES.hash,
    )
    good = row("m", "modelled", parameters={"scale": 4.0}, model=spec)
    wrong = good.model_copy(
        update={"name": "w", "model": spec.model_copy(update={"sha256": "0" * 64})}
    )
    lane.apply([good, wrong])
    lane.load(math.inf)
    assert "ChecksumError" in lane.refused()["w"]
    call(lane, "m")
    (result,) = lane.collect(math.inf)
    assert isinstance(result, Result)
    expected = load(Path(spec.uri).read_bytes(), spec).predict(block().rows)
    assert result.predictions.tobytes() == expected.tobytes()


_RUNNER = """
import math, sys
from quant_core.live import IsolatedLane, Settings
from tests.quant_core.live.isolated._lanes import call, row
lane = IsolatedLane(Settings())
lane.apply([row("spins", "spins_in_machine_code"), row("good")])
lane.load(math.inf)
call(lane, "spins", "good")
while lane.pending != 1:
    lane.collect()
print(*lane.pids, flush=True)
lane.collect(math.inf)
"""


def test_workers_end_with_a_runner_that_is_killed_even_in_machine_code() -> None:
    root = str(Path(__file__).parents[4])
    runner = subprocess.Popen(
        [sys.executable, "-c", _RUNNER], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert runner.stdout is not None
    with runner.stdout as said:
        pids = [int(word) for word in said.readline().split()]
        assert len(pids) == 2
        assert all(map(running, pids))
        runner.kill()
        runner.wait()
    until(lambda: not any(map(running, pids)), "the workers to end")
