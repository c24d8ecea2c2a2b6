"""Calls that wait for a worker: bounded per strategy, in order per strategy."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from quant_core.live.isolated._messages import Work

__all__ = ["Call", "CallQueue"]

_PRIORITIES = {"critical": 0, "normal": 1, "background": 2}


@dataclass(slots=True, eq=False)
class Call:
    """A call on its way to a worker."""

    ticket: int
    work: Work
    key: str
    message: bytes
    retried: bool = False

    @property
    def name(self) -> str:
        """The strategy's name."""
        return self.work.row.name

    @property
    def rank(self) -> tuple[int, int]:
        """Who goes first: by priority, then by order of submission."""
        return _PRIORITIES[self.work.row.priority], self.ticket


class CallQueue:
    """One bounded queue a strategy; a strategy has one call under way at a time.

    Parameters
    ----------
    limit : int
        Calls of one strategy that may wait or be under way.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[str, deque[Call]] = {}
        self._under_way: set[str] = set()

    def put(self, call: Call) -> bool:
        """Queue a call; False if its strategy has too many."""
        waiting = self._waiting.get(call.name, ())
        if len(waiting) + (call.name in self._under_way) >= self._limit:
            return False
        self._waiting.setdefault(call.name, deque()).append(call)
        return True

    def take(self, loaded: AbstractSet[str]) -> Call | None:
        """Begin the most urgent call among those of the keys that a worker has loaded."""
        heads = (
            waiting[0]
            for name, waiting in self._waiting.items()
            if name not in self._under_way and waiting[0].key in loaded
        )
        call = min(heads, key=lambda head: head.rank, default=None)
        if call is not None:
            self._waiting[call.name].popleft()
            self._under_way.add(call.name)
            self._forget_empty(call.name)
        return call

    def finish(self, call: Call) -> None:
        """Say that a call is no longer under way."""
        self._under_way.discard(call.name)

    def put_back(self, call: Call) -> None:
        """Let a call that was under way wait again, before the others of its strategy."""
        self._under_way.discard(call.name)
        self._waiting.setdefault(call.name, deque()).appendleft(call)

    def keys(self) -> frozenset[str]:
        """Return the keys that calls wait for."""
        return frozenset(call.key for call in self._all())

    def remove(self, unwanted: Callable[[Call], bool]) -> list[Call]:
        """Take out the waiting calls that a predicate holds for."""
        removed = [call for call in self._all() if unwanted(call)]
        for call in removed:
            self._waiting[call.name].remove(call)
            self._forget_empty(call.name)
        return removed

    def _all(self) -> Iterator[Call]:
        return (call for waiting in self._waiting.values() for call in waiting)

    def _forget_empty(self, name: str) -> None:
        if not self._waiting[name]:
            del self._waiting[name]
