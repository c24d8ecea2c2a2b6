"""The compute backend that maps units over Ray workers."""

from __future__ import annotations

import logging
import math
import os
import weakref
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self

import psutil

from quant_core.context import current_settings
from quant_core.errors import QuantError, UnavailableError
from resources._ray_environment import (
    own_variables,
    replaced_environment,
    runtime_environment,
    worker_environment,
)
from resources._ray_processes import end_processes, session_processes, start_guardian
from resources._ray_task import Batch, run_batch

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    import numpy as np

    from resources._ray_task import Outcome

__all__ = ["RayCompute", "batches"]

_MIN_TASK_SECONDS = 0.1
_MAX_TASK_SECONDS = 1.0
_TASKS_PER_WORKER = 4
_IN_FLIGHT_PER_WORKER = 2
_RETRIES = 2
_CANCEL_SECONDS = 10.0
_MIB = 2**20


def batches(units: int, *, workers: int, seconds_per_unit: float) -> list[range]:
    """Cut units into tasks of at least 100 ms each.

    A task is as long as it takes to give every worker four of them, between 0.1 and 1 second: a
    short one drowns in overhead (about 1 ms), a long one leaves workers idle at the end.

    Parameters
    ----------
    units : int
        How many units there are.
    workers : int
        How many tasks run at the same time.
    seconds_per_unit : float
        Estimated time of one unit.

    Returns
    -------
    list of range
        Consecutive ranges that cover ``range(units)``.
    """
    fair = units * seconds_per_unit / (workers * _TASKS_PER_WORKER)
    seconds = min(max(fair, _MIN_TASK_SECONDS), _MAX_TASK_SECONDS)
    size = max(1, math.ceil(seconds / seconds_per_unit)) if seconds_per_unit > 0 else max(1, units)
    return [range(first, min(first + size, units)) for first in range(0, units, size)]


