from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from quant_core.errors import LedgerError
from quant_core.ledger import records, verify
from quant_core.ledger._queue import Entry, GroupCommit
from quant_core.ledger._record import Head, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from quant_core.ledger import Ledger

    type Begin = Callable[[], AbstractContextManager[Ledger]]
    type Note = Callable[..., dict[str, object]]


def test_threads_share_their_fsyncs(
    path: Path, begin: Begin, note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)
        real(descriptor)

    with begin() as ledger, ThreadPoolExecutor(16) as pool:
        monkeypatch.setattr(os, "fsync", fsync)

        def write(number: int) -> tuple[Head, int, int]:
            head = ledger.append("action", note(number=number))
            return head, number, max(synced)

        written = list(pool.map(write, range(800)))
    assert len(synced) < 500
    assert verify(path).records == 801
    ends = {}
    offset = 0
    for line, record in zip(
        path.read_bytes().splitlines(keepends=True), records(path), strict=True
    ):
        offset += len(line)
        ends[record.head] = (offset, record.body.get("number"))
    for head, number, durable in written:
        assert ends[head][1] == number
        assert ends[head][0] <= durable


class Gate:
    """A commit that waits until it is let through, and counts."""

    def __init__(self) -> None:
        self.batches = []
        self.entered = threading.Semaphore(0)
        self.open = threading.Semaphore(0)

    def __call__(self, batch: Sequence[Entry]) -> None:
        self.entered.release()
        self.open.acquire()
        self.batches.append(len(batch))
        for entry in batch:
            entry.head = Head(len(self.batches), "")


def test_those_who_wait_are_written_together_and_no_more_than_the_bound() -> None:
    gate = Gate()
    queue = GroupCommit(gate, bound=4)
    entries = [Entry(Kind.ACTION, {}) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(queue.submit, entries[0])
        gate.entered.acquire()
        rest = [pool.submit(queue.submit, entry) for entry in entries[1:]]
        while len(queue._waiting) < 4:  # noqa: SLF001 - nothing public tells that it is full
            pass
        for _ in range(10):
            gate.open.release()
        for future in [first, *rest]:
            future.result()
    assert gate.batches[0] == 1
    assert gate.batches[1] == 4
    assert sum(gate.batches) == 10
    assert max(gate.batches) == 4
    assert all(entry.head for entry in entries)


@pytest.mark.parametrize(
    ("error", "raised", "refusal"),
    [
        (LedgerError("disk full"), None, "disk full"),
        (KeyboardInterrupt(), KeyboardInterrupt, "the thread that wrote the batch was interrupted"),
    ],
)
def test_a_batch_that_fails_is_refused_to_each(
    error: BaseException, raised: type[BaseException] | None, refusal: str
) -> None:
    def commit(_batch: Sequence[Entry]) -> None:
        raise error

    commits = [commit, lambda batch: setattr(batch[0], "head", Head(1, ""))]

    def next_commit(batch: Sequence[Entry]) -> None:
        commits.pop(0)(batch)

    queue = GroupCommit(next_commit, bound=4)
    entry = Entry(Kind.ACTION, {})
    if raised is None:
        queue.submit(entry)
    else:
        with pytest.raises(raised):
            queue.submit(entry)
    assert (entry.head, entry.refusal, entry.done) == (None, refusal, True)
    again = Entry(Kind.ACTION, {})
    queue.submit(again)
    assert again.head == Head(1, "")
