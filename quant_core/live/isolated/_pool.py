"""The worker processes of the lane: what each has loaded, and what it is doing."""

from __future__ import annotations

import logging
import math
import selectors
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quant_core.clock import SystemClock
from quant_core.isolation import WorkerProcess, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from quant_core.isolation import Frame
    from quant_core.live.isolated._catalogue import Catalogue
    from quant_core.live.isolated._queue import Call

__all__ = ["Death", "Worker", "WorkerPool"]

_LOG = logging.getLogger("quant_core.live")
_FAILED_STARTS = 3
_LONGEST_WAIT = 1.0
_WORKER = "quant_core.live.isolated._worker"
_REAL = SystemClock()  # processes live in real time, whatever clock is in force


@dataclass(frozen=True, slots=True)
class Death:
    """Why a call has no answer: its worker is gone."""

    reason: str
    detail: str
    by_others: bool = False


@dataclass(slots=True, eq=False)
class Worker:
    """One process, and what it is doing until when."""

    process: WorkerProcess
    deadline: float
    ready: bool = False
    loaded: set[str] = field(default_factory=set)
    loading: str | None = None
    call: Call | None = None
    revision: int = -1

    @property
    def idle(self) -> bool:
        """Whether it waits for something to do."""
        return self.ready and self.loading is None and self.call is None


