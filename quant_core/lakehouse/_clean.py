"""What may go: what nothing refers to, once it is old enough that nobody can be reading it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from quant_core.cells import SUFFIX
from quant_core.clock import clock
from quant_core.errors import ConfigError
from quant_core.lakehouse._folders import folders
from quant_core.objects import PROBES, UNFINISHED, join

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from quant_core.lakehouse._folders import Folder
    from quant_core.objects import Objects

__all__ = ["Leftover", "clean"]


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file that nothing refers to.

    Parameters
    ----------
    name : str
        Its name below the root.
    size : int
        Its bytes.
    modified : datetime
        When it was written, in UTC.
    why : str
        What it is.
    """

    name: str
    size: int
    modified: datetime
    why: str


def clean(objects: Objects, *, days: float, dry_run: bool = True) -> list[Leftover]:
    """Find what nothing refers to and is older than some days, and remove it.

    Partitions and foreign files are never removed.

    Parameters
    ----------
    objects : Objects
        The lakehouse, from its root.
    days : float
        Age that a leftover must have.
    dry_run : bool
        Whether to say only what would be removed.

    Raises
    ------
    ConfigError
        If the age is negative.
    """
    if not days >= 0:
        raise ConfigError(f"--older-than: expected days >= 0, found {days}")
    newest = clock().now() - timedelta(days=days)
    found = [left for left in _leftovers(objects) if left.modified <= newest]
    if not dry_run:
        for left in found:
            objects.remove(left.name)
    return found


def _leftovers(objects: Objects) -> Iterator[Leftover]:
    for name, listed in objects.names().items():
        if PROBES in name.split("/")[:-1]:
            yield Leftover(name, listed.size, listed.modified, "left by a probe")
    for folder in folders(objects):
        used = {entry.pack for entry in folder.manifest.entries.values()}
        for file, listed in folder.files.items():
            name = join(folder.name, file)
            if file in folder.packs and file not in used:
                yield Leftover(name, listed.size, listed.modified, "a pack that is no longer used")
            elif file.endswith(UNFINISHED):
                yield Leftover(name, listed.size, listed.modified, "a write that was not finished")
            elif _covered(objects, folder, file):
                yield Leftover(name, listed.size, listed.modified, "also in the pack of its year")


def _covered(objects: Objects, folder: Folder, file: str) -> bool:
    entry = folder.manifest.entries.get(file.removesuffix(SUFFIX))
    if not file.endswith(SUFFIX) or entry is None or not entry.pack:
        return False
    found = objects.read(join(folder.name, file))
    return found is not None and found[1].digest == entry.digest
