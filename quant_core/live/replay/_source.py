"""Ticks from Parquet files, as fast as they can be processed or at a fixed rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.clock import clock
from quant_core.errors import ConfigError
from quant_core.live._protocols import Polled
from quant_core.live._ticks import joined, no_ticks, taken
from quant_core.live.replay._file import ReplayFile
from quant_core.live.replay._merge import Merge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.live._messages import DeadLetter, TickBatch

__all__ = ["ReplaySource"]

_CHUNK = 65_536
_PACED_CHUNK = 4_096
_NAME = "replay"


class ReplaySource:
    """Ticks of Parquet files, merged by instant; ties in the order of the files.

    A file has a column ``ts``, a timestamp (without a zone it is UTC) or whole nanoseconds, and
    ``bid`` and ``ask``, or ``price``; with ``size`` and ``instrument`` where it likes. Without an
    ``instrument`` column every row is of the instrument that ``NAME=FILE`` gives, else of the
    file's name without its ending. Rows of a file keep their order, also where ``ts`` goes back.
    The price of a quote is the middle of bid and ask. A row without ``ts``, ``instrument`` or
    prices, or with text that is no number, is no tick and becomes a dead letter.

    Correlation ids are ``replay/{file}/{row}``, both counted from 0.

    Parameters
    ----------
    files : sequence of str
        Paths or fsspec URLs, each possibly ``NAME=FILE``.
    rate : float or None
        Ticks per second. The tick is then received at the instant it is due, whether or not
        anybody polled, so that a slow consumer counts the time that ticks wait. None hands out
        ticks as fast as they are polled.
    limit : int or None
        Ticks and malformed rows to replay at most.
    chunk : int, optional
        Rows of each file that are in memory at one time; by default few when there is a rate, so
        that reading on takes less than a tick may wait, and many without one.

    Raises
    ------
    ConfigError
        If there is no file, or an argument is out of range.
    DataError
        If a file is no Parquet, or lacks columns.
    """

    def __init__(
        self,
        files: Sequence[str],
        rate: float | None = None,
        *,
        limit: int | None = None,
        chunk: int | None = None,
    ) -> None:
        if not files:
            raise ConfigError("replay: expected a file of ticks, found none")
        if rate is not None and not 0 < rate < np.inf:
            raise ConfigError(f"replay: expected a rate above 0 ticks per second, found {rate}")
        if limit is not None and limit < 0:
            raise ConfigError(f"replay: expected a limit of at least 0 ticks, found {limit}")
        rows = chunk or (_CHUNK if rate is None else _PACED_CHUNK)
        self._files = [ReplayFile(file, place, rows) for place, file in enumerate(files)]
        self._merge = Merge(self._files)
        self._rate, self._left = rate, np.inf if limit is None else limit
        self._block, self._at = no_ticks(), 0
        self._malformed: list[DeadLetter] = []
        self._handed = 0
        self._start: float | None = None
        self._end = False

    @property
    def name(self) -> str:
        """What correlation ids call it."""
        return _NAME

    def poll(self, limit: int, timeout: float) -> Polled:
        """Return at most ``limit`` ticks that are due, waiting at most ``timeout`` seconds."""
        if self._start is None:
            self._filled()  # the first tick is due when it can be handed out
            self._start = clock().seconds()
        due = limit if self._rate is None else min(limit, self._due(timeout))
        parts: list[TickBatch] = []
        while due and self._filled():
            part = taken(self._block, slice(self._at, self._at + due))
            self._at += len(part)
            due -= len(part)
            parts.append(part)
        ticks = self._stamped(joined(parts)) if parts else no_ticks()
        malformed, self._malformed = tuple(self._malformed), []
        return Polled(ticks, malformed, end=not self._filled() and not self._malformed)

    def _due(self, timeout: float) -> int:
        now, rate = clock().seconds(), self._rate or 1.0
        start = self._start or 0.0
        next_due = start + self._handed / rate
        if now < next_due:
            clock().sleep(min(next_due - now, timeout))
            now = clock().seconds()
        return max(0, int((now - start) * rate + 1e-9) + 1 - self._handed)

    def _filled(self) -> bool:
        """Say whether there is another tick, reading on where there is none in memory."""
        while self._at >= len(self._block) and not self._end:
            if self._left <= 0:
                self._end = True
                break
            found = self._merge.next()
            if found is None:
                self._end = True
                break
            ticks, malformed = found
            self._at, (self._block, self._malformed) = 0, self._limited(ticks, malformed)
        return self._at < len(self._block)

    def _limited(
        self, ticks: TickBatch, malformed: list[DeadLetter]
    ) -> tuple[TickBatch, list[DeadLetter]]:
        ticks = taken(ticks, slice(int(min(len(ticks), self._left))))
        self._left -= len(ticks)
        return ticks, self._malformed + malformed

    def _stamped(self, ticks: TickBatch) -> TickBatch:
        count = len(ticks)
        if self._rate is None:
            ticks.received[:] = clock().seconds()
        else:
            ticks.received[:] = (self._start or 0.0) + np.arange(
                self._handed, self._handed + count
            ) / self._rate
        self._handed += count
        return ticks

    def commit(self, upto: Mapping[int, int] | None = None) -> None:
        """Do nothing: a replay starts from the beginning."""

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()
