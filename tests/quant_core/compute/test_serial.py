from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from quant_core.compute import Compute, SerialCompute

if TYPE_CHECKING:
    from collections.abc import Mapping


def scaled_sum(unit: int, shared: Mapping[str, np.ndarray]) -> float:
    return float(unit * shared["values"].sum())


def blas_threads(_: int, __: Mapping[str, np.ndarray]) -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info()}


def refuse_two(unit: int, _: Mapping[str, np.ndarray]) -> int:
    if unit == 2:
        raise ValueError(unit)
    return unit


def test_results_come_in_the_order_of_the_units() -> None:
    compute: Compute = SerialCompute()
    found = list(compute.map(scaled_sum, [3, 1, 2], shared={"values": np.ones(4)}))
    assert found == [(0, 12.0), (1, 4.0), (2, 8.0)]
    assert (compute.name, compute.workers) == ("serial", 1)
    compute.close()


def test_no_units_no_results() -> None:
    assert list(SerialCompute().map(scaled_sum, [], shared={})) == []


def test_a_unit_runs_when_its_result_is_asked_for() -> None:
    results = SerialCompute().map(refuse_two, [1, 2, 3], shared={})
    assert next(results) == (0, 1)
    with pytest.raises(ValueError, match="2"):
        next(results)


def test_blas_is_held_to_one_thread_inside_a_unit_only() -> None:
    before = threadpool_info()
    assert dict(SerialCompute().map(blas_threads, [0], shared={})) == {0: {1}}
    assert threadpool_info() == before


def test_a_blas_that_a_unit_is_the_first_to_load_is_held_too() -> None:
    script = """
from threadpoolctl import threadpool_info
from quant_core.compute import SerialCompute

def unit(_, shared):
    import scipy.linalg
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

print(*SerialCompute().map(unit, [0], shared={}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "(0, [1, 1])\n"
