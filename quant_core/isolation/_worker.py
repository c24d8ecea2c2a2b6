"""What a worker process does for the process that started it."""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from quant_core.isolation._frames import FrameReader

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from quant_core.isolation._frames import Frame

__all__ = ["end_with_parent", "frames", "limit_memory", "told"]

_CHUNK = 1 << 20
_LONGEST_FRAME = 1 << 40  # what started it is trusted
_DETAIL = 500


def end_with_parent() -> None:
    """Let the kernel end this process when the parent's end of standard input is closed.

    What hangs may hold the interpreter, so nothing written in Python could do it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    watched = select.poll()
    watched.register(0, select.POLLHUP)
    if watched.poll(0):
        sys.exit(0)


def limit_memory(allowed: int, *, for_good: bool = True) -> None:
    """Limit what may be allocated on top of what is reserved now, on Linux.

    Parameters
    ----------
    allowed : int
        Bytes; 0 sets no limit.
    for_good : bool
        Whether the process may not set another limit later.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    statistics = Path("/proc/self/statm")
    if allowed and statistics.exists():
        reserved = int(statistics.read_text().split()[5]) * resource.getpagesize()
        most = reserved + allowed
        hard = most if for_good else resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def frames(channel: socket.socket) -> Iterator[Frame]:
    """Yield what comes over a socket until its other end is closed."""
    reader = FrameReader(_LONGEST_FRAME)
    while data := channel.recv(_CHUNK):
        yield from reader.feed(data)


def told(error: BaseException) -> str:
    """Return type, message and place of an error, without its traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    try:
        message = str(error)[: _DETAIL - len(place)]
    except BaseException:  # noqa: BLE001 - an error may not even have a text
        message = "an error without a text"
    return f"{type(error).__name__}: {message}"[: _DETAIL - len(place)] + place
