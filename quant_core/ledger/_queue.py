"""Group commit: one thread writes for all that wait."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quant_core.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from quant_core.ledger._record import Head, Kind

__all__ = ["Entry", "GroupCommit"]


@dataclass(slots=True, eq=False)
class Entry:
    """A record that waits to be written, and then its head or the reason why it was not."""

    kind: Kind
    body: Mapping[str, bytes]
    head: Head | None = None
    refusal: str = ""
    done: bool = False


class GroupCommit:
    """A bounded queue whose first thread to find it idle commits all that it holds.

    Parameters
    ----------
    commit : callable
        Writes a batch and sets the head or the refusal of each entry.
    bound : int
        How many entries may wait; more block their threads.
    """

    def __init__(self, commit: Callable[[Sequence[Entry]], None], bound: int) -> None:
        self._commit = commit
        self._bound = bound
        self._changed = threading.Condition()
        self._waiting: list[Entry] = []
        self._led = False

    def submit(self, entry: Entry) -> None:
        """Queue an entry and return when it is durable or refused."""
        with self._changed:
            while len(self._waiting) >= self._bound:
                self._changed.wait()
            self._waiting.append(entry)
            while self._led and not entry.done:
                self._changed.wait()
            if entry.done:
                return
            self._led = True
            batch, self._waiting = self._waiting, []
        self._lead(batch)

    def _lead(self, batch: Sequence[Entry]) -> None:
        refusal = "the thread that wrote the batch was interrupted"
        try:
            self._commit(batch)
        except LedgerError as error:
            refusal = str(error)
        finally:
            with self._changed:
                for entry in batch:
                    if entry.head is None and not entry.refusal:
                        entry.refusal = refusal
                    entry.done = True
                self._led = False
                self._changed.notify_all()
