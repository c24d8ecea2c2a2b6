"""The lane of strategies in Python: worker processes that may hang or die, and be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from quant_core.clock import SystemClock
from quant_core.isolation import encode
from quant_core.live.isolated._answer import AnswerError, checked
from quant_core.live.isolated._catalogue import Catalogue
from quant_core.live.isolated._messages import Dropped, Failure, Result
from quant_core.live.isolated._pool import Death, WorkerPool, log_output
from quant_core.live.isolated._queue import Call, CallQueue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.isolation import Frame
    from quant_core.live._settings import Settings
    from quant_core.live._strategy import StrategyRow
    from quant_core.live.isolated._messages import Serving, Work

__all__ = ["IsolatedLane"]

_REAL = SystemClock()  # deadlines of processes are in real time, whatever clock is in force


class IsolatedLane:
    """Runs strategies in Python in processes of their own.

    ``pool_size`` worker processes and one more, so that loading a strategy or replacing a worker
    leaves the others served. A worker has one call at a time, and a strategy too, so its outcomes
    come in the order of its calls. None is started before the first row.

    Nothing here blocks but `load` and `collect`, and those no longer than they are told to.
    Deadlines are in real time, whatever clock is in force.

    Parameters
    ----------
    settings : Settings
        ``pool_size``, and ``max_concurrency``: calls of one strategy that may wait or be under way.
    patience : float
        Factor on the ``budget_ms`` of every row. A replay, whose outcome should not depend on the
        load of the machine, gives a large one.
    load_seconds : float
        Time to import, build and warm up one strategy.
    memory_bytes : int or None
        Memory that the strategies of one worker may allocate together, on Linux.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        patience: float = 1.0,
        load_seconds: float = 60.0,
        memory_bytes: int | None = 1 << 30,
    ) -> None:
        self._patience = patience
        self._catalogue = Catalogue()
        self._queue = CallQueue(settings.max_concurrency)
        self._pool = WorkerPool(
            self._catalogue,
            size=settings.pool_size + 1,
            load_seconds=load_seconds,
            memory_bytes=memory_bytes,
        )
        self._outcomes: dict[int, Result | Failure | Dropped] = {}
        self._tickets = 0
        self._pending = 0
        self._seen = (0, 0)

    def apply(self, rows: Sequence[StrategyRow]) -> None:
        """Serve these rows and no others; rows without ``python`` are left out.

        A changed row is loaded beside the one in force, which serves until then. A change that
        touches none of ``python``, ``parameters``, ``features`` and ``model`` is in force at once.
        """
        self._catalogue.apply(rows)
        self._pool.forgive()
        self._advance(0.0)

    def load(self, wait: float) -> None:
        """Return when every row is serving or refused, or after ``wait`` seconds."""
        end = _REAL.seconds() + wait
        while not self._catalogue.settled and (left := end - _REAL.seconds()) > 0:
            self._advance(left)

    def serving(self) -> Mapping[str, Serving]:
        """Return the strategies that may be called, by name."""
        return dict(self._catalogue.serving)

    def refused(self) -> Mapping[str, str]:
        """Return why strategies could not be loaded, by name."""
        return self._catalogue.refused

    @property
    def pending(self) -> int:
        """Calls submitted whose outcome has not been collected."""
        return self._pending

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers."""
        return tuple(self._pool.workers)

    def submit(self, work: Work) -> None:
        """Take a call; its outcome comes by `collect`, always."""
        self._tickets += 1
        self._pending += 1
        key = self._catalogue.key(work.row)
        if key is None:
            self._outcomes[self._tickets] = Dropped(work, "not_serving")
            return
        call = Call(self._tickets, work, key, _request(work, key))
        if self._queue.put(call):
            self._dispatch()
        else:
            self._outcomes[call.ticket] = Dropped(work, "queue_full")

    def discard(self, strategy: str, reason: str) -> None:
        """Drop the calls of a strategy that wait, as when it has gone into quarantine."""
        for call in self._queue.remove(lambda call: call.name == strategy):
            self._outcomes[call.ticket] = Dropped(call.work, reason)

    def collect(self, wait: float = 0.0) -> list[Result | Failure | Dropped]:
        """Return the outcomes there are, in the order of their calls.

        Parameters
        ----------
        wait : float
            Seconds to wait until nothing is pending; 0 takes what is there, and infinity returns
            the outcome of every call, which deadlines bound.
        """
        end = _REAL.seconds() + wait
        self._advance(0.0)
        while self._pending > len(self._outcomes) and (left := end - _REAL.seconds()) > 0:
            self._advance(left)
        outcomes = [self._outcomes[ticket] for ticket in sorted(self._outcomes)]
        self._outcomes.clear()
        self._pending -= len(outcomes)
        return outcomes

    def close(self) -> None:
        """End every worker; outcomes not collected are lost."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _advance(self, wait: float) -> None:
        for call, said in self._pool.advance(wait, self._queue.keys()):
            if isinstance(said, Death) and said.by_others and not call.retried:
                call.retried = True
                self._queue.put_back(call)
            else:
                self._queue.finish(call)
                self._outcomes[call.ticket] = _outcome(call.work, said)
        self._drop_orphans()
        self._dispatch()

    def _drop_orphans(self) -> None:
        """Drop the calls whose strategy no worker has loaded or is going to load."""
        seen = (self._pool.deaths, self._catalogue.revision)
        if seen == self._seen:
            return
        self._seen = seen
        known = set(self._catalogue.keys).union(
            *(one.loaded for one in self._pool.workers.values())
        )
        for call in self._queue.remove(lambda call: call.key not in known):
            self._outcomes[call.ticket] = Dropped(call.work, "not_serving")

    def _dispatch(self) -> None:
        for worker in self._pool.workers.values():
            if not worker.idle:
                continue
            call = self._queue.take(worker.loaded)
            if call is not None:
                seconds = call.work.row.budget_ms / 1_000 * self._patience
                self._pool.begin(worker, call, seconds)


def _request(work: Work, key: str) -> bytes:
    block = work.block
    arrays = {
        "instrument": block.instrument,
        "ts": block.ts,
        "rows": block.rows,
        "history": block.history,
    }
    return encode({"kind": "call", "key": key, "names": list(block.names)}, arrays)


def _outcome(work: Work, said: Frame | Death) -> Result | Failure:
    if isinstance(said, Death):
        return Failure(work, said.reason, said.detail)
    fields = said.fields
    output = tuple(fields["output"])
    log_output(work.row.name, output)
    if fields["kind"] == "failed":
        return Failure(work, fields["reason"], fields["detail"], output)
    try:
        answer = (said.arrays["predictions"], said.arrays["signals"])
        predictions, signals = checked(answer, len(work.block))
    except AnswerError as error:
        return Failure(work, error.reason, error.detail, output)
    return Result(work, predictions, signals, fields["seconds"], output)
