"""One worker process, as the process that started it holds it."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from quant_core.isolation._frames import FrameError, FrameReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.isolation._frames import Frame

__all__ = ["WorkerProcess"]

_CHUNK = 1 << 18
_LONGEST_FRAME = 1 << 24
_TAIL = 1_000
_ENDING_SECONDS = 0.2
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class WorkerProcess:
    """A process that runs what may hang or die, and the three pipes to it.

    Messages go over a socket. Standard input carries nothing: that it closes tells the worker,
    whatever it is doing, that this process has ended. Standard error is read and its tail kept.

    Parameters
    ----------
    selector : selectors.BaseSelector
        Where its pipes are registered, with itself as data.
    module : str
        What it runs: a module that is called with the number of its end of the socket, then the
        other arguments.
    arguments : sequence of str
        The other arguments.
    """

    def __init__(
        self, selector: selectors.BaseSelector, module: str, arguments: Sequence[str] = ()
    ) -> None:
        self._selector = selector
        self._reader = FrameReader(_LONGEST_FRAME)
        self._unsent: deque[memoryview] = deque()
        self._events = selectors.EVENT_READ
        self._tail = b""
        self.alive = True
        self.killed = False
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - a module of ours
                [sys.executable, "-m", module, str(theirs.fileno()), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=(theirs.fileno(),),
                env=_environment(),
                start_new_session=True,  # an interrupt of the terminal is the parent's to answer
            )
        assert self._process.stderr is not None
        self.errors = self._process.stderr
        self._channel.setblocking(False)
        os.set_blocking(self.errors.fileno(), False)
        selector.register(self._channel, selectors.EVENT_READ, self)
        selector.register(self.errors, selectors.EVENT_READ, self)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, message: bytes) -> None:
        """Send a message, as much of it as the pipe takes now."""
        self._unsent.append(memoryview(message))
        self.flush()

    def flush(self) -> None:
        """Send what waits, as much as the pipe takes now."""
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self._unsent:
                rest = self._unsent[0][self._channel.send(self._unsent[0]) :]
                self._unsent.popleft()
                if rest:
                    self._unsent.appendleft(rest)
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        if wanted != self._events:
            self._selector.modify(self._channel, wanted, self)
            self._events = wanted

    def receive(self) -> list[Frame]:
        """Return the messages that have come; at the end of them it is no longer `alive`."""
        frames: list[Frame] = []
        if self._unsent:
            self.flush()
        try:
            while data := self._channel.recv(_CHUNK):
                frames += self._reader.feed(data)
            self.alive = False
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self.alive = False
        except FrameError as error:
            self._tail = str(error).encode()
            self.alive = False
        return frames

    def drain(self) -> None:
        """Read standard error, and keep its last characters."""
        while data := self.errors.read(_CHUNK):
            self._tail = (self._tail + data)[-_TAIL:]
        if data == b"":
            with suppress(KeyError):
                self._selector.unregister(self.errors)

    def end(self) -> None:
        """Kill the process, with what it has started, and let go of it."""
        if not self.alive:
            with suppress(subprocess.TimeoutExpired):  # its socket closes before it has ended
                self._process.wait(_ENDING_SECONDS)
        self.alive = False
        self.killed = self._process.poll() is None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self.drain()
        for pipe in (self._channel, self.errors):
            with suppress(KeyError):
                self._selector.unregister(pipe)
            pipe.close()
        assert self._process.stdin is not None
        self._process.stdin.close()

    @property
    def was_killed_by_others(self) -> bool:
        """Whether a signal ended it that no work sends itself by accident."""
        ended = self._process.returncode
        return not self.killed and ended in (-signal.SIGKILL, -signal.SIGTERM)

    @property
    def last_words(self) -> str:
        """How it ended, and the tail of its standard error."""
        code = self._process.returncode
        ended = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        told = self._tail.decode(errors="replace").strip()
        return f"{ended}: {told}" if told else ended


def _environment() -> dict[str, str]:
    """Return our environment, with the modules that we find and one thread a library."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path, **dict.fromkeys(_THREADS, "1")}
