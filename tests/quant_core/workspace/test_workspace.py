from __future__ import annotations

import threading
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quant_core.simulators import Custom, DailyRebalance, WindowRebalance, simulate
from quant_core.tournament._path_units import PathUnit, simulate_unit
from quant_core.workspace import Workspace, workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

DAYS, ATOMS, WINDOWS = 600, 300, 12


@pytest.fixture
def shared() -> Mapping[str, np.ndarray]:
    random = np.random.Generator(np.random.PCG64(5))
    values = random.normal(0.0, 0.01, (DAYS, ATOMS))
    values[:40, ::7] = np.nan
    weights = np.zeros((3, WINDOWS, ATOMS))
    for line in range(2):
        for window in range(WINDOWS):
            held = random.choice(ATOMS - 10, 25 + 100 * line, replace=False)
            weights[line, window, held] = 1.0 / len(held)
    weights[2] = 1.0 / ATOMS
    rows = np.arange(WINDOWS, dtype=np.int64) * 50
    return {"values": values, "rows": rows, "weights": weights}


@pytest.mark.parametrize("line", [0, 1, 2])
def test_paths_are_those_of_fresh_copies_to_the_byte(
    shared: Mapping[str, np.ndarray], line: int
) -> None:
    rebalances = (WindowRebalance(), DailyRebalance())
    for dirty in (np.nan, 7.0):
        for name in ("path values", "path targets"):
            workspace().array(name, (DAYS, ATOMS))[:] = dirty
        outcomes = simulate_unit(PathUnit(line, Custom(), rebalances, 0.001), shared)
        for rebalance, outcome in zip(rebalances, outcomes, strict=True):
            weights = shared["weights"][line]
            held = np.flatnonzero(weights.any(axis=0))
            fresh = simulate(
                Custom(), rebalance, values=shared["values"][:, held].copy(),
                weights=weights[:, held].copy(), rows=shared["rows"], rate=0.001,
            )  # fmt: skip
            assert outcome.failure == ""
            assert outcome.path is not None
            assert outcome.path.nav.tobytes() == fresh.nav.tobytes()
            assert outcome.path.cost.tobytes() == fresh.cost.tobytes()


def test_a_warm_unit_allocates_its_results_and_little_else(
    shared: Mapping[str, np.ndarray],
) -> None:
    units = [PathUnit(line, Custom(), (WindowRebalance(),), 0.001) for line in (0, 1, 2)]
    for unit in units:
        simulate_unit(unit, shared)
    results = 4 * 8 * DAYS
    copy = 8 * DAYS * 125
    held = workspace().bytes
    tracemalloc.start()
    try:
        for unit in units * 2:
            simulate_unit(unit, shared)
        before, small = array_bytes(), tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for unit in units * 20:
            simulate_unit(unit, shared)
        peak = tracemalloc.get_traced_memory()[1]
        after = array_bytes()
    finally:
        tracemalloc.stop()
    assert peak - small < results + copy / 5
    assert after == before
    assert workspace().bytes == held


def array_bytes() -> int:
    """Return the bytes of the contents of all arrays made since tracing began."""
    only = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)
    found = tracemalloc.take_snapshot().filter_traces([only])
    return sum(trace.size for trace in found.traces)


def test_a_buffer_grows_and_is_used_again() -> None:
    buffers = Workspace()
    first = buffers.array("a", (3, 4))
    assert (first.shape, first.dtype, first.flags.c_contiguous) == ((3, 4), np.float64, True)
    assert np.shares_memory(buffers.array("a", (2, 2)), first)
    assert not np.shares_memory(buffers.array("b", (2, 2)), first)
    larger = buffers.array("a", (5, 4))
    assert not np.shares_memory(larger, first)
    assert np.shares_memory(buffers.array("a", (3, 4)), larger)
    assert buffers.bytes == 8 * (20 + 4)
    buffers.clear()
    assert buffers.bytes == 0


def test_a_large_array_is_not_kept() -> None:
    buffers = Workspace(limit=80)
    assert not np.shares_memory(buffers.array("a", (11,)), buffers.array("a", (11,)))
    assert buffers.bytes == 0
    buffers.array("a", (10,))
    assert buffers.bytes == 80


def test_columns_are_taken_and_a_whole_matrix_is_not_copied() -> None:
    buffers, matrix = Workspace(), np.arange(12.0).reshape(3, 4)
    found = buffers.columns("a", matrix, np.array([0, 2]))
    assert found.tolist() == [[0.0, 2.0], [4.0, 6.0], [8.0, 10.0]]
    assert found.flags.c_contiguous
    assert buffers.columns("a", matrix, np.arange(4)) is matrix
    turned = np.asfortranarray(matrix)
    assert buffers.columns("a", turned, np.arange(4)).flags.c_contiguous


def test_every_thread_has_its_own() -> None:
    found: list[Workspace] = []
    threads = [threading.Thread(target=lambda: found.append(workspace())) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    assert len({id(one) for one in [*found, workspace()]}) == 3
    assert workspace() is workspace()