class RayCompute:
    """Map units over Ray workers, on this machine or on a cluster.

    Ray starts with the first `map`. A local session is bound to this process: it ends with
    `close`, at exit, and when the process is killed. A shared array is put into the object store
    once and is seen by every worker read-only, without a copy.

    Parameters
    ----------
    num_cpus : int, optional
        Workers of a local session; the processors of this machine by default.
    address : str, optional
        Address of a running cluster; ``RAY_ADDRESS`` by default, else a local session.
    object_store_memory : int, optional
        Bytes of shared memory of a local session; by default a quarter of what is available,
        between 128 MiB and 2 GiB.

    Notes
    -----
    The kernel ends a local session with the *thread* that started it: call the first `map` from
    the main thread, or from one that lives as long as the work.

    Examples
    --------
    >>> from resources.ray_compute import RayCompute
    >>> with RayCompute(num_cpus=2) as compute:  # doctest: +SKIP
    ...     results = dict(compute.map(solve, windows, shared={"values": matrix.values}))
    """

    name = "ray"

    def __init__(
        self,
        *,
        num_cpus: int | None = None,
        address: str | None = None,
        object_store_memory: int | None = None,
    ) -> None:
        self._num_cpus = num_cpus or _processors()
        self._address = address or os.environ.get("RAY_ADDRESS") or None
        self._object_store_memory = object_store_memory or _default_object_store_memory()
        self._guardian: subprocess.Popen[bytes] | None = None
        self._owned = False
        self._references: dict[int, tuple[weakref.ref[np.ndarray], Any]] = {}
        self._task: Any = None

    @property
    def workers(self) -> int:
        """How many units run at the same time."""
        return self._num_cpus

    def start(self) -> None:
        """Start Ray, or connect to the cluster, unless that has been done."""
        if self._task is not None:
            return
        ray = _ray()
        if not ray.is_initialized():
            self._owned = True
            try:
                self._init(ray)
            except BaseException:
                self.close()
                raise
        if self._address or not self._owned:
            self._num_cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._task = ray.remote(num_cpus=1, max_retries=_RETRIES)(run_batch)

    def _init(self, ray: Any) -> None:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        # Authentication is on by default; Ray would say so on every start.
        logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)
        if self._address:
            ray.init(address=self._address, runtime_env=runtime_environment(), **quiet)
            return
        # Workers of a local session inherit the environment; a runtime environment would cost
        # 1.5 s and write its values to a log.
        with replaced_environment(worker_environment() | {"RAY_USAGE_STATS_ENABLED": "0"}):
            self._guardian = start_guardian()
            ray.init(
                address="local",
                num_cpus=self._num_cpus,
                object_store_memory=self._object_store_memory,
                include_dashboard=False,
                _system_config={"task_oom_retries": _RETRIES},
                **quiet,
            )

    def map[U, R](
        self,
        function: Callable[[U, Mapping[str, np.ndarray]], R],
        units: Sequence[U],
        *,
        shared: Mapping[str, np.ndarray],
        seconds_per_unit: float = 0.1,
    ) -> Iterator[tuple[int, R]]:
        """Yield ``(number of the unit, result)`` as results arrive, in any order.

        Parameters
        ----------
        function : callable
            A module-level function of ``(unit, shared)``. A unit whose worker died is run again,
            at most twice, so it may only write what it can write again.
        units : sequence
            Small descriptions of work.
        shared : mapping of str to numpy.ndarray
            Large arrays, put into the object store once.
        seconds_per_unit : float
            Estimate used to batch units into tasks of at least 100 ms.

        Raises
        ------
        Exception
            What ``function`` raised, naming the unit; the rest is cancelled.
        QuantError
            If the workers of a task died three times.
        UnavailableError
            If Ray is not installed.
        """
        if not units:
            return
        self.start()
        ray = _ray()
        references = {name: self._put(ray, array) for name, array in shared.items()}
        settings = (ray.put((current_settings(), own_variables())),)
        ranges = batches(len(units), workers=self._num_cpus, seconds_per_unit=seconds_per_unit)
        tasks = (
            Batch(function, tuple((n, units[n]) for n in numbers), references, settings)
            for numbers in ranges
        )
        with closing(self._outcomes(ray, tasks)) as outcomes:
            for outcome in outcomes:
                if outcome.error is not None:
                    raise outcome.error
                yield outcome.number, outcome.value

    def _outcomes(self, ray: Any, tasks: Iterator[Batch]) -> Generator[Outcome]:
        flying: dict[Any, Batch] = {}
        try:
            while True:
                while len(flying) < self._num_cpus * _IN_FLIGHT_PER_WORKER:
                    batch = next(tasks, None)
                    if batch is None:
                        break
                    flying[self._task.remote(batch)] = batch
                if not flying:
                    return
                done, _ = ray.wait(list(flying), num_returns=1)
                yield from _result(ray, done[0], flying.pop(done[0]))
        finally:
            _cancel(ray, list(flying))

    def _put(self, ray: Any, array: np.ndarray) -> Any:
        # An array that may still change is put again: its reference could be stale.
        if array.flags.writeable:
            return ray.put(array)
        known = self._references.get(id(array))
        if known is not None and known[0]() is array:
            return known[1]
        reference = ray.put(array)
        place, references = id(array), self._references
        alive = weakref.ref(array, lambda _: references.pop(place, None))
        references[place] = (alive, reference)
        return reference

    def leftovers(self) -> int:
        """Count the Ray processes of this process's own local session; 0 after `close`."""
        return len(session_processes(os.getpid()))

    def close(self) -> None:
        """End the session that we started; one that was there before stays."""
        self._task = None
        self._references.clear()
        if not self._owned:
            return
        self._owned = False
        _ray().shutdown()
        if self._guardian is None:
            return
        left = end_processes(os.getpid())
        if self._guardian.stdin is not None:
            self._guardian.stdin.close()
        self._guardian.wait()
        self._guardian = None
        if left:
            raise QuantError(f"compute 'ray': {left} processes of our session could not be ended")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UnavailableError(
            "compute 'ray': Ray is not installed; install quant-assets[platform], "
            "or choose the serial backend"
        ) from error
    return ray


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _default_object_store_memory() -> int:
    quarter = psutil.virtual_memory().available // 4
    return int(min(max(quarter, 128 * _MIB), 2048 * _MIB))


def _result(ray: Any, reference: Any, batch: Batch) -> list[Outcome]:
    try:
        outcomes: list[Outcome] = ray.get(reference)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        first, last = batch.units[0], batch.units[-1]
        raise QuantError(
            f"compute 'ray': the worker died {_RETRIES + 1} times on units {first[0]} to {last[0]} "
            f"(first: {first[1]!r}); the likely cause is memory: use fewer workers (num_cpus)"
        ) from error
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    return outcomes


def _cancel(ray: Any, references: list[Any]) -> None:
    for reference in references:
        ray.cancel(reference)
    if references:
        ray.wait(references, num_returns=len(references), timeout=_CANCEL_SECONDS)
