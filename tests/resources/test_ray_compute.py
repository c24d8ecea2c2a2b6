from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from threadpoolctl import threadpool_info

from quant_core.compute import SerialCompute
from quant_core.context import Settings, current_settings, use_settings
from quant_core.errors import DataError, QuantError
from resources._ray_processes import session_processes
from resources._ray_task import Batch
from resources.ray_compute import RayCompute, batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
VALUES = np.arange(200_000, dtype=np.float64)


def column_sum(unit: int, shared: Mapping[str, np.ndarray]) -> float:
    return float(shared["values"][unit::7].sum())


def describe_array(_: int, shared: Mapping[str, np.ndarray]) -> tuple[bool, bool, str]:
    values = shared["values"]
    place = values.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        ends = [int(end, 16) for end in line.split()[0].split("-")]
        if ends[0] <= place < ends[1]:
            return values.flags.writeable, values.flags.owndata, line.split(maxsplit=5)[-1]
    raise AssertionError


def blas_threads(_: int, __: Mapping[str, np.ndarray]) -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info()}


def seen_environment(name: str, _: Mapping[str, np.ndarray]) -> str | None:
    return os.environ.get(name)


def refuse_three(unit: int, _: Mapping[str, np.ndarray]) -> int:
    if unit == 3:
        raise DataError("column 'close': expected a number, found 'n/a'")
    return unit


def divide_by_three_less(unit: int, _: Mapping[str, np.ndarray]) -> float:
    return 1 / (3 - unit)


def die_until_marked(marker: str, _: Mapping[str, np.ndarray]) -> str:
    if Path(marker).exists():
        return "survived"
    Path(marker).touch()
    os._exit(9)


def die(_: int, __: Mapping[str, np.ndarray]) -> None:
    os._exit(9)


@pytest.mark.parametrize(
    ("units", "workers", "seconds", "sizes"),
    [
        (0, 2, 0.1, []),
        (3, 2, 0.1, [1, 1, 1]),
        (3, 2, 5.0, [1, 1, 1]),
        (4, 2, 0.04, [3, 1]),
        (10, 2, 0.01, [10]),
        (25, 2, 0.01, [10, 10, 5]),
        (240, 2, 0.01, [30] * 8),
        (1000, 2, 0.1, [10] * 100),
        (5, 2, 0.0, [5]),
    ],
)
def test_batches_last_at_least_a_tenth_of_a_second(
    units: int, workers: int, seconds: float, sizes: list[int]
) -> None:
    ranges = batches(units, workers=workers, seconds_per_unit=seconds)
    assert [len(numbers) for numbers in ranges] == sizes
    assert [number for numbers in ranges for number in numbers] == list(range(units))


@pytest.mark.parametrize("seconds_per_unit", [0.0001, 0.1])
def test_results_equal_those_of_the_serial_backend(
    ray_compute: RayCompute, seconds_per_unit: float
) -> None:
    options = {"shared": {"values": VALUES}, "seconds_per_unit": seconds_per_unit}
    units = list(range(40))
    found = dict(ray_compute.map(column_sum, units, **options))
    assert found == dict(SerialCompute().map(column_sum, units, **options))
    assert sorted(found) == units


def test_no_units_no_results(ray_compute: RayCompute) -> None:
    assert list(ray_compute.map(column_sum, [], shared={})) == []


def test_a_worker_sees_a_shared_array_read_only_and_without_a_copy(ray_compute: RayCompute) -> None:
    found = dict(ray_compute.map(describe_array, [0, 1], shared={"values": VALUES}))
    for writeable, owned, mapping in found.values():
        assert not writeable
        assert not owned
        assert "/plasma" in mapping or mapping.startswith("/dev/")


