"""Whether everything is there that was written, and is what was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from quant_core.canonical import digest
from quant_core.cells import SUFFIX, read_parquet
from quant_core.errors import StoreError
from quant_core.lakehouse._folders import folders
from quant_core.objects import UNFINISHED, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.cells import Entry
    from quant_core.lakehouse._folders import Folder
    from quant_core.objects import Objects

__all__ = ["Finding", "verify"]

type State = Literal["whole", "lost", "altered", "damaged", "foreign", "unbooked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one partition or file.

    Parameters
    ----------
    name : str
        Its name below the root.
    state : str
        ``whole``; ``lost``: booked and not there; ``altered``: other bytes than are booked;
        ``damaged``: no readable Parquet; ``foreign``: no file of ours; ``unbooked``: whole, but its
        run ended before it was booked.
    text : str
        Details, and what to do.
    """

    name: str
    state: State
    text: str = ""

    @property
    def sound(self) -> bool:
        """Whether nothing has to be done."""
        return self.state in {"whole", "unbooked"}


def verify(objects: Objects) -> list[Finding]:
    """Read every partition of a lakehouse and hold it against the manifests.

    Parameters
    ----------
    objects : Objects
        The lakehouse, from its root.
    """
    return [finding for folder in folders(objects) for finding in _folder(objects, folder)]


def _folder(objects: Objects, folder: Folder) -> Iterator[Finding]:
    used = {entry.pack for entry in folder.manifest.entries.values()}
    packs: dict[str, bytes | None] = {}
    for name, entry in folder.manifest.entries.items():
        yield _booked(objects, folder, name, entry, packs)
    for file in folder.files:
        name = file.removesuffix(SUFFIX)
        if file.endswith(SUFFIX):
            if name not in folder.manifest.entries:
                yield _unbooked(objects, join(folder.name, file))
        elif file.endswith(UNFINISHED):
            yield Finding(join(folder.name, file), "unbooked", "being written, or left: clean")
        elif file not in used and file not in folder.packs:
            yield Finding(join(folder.name, file), "foreign", "not written by us; move it away")


def _booked(
    objects: Objects, folder: Folder, name: str, entry: Entry, packs: dict[str, bytes | None]
) -> Finding:
    own = join(folder.name, name + SUFFIX)
    try:
        found = objects.read(own)
        data = found[0] if found else _packed(objects, folder, entry, packs)
    except StoreError as error:
        return Finding(own, "damaged", str(error))
    if data is None:
        return Finding(own, "lost", f"booked with digest {entry.digest}; materialize it again")
    if digest(data) == entry.digest:
        return Finding(own, "whole")
    problem = _unreadable(data, own)
    if problem:
        return Finding(own, "damaged", problem)
    text = (
        f"booked with digest {entry.digest}, found {digest(data)}: altered, or written by a run "
        "that ended before it was booked; materialize it again"
    )
    return Finding(own, "altered", text)


def _packed(
    objects: Objects, folder: Folder, entry: Entry, packs: dict[str, bytes | None]
) -> bytes | None:
    if not entry.pack:
        return None
    if entry.pack not in packs:
        packs.clear()
        found = objects.read(join(folder.name, entry.pack))
        packs[entry.pack] = None if found is None else found[0]
    whole = packs[entry.pack]
    return None if whole is None else whole[entry.offset : entry.offset + entry.size]


def _unbooked(objects: Objects, name: str) -> Finding:
    found = objects.read(name)
    if found is None:
        return Finding(name, "unbooked", "gone since it was listed")
    problem = _unreadable(found[0], name)
    if problem:
        return Finding(name, "damaged", problem)
    return Finding(name, "unbooked", "whole; it is booked when it is materialized again")


def _unreadable(data: bytes, name: str) -> str:
    try:
        read_parquet(pa.BufferReader(data), name=name)
    except StoreError as error:
        return str(error)
    return ""
