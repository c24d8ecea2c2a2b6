"""Objects that are files of this machine."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from quant_core.canonical import digest
from quant_core.errors import ConflictError
from quant_core.objects._object import Listed, Version
from quant_core.objects._whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FileObjects"]


@dataclass(frozen=True, slots=True)
class FileObjects:
    """Files below a folder; a write is a rename, and the last of two writers wins.

    Parameters
    ----------
    root : str
        The folder.
    durable : bool
        Whether a file must survive a power cut once it is written.
    """

    root: str
    durable: bool = True

    @property
    def local(self) -> bool:
        """True: they are files of this machine."""
        return True

    def prepare(self) -> str:
        """Return that a disk needs no preparation."""
        return "a local disk: a write is a rename"

    def path(self, name: str) -> str:
        """Return where a file lies, whether it is there or not."""
        return f"{self.root}/{name}"

    def version(self, name: str) -> Version | None:
        """Return the state of a file, or None; its digest is not known."""
        try:
            found = Path(self.path(name)).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Version(f"{found.st_ino}.{found.st_mtime_ns}.{found.st_size}", "", found.st_size)

    def read(self, name: str) -> tuple[bytes, Version] | None:
        """Return the bytes of a file and their digest, or None."""
        try:
            data = Path(self.path(name)).read_bytes()
        except FileNotFoundError:
            return None
        return data, Version("", digest(data), len(data))

    def open(self, name: str) -> BinaryIO:
        """Open a file to read."""
        return Path(self.path(name)).open("rb")

    def put(self, name: str, data: bytes, *, seen: Version | None) -> Version:  # noqa: ARG002 - a rename has no condition
        """Write a file, whole or not at all."""
        with whole_file(Path(self.path(name)), durable=self.durable) as unfinished:
            unfinished.write_bytes(data)
        return Version("", digest(data), len(data))

    def names(self) -> dict[str, Listed]:
        """Return the files, by name, sorted; hidden folders are left out."""
        found = {}
        for folder, below, files in os.walk(self.root):
            below[:] = [name for name in below if not name.startswith(".")]
            start = folder[len(self.root) + 1 :]
            for file in files:
                with suppress(FileNotFoundError):  # another process removed it just now
                    found[f"{start}/{file}" if start else file] = _listed(f"{folder}/{file}")
        return dict(sorted(found.items()))

    def remove(self, name: str, *, seen: Version | None = None) -> None:
        """Remove a file, if it is still what was seen."""
        if seen is not None:
            found = self.read(name)
            if found is not None and not found[1].same(seen):
                raise ConflictError(
                    f"{self.path(name)}: expected the content that was read, found another"
                )
        Path(self.path(name)).unlink(missing_ok=True)

    @contextmanager
    def exclusive(self, name: str) -> Iterator[None]:
        """Hold the folder of a file against other processes that ask for it too."""
        folder = Path(self.path(name)).parent
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _listed(path: str) -> Listed:
    found = Path(path).stat()
    return Listed(found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