def test_an_array_is_put_once_unless_it_may_change(
    ray_compute: RayCompute, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    frozen, changing = np.ones(1000), np.ones(1000)
    frozen.flags.writeable = False
    original, counted = ray.put, []
    monkeypatch.setattr(ray, "put", lambda value: counted.append(id(value)) or original(value))
    for _ in range(3):
        assert dict(ray_compute.map(column_sum, [0], shared={"values": frozen})) == {0: 143.0}
    assert counted.count(id(frozen)) == 1
    assert dict(ray_compute.map(column_sum, [0], shared={"values": changing})) == {0: 143.0}
    changing[:] = 2.0
    assert dict(ray_compute.map(column_sum, [0], shared={"values": changing})) == {0: 286.0}


def test_blas_is_held_to_one_thread(ray_compute: RayCompute) -> None:
    assert dict(ray_compute.map(blas_threads, [0], shared={})) == {0: {1}}


def test_only_a_bounded_number_of_tasks_is_in_flight(ray_compute: RayCompute) -> None:
    import ray

    drawn = count()
    settings = (ray.put((Settings(), {})),)

    def tasks() -> Iterator[Batch]:
        for number in range(100):
            next(drawn)
            yield Batch(refuse_three, ((number, 0),), {}, settings)

    outcomes = ray_compute._outcomes(ray, tasks())  # noqa: SLF001 - what is drawn shows only here
    assert next(outcomes).value == 0
    assert next(drawn) <= 2 * 2
    outcomes.close()


def test_an_error_is_the_original_one_and_names_the_unit(ray_compute: RayCompute) -> None:
    with pytest.raises(DataError) as raised:
        list(ray_compute.map(refuse_three, list(range(9)), shared={}))
    expected = "column 'close': expected a number, found 'n/a' (unit 3: 3)"
    assert str(raised.value) == expected
    assert "raised in a Ray worker" in raised.value.__notes__[0]
    assert "refuse_three" in raised.value.__notes__[0]


def test_an_error_of_another_library_carries_the_unit_as_a_note(ray_compute: RayCompute) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        list(ray_compute.map(divide_by_three_less, [1, 2, 3], shared={}))
    assert raised.value.__notes__[-1] == "while computing unit 2: 3"


def test_a_unit_whose_worker_died_is_run_again(ray_compute: RayCompute, tmp_path: Path) -> None:
    marker = str(tmp_path / "marker")
    assert dict(ray_compute.map(die_until_marked, [marker], shared={})) == {0: "survived"}


def test_a_unit_that_keeps_killing_its_worker_is_an_error(ray_compute: RayCompute) -> None:
    with pytest.raises(QuantError, match=r"the worker died 3 times on units 0 to 0 \(first: 7\)"):
        list(ray_compute.map(die, [7], shared={}))
    assert dict(ray_compute.map(refuse_three, [1], shared={})) == {0: 1}


def seen_settings(_unit: int, _: Mapping[str, np.ndarray]) -> tuple[str, int | None]:
    settings = current_settings()
    return settings.lakehouse, settings.workers


def test_two_runs_on_the_same_workers_see_their_own_settings(
    ray_compute: RayCompute, tmp_path: Path
) -> None:
    found: dict[int, list[tuple[str, int | None]]] = {1: [], 2: []}
    meet = threading.Barrier(2, timeout=60)

    def run(number: int) -> None:
        with use_settings(Settings(home=tmp_path / str(number), workers=number)):
            for _ in range(5):
                meet.wait()
                given = ray_compute.map(seen_settings, range(8), shared={}, seconds_per_unit=1.0)
                found[number] += [value for _, value in given]

    threads = [threading.Thread(target=run, args=(number,)) for number in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, values in found.items():
        assert values == [(f"{tmp_path}/{number}/lakehouse", number)] * 40


def test_settings_reach_the_workers_and_secrets_no_log(
    ray_compute: RayCompute, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setenv("TV_LAKEHOUSE", "memory://x")
    monkeypatch.setenv("TV_S3_SECRET", "hush-5b1d")
    names = ["TV_LAKEHOUSE", "TV_S3_SECRET", "PYTHONDONTWRITEBYTECODE", "OPENBLAS_NUM_THREADS"]
    seen = dict(ray_compute.map(seen_environment, names, shared={}))
    assert seen == {0: "memory://x", 1: "hush-5b1d", 2: None, 3: "1"}
    monkeypatch.delenv("TV_S3_SECRET")
    assert dict(ray_compute.map(seen_environment, ["TV_S3_SECRET"], shared={})) == {0: None}
    node = ray._private.worker.global_worker.node  # noqa: SLF001 - the one way to the logs
    logs = Path(node.get_session_dir_path()) / "logs"
    texts = [path.read_bytes() for path in sorted(logs.rglob("*")) if path.is_file()]
    assert texts
    assert not any(b"hush-5b1d" in text for text in texts)


def test_a_second_backend_in_one_process_leaves_the_session_alone(ray_compute: RayCompute) -> None:
    with RayCompute() as second:
        assert dict(second.map(refuse_three, [5], shared={})) == {0: 5}
        assert second.workers == 2
    assert dict(ray_compute.map(refuse_three, [6], shared={})) == {0: 6}
    assert ray_compute.leftovers() > 0


def start_driver(body: str) -> subprocess.Popen[str]:
    script = f"""
import os, sys
import numpy as np
sys.path.insert(0, {str(ROOT)!r})
from resources.ray_compute import RayCompute

def unit(number, shared):
    if number < 0:
        raise ValueError(number)
    return number

compute = RayCompute(num_cpus=1, object_store_memory=2**27)
{body}
"""
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def test_nothing_is_left_after_an_exception() -> None:
    driver = start_driver("""
try:
    with compute:
        list(compute.map(unit, [0, -1], shared={}))
except ValueError:
    print(compute.leftovers())
""")
    output, _ = driver.communicate(timeout=120)
    assert output == "0\n"
    assert session_processes(driver.pid) == []


def test_nothing_is_left_after_the_driver_is_killed() -> None:
    driver = start_driver("""
list(compute.map(unit, [0], shared={}))
print(compute.leftovers(), flush=True)
sys.stdin.read()
""")
    assert driver.stdout is not None
    with driver.stdout:
        assert int(driver.stdout.readline()) > 3
        os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    assert psutil.wait_procs(session_processes(driver.pid), timeout=30)[1] == []
    assert session_processes(driver.pid) == []


def test_a_function_of_no_shared_array_gets_an_empty_mapping(ray_compute: RayCompute) -> None:
    def keys(_: int, shared: Mapping[str, Any]) -> list[str]:
        return list(shared)

    assert dict(ray_compute.map(keys, [0], shared={})) == {0: []}
