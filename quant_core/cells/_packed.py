"""Partitions that lie in the pack of their year: a tar file of the files as they were."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

from quant_core.canonical import digest
from quant_core.cells._manifest import read_manifest
from quant_core.errors import StoreError
from quant_core.objects import join

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.cells._manifest import Entry
    from quant_core.objects import Objects

__all__ = ["PACK_SUFFIX", "Packs", "pack"]

PACK_SUFFIX = ".tar"
"""How the name of a pack ends."""


class Packs:
    """Reads partitions out of packs.

    Parameters
    ----------
    objects : Objects
        Where packs and manifests lie.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._last: tuple[str, bytes] = ("", b"")

    def __getstate__(self) -> dict[str, Any]:
        return {"_objects": self._objects, "_last": ("", b"")}

    def entry(self, partition: str) -> Entry | None:
        """Return the entry of a partition that lies in a pack, or None."""
        folder, _, name = partition.rpartition("/")
        found = read_manifest(self._objects, folder).entries.get(name)
        return found if found is not None and found.pack else None

    def read(self, partition: str) -> tuple[bytes, str] | None:
        """Return the bytes of a partition that lies in a pack and their digest, or None.

        Raises
        ------
        StoreError
            If the pack is gone, or does not hold what the manifest says.
        """
        entry = self.entry(partition)
        if entry is None:
            return None
        name = join(partition.rpartition("/")[0], entry.pack)
        data = self._pack(name)[entry.offset : entry.offset + entry.size]
        if digest(data) != entry.digest:
            raise StoreError(
                f"{self._objects.path(name)}: expected {partition} with digest {entry.digest} at "
                f"byte {entry.offset}, found other bytes; restore the pack, or materialize the "
                "partition again"
            )
        return data, entry.digest

    def forget(self) -> None:
        """Let go of the pack that was read last."""
        self._last = ("", b"")

    def _pack(self, name: str) -> bytes:
        if self._last[0] != name:
            found = self._objects.read(name)
            if found is None:
                raise StoreError(
                    f"{self._objects.path(name)}: expected the pack that the manifest names, found "
                    "none; restore it, or materialize its partitions again"
                )
            self._last = name, found[0]
        return self._last[1]


def pack(files: Mapping[str, bytes]) -> tuple[bytes, dict[str, int]]:
    """Return a tar file of files and where each of them begins; equal files give equal bytes.

    Parameters
    ----------
    files : mapping of str to bytes
        Contents by name, in the order that they get.
    """
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    whole = target.getvalue()
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        return whole, {member.name: member.offset_data for member in archive.getmembers()}
