"""A read-through cache on the local disk: bytes by their digest, verified when they are read."""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from quant_core.canonical import digest
from quant_core.context import current_settings
from quant_core.objects._whole_file import UNFINISHED

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ByteCache", "byte_cache"]

_SWEEPS = 16


class ByteCache:
    """Bytes that were read from a distant store, the least recently used ones dropped.

    Processes may share a folder: an entry is renamed into place whole, its name is the digest of
    its bytes, and one that does not match its name is dropped and read from the store again.

    Parameters
    ----------
    folder : pathlib.Path
        Where entries lie; created with the first one.
    limit : int
        Bytes of all entries. Each process looks after every sixteenth of it that it has written,
        so that is how far the folder may be above the limit, for each process.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._lock = threading.Lock()
        self._unswept = limit

    def get(self, name: str) -> bytes | None:
        """Return the bytes of a digest, or None when they are not here or damaged."""
        if not self._limit:
            return None
        path = self._path(name)
        try:
            data = path.read_bytes()
            if digest(data) == name:
                os.utime(path)
                return data
            path.unlink()
        except FileNotFoundError:
            return None
        return None

    def put(self, name: str, data: bytes) -> None:
        """Keep bytes under their digest."""
        if len(data) > self._limit:
            return
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        thread = threading.get_ident()
        unfinished = path.with_name(f".{name}.{thread}.{os.getpid()}{UNFINISHED}")
        unfinished.write_bytes(data)
        unfinished.replace(path)
        with self._lock:
            self._unswept += len(data)
            if self._unswept * _SWEEPS >= self._limit:
                self._sweep()
                self._unswept = 0

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _sweep(self) -> None:
        """Drop what was not used for longest until the rest is within the limit."""
        found = []
        for path in self._folder.glob("??/*"):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            if path.name.endswith(UNFINISHED) and not _alive(int(path.name.split(".")[-2])):
                path.unlink(missing_ok=True)
            else:
                found.append((state.st_mtime_ns, state.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._limit:
                return
            path.unlink(missing_ok=True)
            total -= size


def byte_cache() -> ByteCache:
    """Return the cache of this process, ``cache`` in the home folder."""
    settings = current_settings()
    return _cache(settings.home / "cache", settings.lakehouse_cache_bytes)


@lru_cache(maxsize=4)
def _cache(folder: Path, limit: int) -> ByteCache:
    return ByteCache(folder, limit)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
