"""What a folder of partitions holds: one record beside them, so that a loss is seen."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from quant_core.canonical import canonical_json
from quant_core.errors import ConflictError, StoreError
from quant_core.objects import join

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quant_core.objects import Objects

__all__ = ["MANIFEST", "Entry", "Manifest", "change_manifest", "read_manifest"]

MANIFEST = ".manifest.json"
"""Name of the record of a folder."""

_FORMAT = 1
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a partition.

    Parameters
    ----------
    digest : str
        Digest of its bytes: its data version.
    rows, size : int
        Rows of the table and bytes of the file.
    code_version : str
        Version of the code that made it; empty where nobody told.
    pack : str
        The pack of its year that it lies in; empty where it is a file of its own.
    offset : int
        Where it begins in the pack.
    """

    digest: str
    rows: int
    size: int
    code_version: str = ""
    pack: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """The partitions of one folder.

    Parameters
    ----------
    entries : mapping of str to Entry
        By the name of the partition, without its folder.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the record; equal manifests give equal bytes."""
        entries = {name: asdict(entry) for name, entry in self.entries.items()}
        return canonical_json({"format": _FORMAT, "partitions": entries}) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str) -> Manifest:
        """Read a record.

        Raises
        ------
        StoreError
            If it is not one of ours.
        """
        try:
            found = json.loads(data)
            if found["format"] != _FORMAT:
                raise ValueError(f"format {found['format']}")  # noqa: TRY301 - one message for all
            entries = {name: Entry(**entry) for name, entry in found["partitions"].items()}
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{name}: expected a manifest of format {_FORMAT}, found what cannot be read as "
                f"one ({error}); delete it, and materialize the partitions to have them booked"
            ) from error
        return cls(entries)


def read_manifest(objects: Objects, folder: str) -> Manifest:
    """Return the manifest of a folder; one that was never written is empty."""
    name = join(folder, MANIFEST)
    found = objects.read(name)
    return Manifest() if found is None else Manifest.from_bytes(found[0], name=objects.path(name))


def change_manifest(
    objects: Objects, folder: str, change: Callable[[Mapping[str, Entry]], Mapping[str, Entry]]
) -> None:
    """Change the manifest of a folder; of two changes at once neither is lost.

    Parameters
    ----------
    objects : Objects
        Where it lies.
    folder : str
        The folder; empty for the root.
    change : callable
        From the entries to the entries; it may be asked again, about what another writer left.

    Raises
    ------
    StoreError
        If other writers were faster every time.
    """
    name = join(folder, MANIFEST)
    with objects.exclusive(name):
        for _ in range(_ROUNDS):
            found = objects.read(name)
            before = Manifest() if found is None else Manifest.from_bytes(found[0], name=name)
            after = Manifest(dict(sorted(change(before.entries).items())))
            if after == before:
                return
            try:
                objects.put(name, after.to_bytes(), seen=None if found is None else found[1])
            except ConflictError:
                continue
            return
    raise StoreError(
        f"{objects.path(name)}: {_ROUNDS} times another writer was faster; the partitions are "
        "stored, run again to have them booked"
    )
