"""Measure the memory of two workers that read one matrix: shared by Ray, or copied to a pool.

``python benchmarks/memory.py [--megabytes N]``: both kinds of worker sum every column of the same
matrix, 200 MB by default. Unique memory (USS) is what a worker alone occupies.
"""

from __future__ import annotations

import argparse
import os
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from quant_core.clock import clock
from resources.ray_compute import RayCompute

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKERS = 2
MB = 1e6
_SPIN_SECONDS = 1.0

type Seen = tuple[int, float, float]


def unique_memory() -> float:
    """Return the unique memory of this process in megabytes."""
    return psutil.Process().memory_full_info().uss / MB


def sum_columns(_: int, shared: Mapping[str, np.ndarray]) -> Seen:
    """Read the whole matrix; return process, sum and unique memory."""
    total = float(shared["values"].sum())
    seen = unique_memory()
    # The other worker is to take the other unit.
    end = clock().seconds() + _SPIN_SECONDS
    while clock().seconds() < end:
        pass
    return os.getpid(), total, seen


def in_pool(array: np.ndarray, barrier: Any, found: Any) -> None:
    """Do the same in a process that was sent a copy."""
    total = float(array.sum())
    barrier.wait()
    found.put((os.getpid(), total, unique_memory()))


def with_ray(values: np.ndarray) -> dict[int, Seen]:
    """Return what each Ray worker saw, by process."""
    seen: dict[int, Seen] = {}
    with RayCompute(num_cpus=WORKERS, object_store_memory=int(values.nbytes * 1.5)) as compute:
        while len(seen) < WORKERS:
            units = range(2 * WORKERS)
            for _, found in compute.map(
                sum_columns, units, shared={"values": values}, seconds_per_unit=1.0
            ):
                seen[found[0]] = found
    return seen


def with_pool(values: np.ndarray) -> dict[int, Seen]:
    """Return what each spawned process saw, by process."""
    context = get_context("spawn")
    barrier, found = context.Barrier(WORKERS), context.Queue()
    processes = [
        context.Process(target=in_pool, args=(values, barrier, found)) for _ in range(WORKERS)
    ]
    for process in processes:
        process.start()
    seen = [found.get() for _ in processes]
    for process in processes:
        process.join()
    return {row[0]: row for row in seen}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--returns", help="ignored: memory does not depend on the numbers")
    given = parser.parse_args()
    values = np.random.default_rng(0).random((given.megabytes * 125, 1000))
    values.flags.writeable = False
    print(f"matrix {values.nbytes / MB:.0f} MB, {WORKERS} workers; unique memory of each in MB")
    total = float(values.sum())
    for name, measure in (("ray, shared", with_ray), ("pool, copied", with_pool)):
        seen = measure(values)
        right = all(abs(found[1] - total) < 1e-6 * total for found in seen.values())
        print(
            f"{name:<14}"
            + "".join(f"{row[2]:>9.0f}" for row in seen.values())
            + f"   same sum: {right}"
        )


if __name__ == "__main__":
    main()
