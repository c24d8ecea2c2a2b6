"""The folders of a lakehouse that hold partitions, and what lies in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quant_core.cells import MANIFEST, PACK_SUFFIX, SUFFIX, Manifest, read_manifest
from quant_core.objects import PROBES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.objects import Listed, Objects

__all__ = ["MODELS", "Folder", "folders"]

MODELS = "models"
"""The part of a lakehouse that is a model store; `quant models verify` looks after it."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of partitions.

    Parameters
    ----------
    name : str
        Its name below the root: asset and dimensions.
    manifest : Manifest
        What is booked in it.
    files : mapping of str to Listed
        What a list shows in it, by name without the folder, the manifest left out.
    """

    name: str
    manifest: Manifest
    files: Mapping[str, Listed]

    @property
    def partitions(self) -> list[str]:
        """Names of the partitions that are files of their own."""
        return [file.removesuffix(SUFFIX) for file in self.files if file.endswith(SUFFIX)]

    @property
    def packs(self) -> list[str]:
        """Names of the packs."""
        return [file for file in self.files if file.endswith(PACK_SUFFIX)]


def folders(objects: Objects) -> list[Folder]:
    """Return the folders of a lakehouse that hold partitions or a manifest, by name.

    Parameters
    ----------
    objects : Objects
        The lakehouse, from its root.
    """
    found: dict[str, dict[str, Listed]] = {}
    for path, listed in objects.names().items():
        folder, _, file = path.rpartition("/")
        if path.split("/", 1)[0] != MODELS and PROBES not in folder.split("/"):
            found.setdefault(folder, {})[file] = listed
    return [
        Folder(
            name,
            read_manifest(objects, name),
            {file: listed for file, listed in files.items() if file != MANIFEST},
        )
        for name, files in sorted(found.items())
    ]
