"""Closed years become one file a year; readers see no difference."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from quant_core.canonical import digest
from quant_core.cells import PACK_SUFFIX, SUFFIX, change_manifest, pack
from quant_core.clock import clock
from quant_core.errors import ConflictError, StoreError
from quant_core.lakehouse._folders import folders
from quant_core.objects import Version, join

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.cells import Entry
    from quant_core.lakehouse._folders import Folder
    from quant_core.objects import Objects

__all__ = ["Compaction", "compact"]

_YEAR = re.compile(r"(\d{4})-")


@dataclass(frozen=True, slots=True)
class Compaction:
    """What compaction did, or would do, to a year of a folder.

    Parameters
    ----------
    folder, year : str
        Which year of which folder.
    files : int
        Files that become one.
    bytes : int
        Bytes of them.
    text : str
        Why it was left alone; empty where it was not.
    """

    folder: str
    year: str
    files: int
    bytes: int
    text: str = ""


def compact(objects: Objects, *, dry_run: bool = True) -> list[Compaction]:
    """Pack the partitions of each closed year of each folder.

    The pack is stored and read back, then the manifest names it, then the single files go: a
    reader finds every partition at any moment, and a crash in between leaves a file too many and
    never one too few. Partitions keep their bytes, so their digests and data versions stay.

    Parameters
    ----------
    objects : Objects
        The lakehouse, from its root.
    dry_run : bool
        Whether to say only what would be done.
    """
    found = []
    for folder in folders(objects):
        for year in _closed(folder):
            names = [name for name in folder.manifest.entries if name.startswith(f"{year}-")]
            loose = [name for name in names if name + SUFFIX in folder.files]
            if loose and len(names) > 1:
                found.append(_year(objects, folder, year, names, dry_run=dry_run))
    return found


def _closed(folder: Folder) -> list[str]:
    """Return the years whose partitions are all booked and that something follows."""
    years = {match[1] for name in folder.manifest.entries if (match := _YEAR.match(name))}
    last = max(years, default="")
    return sorted(year for year in years if year < min(last, f"{clock().now().year:04d}"))


def _year(
    objects: Objects, folder: Folder, year: str, names: list[str], *, dry_run: bool
) -> Compaction:
    entries = {name: folder.manifest.entries[name] for name in sorted(names)}
    done = Compaction(folder.name, year, len(names), sum(entry.size for entry in entries.values()))
    try:
        files = {name: _bytes(objects, folder, name, entry) for name, entry in entries.items()}
    except StoreError as error:
        return replace(done, files=0, bytes=0, text=str(error))
    if not dry_run:
        moved = _store(objects, folder, year, entries, files)
        change_manifest(objects, folder.name, lambda before: _moved(before, entries, moved))
        _remove_single(objects, folder, entries)
    return done


def _store(
    objects: Objects,
    folder: Folder,
    year: str,
    entries: Mapping[str, Entry],
    files: Mapping[str, bytes],
) -> dict[str, Entry]:
    """Store the pack and return the entries that point into it."""
    whole, offsets = pack({name + SUFFIX: data for name, data in files.items()})
    name = f"{year}.{digest(whole)}{PACK_SUFFIX}"
    place = join(folder.name, name)
    if objects.version(place) is None:
        objects.put(place, whole, seen=None)
    found = objects.read(place)
    if found is None or found[0] != whole:
        raise StoreError(f"{objects.path(place)}: the pack does not read back as it was written")
    return {
        key: replace(entry, pack=name, offset=offsets[key + SUFFIX])
        for key, entry in entries.items()
    }


def _moved(
    before: Mapping[str, Entry], entries: Mapping[str, Entry], moved: Mapping[str, Entry]
) -> Mapping[str, Entry]:
    """Move only what is still booked as it was packed."""
    same = {name for name, entry in entries.items() if before.get(name) == entry}
    return {name: moved[name] if name in same else entry for name, entry in before.items()}


def _remove_single(objects: Objects, folder: Folder, entries: Mapping[str, Entry]) -> None:
    for name, entry in entries.items():
        if name + SUFFIX in folder.files:
            try:
                seen = Version("", entry.digest, entry.size)
                objects.remove(join(folder.name, name + SUFFIX), seen=seen)
            except ConflictError:
                continue  # it was written again meanwhile: the file counts before the pack


def _bytes(objects: Objects, folder: Folder, name: str, entry: Entry) -> bytes:
    place = join(folder.name, name + SUFFIX)
    found = objects.read(place)
    data = b"" if found is None else found[0]
    if found is None and entry.pack:
        packed = objects.read(join(folder.name, entry.pack))
        data = packed[0][entry.offset : entry.offset + entry.size] if packed else b""
    if digest(data) != entry.digest:
        raise StoreError(
            f"{objects.path(place)}: expected the bytes that are booked, found others or none; "
            "the year is left alone, `quant lakehouse verify` says more"
        )
    return data
