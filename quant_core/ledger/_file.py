"""The file under a ledger: one lock, whole batches, nothing acknowledged before it is durable."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from typing import TYPE_CHECKING

from quant_core.errors import LedgerError
from quant_core.ledger._record import RecordError
from quant_core.ledger._tail import EMPTY, Tail, read_tail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["LedgerFile"]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_directory(path: Path) -> None:
    if not path.is_dir():
        _make_directory(path.parent)
        path.mkdir(exist_ok=True)
        _sync_directory(path.parent)


def _open(path: Path) -> int:
    _make_directory(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        # On every opening: whoever created the file may have died before its name was durable.
        _sync_directory(path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class LedgerFile:
    """An append-only file that many processes share.

    Parameters
    ----------
    path : pathlib.Path
        The file, on a local file system; it and its folders are created when missing.

    Raises
    ------
    LedgerError
        If the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._refusal = ""
        self._known = EMPTY
        self._descriptor = -1
        self._open()

    def _open(self) -> None:
        try:
            self._descriptor = _open(self.path)
        except OSError as error:
            raise self._failure("cannot be opened", error) from error

    def _failure(self, what: str, error: OSError) -> LedgerError:
        return LedgerError(f"ledger {self.path}: {what}: {error.strerror or error}")

    def close(self) -> None:
        """Give the file back; later appends are refused."""
        self.renew()
        self._refusal = "it is closed; open it again"

    def renew(self) -> None:
        """Let go of a descriptor that is shared with another process; the next lock opens anew."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            # Linux lets go of it whatever it answers, and what was acknowledged is durable.
            with contextlib.suppress(OSError):
                os.close(descriptor)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the file against every other process.

        Raises
        ------
        LedgerError
            If the file is closed, was moved or deleted, or a write to it went wrong before.
        """
        if self._refusal:
            raise LedgerError(f"ledger {self.path}: {self._refusal}")
        if self._descriptor < 0:
            self._open()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise self._failure("cannot be locked", error) from error
        try:
            self._check_place()
            yield
        finally:
            self._unlock()

    def _unlock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        except OSError:
            self.renew()  # the lock ends with its descriptor

    def _check_place(self) -> None:
        try:
            same = os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except OSError:
            same = False
        if not same:
            raise LedgerError(f"ledger {self.path}: it was moved or deleted; open it again")

    def tail(self) -> Tail:
        """Return the end of the file, under the lock; only what others appended is read.

        Raises
        ------
        LedgerError
            If the file is shorter than it was, cannot be read, or its last line was edited.
        """
        try:
            size = os.fstat(self._descriptor).st_size
            if size < self._known.size:
                raise LedgerError(
                    f"ledger {self.path}: it was cut from {self._known.size} to {size} bytes; "
                    "restore it, then open it again"
                )
            if size > self._known.size:
                tail = read_tail(self._descriptor, size, self._known)
                if not tail.settled:
                    return tail
                self._known = tail
        except RecordError as error:
            raise LedgerError(
                f"ledger {self.path}: the last line is no sound record: {error}; verify the file"
            ) from error
        except OSError as error:
            raise self._failure("cannot be read", error) from error
        return self._known

    def extend(self, before: Tail, payload: bytes, after: Tail) -> None:
        """Append a batch and return when it is durable; a batch that fails leaves nothing.

        Raises
        ------
        LedgerError
            If it cannot be written. Later appends are refused if the state of the disk is unknown.
        """
        try:
            self._write(payload)
            self._sync()
        except BaseException as error:
            self._take_back(before)
            if isinstance(error, OSError):
                raise self._failure("a record cannot be written", error) from error
            raise
        self._known = after

    def _write(self, payload: bytes) -> None:
        rest = memoryview(payload)
        while rest:
            written = os.write(self._descriptor, rest)
            if written == 0:
                raise OSError(errno.EIO, "nothing was written")
            rest = rest[written:]

    def _sync(self) -> None:
        try:
            os.fsync(self._descriptor)
        except BaseException:
            # The kernel forgets what it could not write, so a second fsync would lie.
            self._refusal = "an fsync failed before; verify the file, then open it again"
            raise

    def _take_back(self, before: Tail) -> None:
        try:
            os.ftruncate(self._descriptor, before.size)
        except OSError:
            self._refusal = "a write was left half done; open it again, which seals it"
