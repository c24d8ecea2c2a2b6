"""Tables that are kept in Ray's object store beside their files."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["HotObjects"]


class _Key(NamedTuple):
    asset: str
    partition: str
    digest: str


class HotObjects:
    """A bounded set of tables in Ray's object store, the least recently used ones dropped.

    The key holds the digest of the content, so that a table that is no longer the file's cannot be
    found. Without a running Ray session nothing is kept, and nothing is started.

    Parameters
    ----------
    max_bytes : int
        Bytes of all tables together; a table that is larger by itself is not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._session: str | None = None
        self._references: OrderedDict[_Key, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes held."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._references)

    def put(self, asset: str, partition: str, digest: str, table: pa.Table) -> None:
        """Keep a table."""
        ray = self._ray()
        key = _Key(asset, partition, digest)
        if ray is None or key in self._references or table.nbytes > self._max_bytes:
            return
        self._references[key] = ray.put(table), table.nbytes
        self._bytes += table.nbytes
        while self._bytes > self._max_bytes:
            _, (_, freed) = self._references.popitem(last=False)
            self._bytes -= freed

    def get(self, asset: str, partition: str, digest: str) -> pa.Table | None:
        """Return a table without a copy, or None when it is not kept."""
        ray = self._ray()
        key = _Key(asset, partition, digest)
        if ray is None or key not in self._references:
            return None
        self._references.move_to_end(key)
        table: pa.Table = ray.get(self._references[key][0])
        return table

    def _ray(self) -> Any:
        # Ray that is running has been imported; importing it here would cost seconds for nothing.
        ray = sys.modules.get("ray")
        if ray is None or not ray.is_initialized():
            return None
        session = ray.get_runtime_context().get_job_id()
        node = ray.get_runtime_context().get_node_id()
        if self._session != f"{node}/{session}":
            # References of a session that has ended point to nothing.
            self._references.clear()
            self._bytes = 0
            self._session = f"{node}/{session}"
        return ray
