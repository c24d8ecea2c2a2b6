"""Ticks that were polled and wait to be processed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from quant_core.live._protocols import Polled
from quant_core.live._ticks import joined, no_ticks, taken

if TYPE_CHECKING:
    from quant_core.live._messages import DeadLetter

__all__ = ["TickQueue"]


class TickQueue:
    """Ticks in the order of arrival, with the messages that are none."""

    def __init__(self) -> None:
        self._waiting: deque[Polled] = deque()
        self._malformed: list[DeadLetter] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return bool(self._length or self._malformed)

    @property
    def oldest(self) -> float:
        """When the first tick was received."""
        return float(self._waiting[0].ticks.received[0])

    def put(self, polled: Polled) -> None:
        """Take what a poll brought."""
        self._malformed += polled.malformed
        if len(polled.ticks):
            self._waiting.append(polled)
            self._length += len(polled.ticks)

    def take(self, limit: int) -> Polled:
        """Return at most ``limit`` ticks from the front, and every malformed message.

        Ticks that fill the history only come first in what is returned, so it ends before others
        of them.
        """
        parts: list[Polled] = []
        room = limit
        while self._waiting and room and not (parts and self._waiting[0].history):
            part = self._front(room)
            room -= len(part.ticks)
            parts.append(part)
        malformed, self._malformed = tuple(self._malformed), []
        ticks = joined([part.ticks for part in parts]) if parts else no_ticks()
        self._length -= len(ticks)
        return Polled(ticks, malformed, parts[0].history if parts else 0)

    def _front(self, room: int) -> Polled:
        part = self._waiting.popleft()
        if len(part.ticks) <= room:
            return part
        rest = Polled(taken(part.ticks, slice(room, None)), (), max(0, part.history - room))
        self._waiting.appendleft(rest)
        return Polled(taken(part.ticks, slice(room)), (), min(part.history, room))