class WorkerPool:
    """Keeps workers running, and the keys of a catalogue loaded in each of them.

    A key that no worker has loaded yet is tried by one worker at a time, and a worker that serves
    loads only while another one serves: a factory that hangs holds up nobody's calls.

    Parameters
    ----------
    catalogue : Catalogue
        What to load.
    size : int
        Workers, while there is something to load.
    load_seconds : float
        Time to start a process, and to load one key.
    memory_bytes : int or None
        Limit of the memory of a worker.
    """

    def __init__(
        self, catalogue: Catalogue, *, size: int, load_seconds: float, memory_bytes: int | None
    ) -> None:
        self._catalogue = catalogue
        self._size = size
        self._load_seconds = load_seconds
        self._memory_bytes = memory_bytes
        self._selector = selectors.DefaultSelector()
        self._failed_starts = 0
        self._why_no_start = ""
        self._once_more: set[str] = set()
        self.workers: dict[int, Worker] = {}
        self.deaths = 0

    def advance(self, wait: float, queued: AbstractSet[str]) -> list[tuple[Call, Frame | Death]]:
        """Take what has come, end what is late, replace what has ended, load what is missing.

        Parameters
        ----------
        wait : float
            Seconds to wait for something to come.
        queued : set of str
            Keys that are not to be unloaded yet.
        """
        finished = [*self._receive(wait), *self._expire()]
        self._replace()
        for worker in self.workers.values():
            if worker.idle and worker.revision != self._catalogue.revision:
                self._update(worker, queued)
        return finished

    def begin(self, worker: Worker, call: Call, seconds: float) -> None:
        """Let an idle worker make a call, within so many seconds."""
        worker.call = call
        worker.deadline = _REAL.seconds() + seconds
        worker.process.send(call.message)

    def forgive(self) -> None:
        """Try again to start workers."""
        self._failed_starts = 0
        self._once_more.clear()

    def close(self) -> None:
        """End every worker."""
        for worker in self.workers.values():
            worker.process.end()
        self.workers.clear()
        self._selector.close()

    def _receive(self, wait: float) -> Iterator[tuple[Call, Frame | Death]]:
        now = _REAL.seconds()
        nearest = min((worker.deadline for worker in self.workers.values()), default=math.inf)
        events = self._selector.select(min(wait, max(0.0, nearest - now), _LONGEST_WAIT))
        for key, _ in events:
            worker = self.workers.get(key.data.pid)
            if worker is None:  # buried by an event of this round
                continue
            if key.fileobj is worker.process.errors:
                worker.process.drain()
                continue
            for frame in worker.process.receive():
                call = self._take(worker, frame)
                if call is not None:
                    yield call, frame
            if not worker.process.alive:
                yield from self._bury(worker, "died", "")

    def _take(self, worker: Worker, frame: Frame) -> Call | None:
        """Note what a worker says; return the call that it has answered."""
        kind = frame.fields.get("kind")
        call, loading = worker.call, worker.loading
        worker.deadline, worker.call, worker.loading = math.inf, None, None
        if call is not None:
            return call
        if loading is None:
            worker.ready = True
            self._failed_starts = 0
        elif kind == "loaded":
            worker.loaded.add(loading)
            self._catalogue.loaded(loading, int(frame.fields["history"]))
            log_output(loading.partition(" ")[0], frame.fields["output"])
        else:
            self._catalogue.refuse([loading], frame.fields["detail"])
            log_output(loading.partition(" ")[0], frame.fields["output"])
        return None

    def _expire(self) -> Iterator[tuple[Call, Frame | Death]]:
        now = _REAL.seconds()
        for worker in [one for one in self.workers.values() if one.deadline <= now]:
            budget = worker.call.work.row.budget_ms if worker.call is not None else 0.0
            limit = f"its budget of {budget:g} ms" if budget else f"{self._load_seconds:g} seconds"
            detail = f"expected an answer within {limit}, found none; its worker was replaced"
            yield from self._bury(worker, "timed_out", detail)

    def _bury(self, worker: Worker, reason: str, detail: str) -> Iterator[tuple[Call, Death]]:
        worker.process.end()
        del self.workers[worker.process.pid]
        self.deaths += 1
        by_others = worker.process.was_killed_by_others
        detail = detail or f"its worker ended: {worker.process.last_words}"
        if worker.call is not None:
            yield worker.call, Death(reason, detail, by_others)
        elif worker.loading is not None:
            if by_others and worker.loading not in self._once_more:
                self._once_more.add(worker.loading)
            else:
                self._catalogue.refuse([worker.loading], detail)
        elif not worker.ready:
            self._fail_start(detail)

    def _replace(self) -> None:
        if not self._catalogue.keys:
            for worker in [one for one in self.workers.values() if one.call is None]:
                worker.process.end()
                del self.workers[worker.process.pid]
            return
        while len(self.workers) < self._size and self._failed_starts < _FAILED_STARTS:
            try:
                process = WorkerProcess(self._selector, _WORKER, [str(self._memory_bytes or 0)])
            except OSError as error:
                self._fail_start(str(error))
            else:
                deadline = _REAL.seconds() + self._load_seconds
                self.workers[process.pid] = Worker(process, deadline)
        if not self.workers:
            self._catalogue.refuse(self._catalogue.keys, self._why_no_start)

    def _fail_start(self, detail: str) -> None:
        self._failed_starts += 1
        self._why_no_start = f"{self._failed_starts} workers did not start, the last: {detail}"

    def _update(self, worker: Worker, queued: AbstractSet[str]) -> None:
        """Unload what nothing needs, and begin to load a key, if there is one and it may."""
        keys = self._catalogue.keys
        for key in sorted(worker.loaded - set(keys) - queued):
            worker.loaded.remove(key)
            worker.process.send(encode({"kind": "unload", "key": key}))
        missing = [key for key in keys if key not in worker.loaded]
        if not missing and not worker.loaded - set(keys):
            worker.revision = self._catalogue.revision
        possible = [key for key in missing if self._may_try(key)]
        if possible and self._may_load(worker):
            key = possible[0]
            worker.loading = key
            worker.deadline = _REAL.seconds() + self._load_seconds
            worker.process.send(self._catalogue.request(key))

    def _may_try(self, key: str) -> bool:
        tried = [one.loading for one in self.workers.values() if one.loading is not None]
        return self._catalogue.proven(key) or all(map(self._catalogue.proven, tried))

    def _may_load(self, worker: Worker) -> bool:
        served = self._catalogue.served
        return (
            not served
            or not served <= worker.loaded
            or any(
                one.ready and one.loading is None and served <= one.loaded
                for one in self.workers.values()
                if one is not worker
            )
        )


def log_output(strategy: str, lines: Any) -> None:
    """Log what a strategy printed; the worker has bounded it."""
    if lines:
        _LOG.info("%s printed: %s", strategy, "\n".join(map(str, lines)))
