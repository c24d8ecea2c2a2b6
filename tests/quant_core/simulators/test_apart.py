"""Simulating in a process of its own: what fails, hangs or dies costs one path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.errors import SimulationError
from quant_core.simulators import (
    Custom,
    DailyRebalance,
    DriftRebalance,
    SimulatorProcess,
    WindowRebalance,
    end_apart,
    simulate,
    simulate_apart,
)
from quant_core.tournament._path_units import PathUnit, simulate_unit
from tests.quant_core.simulators import _misbehaving as stubs

if TYPE_CHECKING:
    from collections.abc import Iterator

GIVEN: dict[str, Any] = {
    "values": np.array([[0.1, 1 / 3], [0.2, 0.25], [0.3, -0.0]]),
    "weights": np.array([[0.5, -0.25]]),
    "rows": np.array([1]),
    "rate": 0.0001,
}


def running(pid: int | None) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(scope="module")
def process() -> Iterator[SimulatorProcess]:
    with SimulatorProcess() as opened:
        yield opened
        pid = opened.pid
    assert not running(pid)


def test_numbers_come_and_go_to_the_last_bit(process: SimulatorProcess) -> None:
    path = process.simulate(stubs.Good(), DriftRebalance(threshold=0.1), **GIVEN)
    assert path.nav.tolist() == GIVEN["values"].sum(axis=1).tolist()
    assert path.turnover.tolist() == [0.1, 0.1, 0.1]
    assert path.cost.tolist() == [0.0001 + 0.5 + 1] * 3


def test_one_process_serves_many_paths_and_simulators(process: SimulatorProcess) -> None:
    process.simulate(stubs.Good(), DailyRebalance(), **GIVEN)
    first = process.pid
    assert first != os.getpid()
    with pytest.raises(SimulationError, match="on fire"):
        process.simulate(stubs.Raises(), DailyRebalance(), **GIVEN)
    process.simulate(stubs.Good(), DailyRebalance(), **GIVEN)
    assert process.pid == first


@pytest.mark.parametrize(
    ("simulator", "message", "survives"),
    [
        (stubs.Raises(), r"ValueError: the order book is on fire \(_misbehaving.py:\d+\)", True),
        (stubs.Devours(memory_limit=256), "MemoryError: Unable to allocate 4", True),
        (stubs.Dies(), "its process ended: ended by SIGSEGV: a wild pointer", False),
        (stubs.Exits(), "its process ended: exit code 3", False),
        (stubs.Hangs(time_limit=0.2), "expected an answer within 0.2 seconds, found none", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, stubs.Good) else "",
)
def test_what_misbehaves_fails_alone(
    process: SimulatorProcess, simulator: stubs.Good, message: str, *, survives: bool
) -> None:
    expected = process.simulate(stubs.Good(), WindowRebalance(), **GIVEN)
    first = process.pid
    with pytest.raises(SimulationError, match=message):
        process.simulate(simulator, WindowRebalance(), **GIVEN)
    assert running(first) is survives
    found = process.simulate(stubs.Good(), WindowRebalance(), **GIVEN)
    assert found.nav.tobytes() == expected.nav.tobytes()
    assert (process.pid == first) is survives


def test_an_engine_that_cannot_be_loaded_is_tried_once(process: SimulatorProcess) -> None:
    for _ in range(2):
        with pytest.raises(SimulationError, match="could not be loaded: its process ended: exit"):
            process.simulate(stubs.CannotLoad(), WindowRebalance(), **GIVEN)
        assert process.pid is None


def test_a_long_message_arrives_whole(process: SimulatorProcess) -> None:
    values = np.random.default_rng(0).normal(size=(4_000, 300))
    given = {**GIVEN, "values": values, "weights": np.zeros((1, 300))}
    path = process.simulate(stubs.Good(), WindowRebalance(), **given)
    assert path.nav.tobytes() == values.sum(axis=1).tobytes()


def test_the_own_simulator_stays_in_this_process() -> None:
    found = simulate_apart(Custom(), WindowRebalance(), **GIVEN)
    expected = simulate(Custom(), WindowRebalance(), **GIVEN)
    assert found.nav.tobytes() == expected.nav.tobytes()


def test_a_cell_tells_why_it_has_no_path() -> None:
    shared = {"values": GIVEN["values"], "rows": GIVEN["rows"], "weights": GIVEN["weights"][None]}
    rebalances = (WindowRebalance(), DailyRebalance())
    try:
        failed = simulate_unit(PathUnit(0, stubs.Dies(), rebalances, 0.0), shared)
        good = simulate_unit(PathUnit(0, stubs.Good(), rebalances, 0.0), shared)
    finally:
        end_apart()
    assert [outcome.path for outcome in failed] == [None, None]
    assert [outcome.failure for outcome in failed] == [
        "its process ended: ended by SIGSEGV: a wild pointer"
    ] * 2
    assert [outcome.failure for outcome in good] == ["", ""]
    assert all(outcome.path is not None for outcome in good)


def test_limits_are_no_part_of_what_a_path_depends_on() -> None:
    assert stubs.Good(time_limit=1.0, memory_limit=64).parameters == stubs.Good().parameters
    assert stubs.Good().parameters == {"name": "good"}
