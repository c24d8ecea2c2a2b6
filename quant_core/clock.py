"""The one clock and the one random source of the library.

Nothing else in the packages reads the wall clock or seeds a generator: a test replaces the clock
here, and a seed replays a run.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Clock", "SystemClock", "VirtualClock", "clock", "generator", "use_clock"]


class Clock(Protocol):
    """What the library asks of a clock."""

    def now(self) -> datetime:
        """Return the current instant, timezone-aware, in UTC."""
        ...

    def seconds(self) -> float:
        """Return a monotonic reading in seconds, for durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed on this clock."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)

    def seconds(self) -> float:
        """Return the monotonic performance counter in seconds."""
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        """Give the processor away for so many seconds."""
        time.sleep(seconds)


class VirtualClock:
    """A clock that moves only when it is told to, or when somebody sleeps.

    Parameters
    ----------
    start : datetime
        Its first instant, in UTC; its reading in seconds starts at 0.

    Examples
    --------
    >>> with use_clock(VirtualClock()) as virtual:
    ...     virtual.sleep(2.5)
    ...     clock().seconds()
    2.5
    """

    def __init__(self, start: datetime = datetime(2020, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return the virtual instant."""
        return self._start + timedelta(seconds=self._seconds)

    def seconds(self) -> float:
        """Return the seconds since the clock's start."""
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """Move on by so many seconds, at once."""
        self._seconds += max(0.0, seconds)


_current: Clock = SystemClock()


def clock() -> Clock:
    """Return the clock in force."""
    return _current


@contextmanager
def use_clock(replacement: Clock) -> Iterator[Clock]:
    """Put another clock in force for the duration of a ``with`` block.

    Parameters
    ----------
    replacement : Clock
        The clock to read inside the block, for example a virtual one.
    """
    global _current  # noqa: PLW0603 - the point of the module is one replaceable clock
    previous, _current = _current, replacement
    try:
        yield replacement
    finally:
        _current = previous


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return the random generator of a seed and a purpose.

    Parameters
    ----------
    seed : int
        The seed of the run.
    *names : str
        What the numbers are for, for example ``"bootstrap"``: two purposes never share a stream.

    Returns
    -------
    numpy.random.Generator
        A PCG64 generator whose stream depends on ``seed`` and ``names`` alone.
    """
    words = hashlib.blake2b("\x1f".join(names).encode(), digest_size=16).digest()
    entropy = [seed, int.from_bytes(words[:8], "big"), int.from_bytes(words[8:], "big")]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
