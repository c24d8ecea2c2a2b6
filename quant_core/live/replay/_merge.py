"""Several files of ticks as one stream, by instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from quant_core.live._ticks import joined, no_ticks, taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.live._messages import DeadLetter, TickBatch
    from quant_core.live.replay._file import ReplayFile

__all__ = ["Merge"]


class _Front:
    """What is read of a file and not handed out yet."""

    def __init__(self, file: ReplayFile) -> None:
        self._file = file
        self.ticks: TickBatch = no_ticks()
        self.at = np.empty(0, dtype=np.int64)
        self.ended = False

    def fill(self, malformed: list[DeadLetter]) -> None:
        while not len(self.ticks) and not self.ended:
            found = self._file.read()
            if found is None:
                self.ended = True
            else:
                self.ticks, self.at, letters = found
                malformed += letters

    def take(self, count: int) -> tuple[TickBatch, np.ndarray]:
        part = taken(self.ticks, slice(count)), self.at[:count]
        self.ticks, self.at = taken(self.ticks, slice(count, None)), self.at[count:]
        return part


class Merge:
    """Chunks of several files in the order of their instants.

    Parameters
    ----------
    files : sequence of ReplayFile
        In the order that ties are resolved in.
    """

    def __init__(self, files: Sequence[ReplayFile]) -> None:
        self._fronts = [_Front(file) for file in files]

    def next(self) -> tuple[TickBatch, list[DeadLetter]] | None:
        """Return the next ticks and malformed rows, None behind the last."""
        malformed: list[DeadLetter] = []
        for front in self._fronts:
            front.fill(malformed)
        filled = [front for front in self._fronts if len(front.ticks)]
        if not filled:
            return (no_ticks(), malformed) if malformed else None
        parts = self._parts(filled)
        ticks = joined([ticks for ticks, _ in parts])
        order = np.argsort(np.concatenate([at for _, at in parts if len(at)]), kind="stable")
        return (taken(ticks, order) if len(parts) > 1 else ticks), malformed

    def _parts(self, filled: list[_Front]) -> list[tuple[TickBatch, np.ndarray]]:
        # Behind the earliest last instant a file may go on with anything later, so that is how far
        # all are complete. Files after that one wait with equal instants for the rest of its own.
        ends = [int(front.at[-1]) for front in filled]
        first = int(np.argmin(ends))
        parts = []
        for place, front in enumerate(filled):
            side: Literal["left", "right"] = "right" if place <= first else "left"
            parts.append(front.take(int(np.searchsorted(front.at, ends[first], side=side))))
        return parts
