"""Where partitions live: one folder an asset, below one root."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from quant_core.cells import UNFINISHED, FolderStore
from quant_core.context import current_settings
from quant_core.errors import ConfigError
from quant_core.objects import FileObjects, open_objects

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Lakehouse", "data_folder", "purged"]


def data_folder() -> Path:
    """Return the one folder that everything is kept in: ``TV_HOME``, else ``data`` here."""
    return current_settings().home


class Lakehouse:
    """Partitions of every asset, as ``{root}/{asset}/{dimension}/.../{YYYY-MM}.parquet``.

    Parameters
    ----------
    url : str, optional
        Root, a path or any URL that fsspec opens; ``TV_LAKEHOUSE`` by default, else ``lakehouse``
        in the data folder.

    Examples
    --------
    >>> lakehouse = Lakehouse("/tmp/lakehouse")  # doctest: +SKIP
    >>> lakehouse.store("weights_cube", "us_equity").partitions()  # doctest: +SKIP
    ['1991-02', '1991-03']
    """

    def __init__(self, url: str | None = None) -> None:
        found = url or current_settings().lakehouse
        self._url = found.rstrip("/")

    @property
    def url(self) -> str:
        """The root."""
        return self._url

    def store(self, *parts: str) -> FolderStore:
        """Return the store of an asset, or of the partitions below its first dimensions.

        Parameters
        ----------
        *parts : str
            Name of the asset, then keys of dimensions.

        Raises
        ------
        ConfigError
            If a part would leave its folder.
        """
        return FolderStore("/".join([self._url, *map(_checked, parts)]))

    def place(self, keys: Sequence[str]) -> str:
        """Return the name of a partition inside its asset's store."""
        return "/".join(map(_checked, keys))

    def prepare(self) -> str:
        """Ask an object store, once a process, whether it honours conditions; return its answer.

        Raises
        ------
        StoreError
            If it does not, and ``TV_LAKEHOUSE_WRITERS`` is not ``one``.
        """
        return open_objects(self._url).prepare()

    def purge_unfinished(self) -> list[str]:
        """Remove what writers left behind that died half-way, and return the names.

        A file whose writer is still alive on this machine stays. Only a local lakehouse has such
        files: an object store shows an object when it is whole.
        """
        objects = open_objects(self._url)
        return purged(Path(objects.root)) if isinstance(objects, FileObjects) else []


def purged(folder: Path) -> list[str]:
    """Remove the files below a folder whose writers died half-way, and return their names."""
    left = [
        path
        for path in sorted(folder.rglob(f".*{UNFINISHED}"))
        if not psutil.pid_exists(int(path.name.split(".")[-2]))
    ]
    for path in left:
        path.unlink(missing_ok=True)
    return [str(path) for path in left]


def _checked(part: str) -> str:
    if not part or part.startswith(".") or "/" in part or "\\" in part:
        raise ConfigError(
            f"lakehouse: expected the name of an asset or partition without '/' or a leading "
            f"'.', found {part!r}"
        )
    return part
