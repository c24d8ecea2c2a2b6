"""Objects of any other file system that fsspec opens: whole, but without conditions."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import fsspec

from quant_core.canonical import digest
from quant_core.errors import ConflictError, StoreError
from quant_core.objects._conditions import WRITERS, writers
from quant_core.objects._object import Listed, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PlainObjects"]


@dataclass(frozen=True, slots=True)
class PlainObjects:
    """Objects below a URL of fsspec; the last of two writers wins.

    Parameters
    ----------
    url : str
        The root.
    """

    url: str

    @property
    def local(self) -> bool:
        """False: they are no files of this machine."""
        return False

    def prepare(self) -> str:
        """Return that writes carry no conditions.

        Raises
        ------
        StoreError
            If the store is shared and ``TV_LAKEHOUSE_WRITERS`` is not ``one``.
        """
        if self._root()[0].protocol != "memory" and writers() != "one":
            raise StoreError(
                f"{self.url}: conditional writes are known for s3:// alone; set {WRITERS}=one and "
                f"see to it that only one run writes at a time"
            )
        return "one writer: writes carry no conditions"

    def path(self, name: str) -> str:
        """Return where an object lies, whether it is there or not."""
        return f"{self._root()[1]}/{name}"

    def version(self, name: str) -> Version | None:
        """Return the version of an object, or None; its digest is not known."""
        system, root = self._root()
        try:
            found = system.info(f"{root}/{name}")
        except FileNotFoundError:
            return None
        return Version(str(system.ukey(f"{root}/{name}")), "", int(found["size"] or 0))

    def read(self, name: str) -> tuple[bytes, Version] | None:
        """Return the bytes of an object and their digest, or None."""
        system, root = self._root()
        try:
            data = bytes(system.cat_file(f"{root}/{name}"))
        except FileNotFoundError:
            return None
        return data, Version("", digest(data), len(data))

    def open(self, name: str) -> Any:
        """Open an object to read."""
        system, root = self._root()
        return system.open(f"{root}/{name}", "rb")

    def put(self, name: str, data: bytes, *, seen: Version | None) -> Version:  # noqa: ARG002 - there are no conditions
        """Store an object.

        Raises
        ------
        StoreError
            If the store is shared and ``TV_LAKEHOUSE_WRITERS`` is not ``one``.
        """
        self.prepare()
        system, root = self._root()
        system.pipe_file(f"{root}/{name}", data)
        return Version("", digest(data), len(data))

    def names(self) -> dict[str, Listed]:
        """Return what a list shows, by name, sorted."""
        system, root = self._root()
        # Not `exists`: it takes any exception for "no", an interrupt too.
        start = len(system._strip_protocol(root)) + 1  # noqa: SLF001 - fsspec's own way
        found = system.find(root, detail=True)
        return {
            str(name)[start:]: Listed(int(item["size"] or 0), _modified(item))
            for name, item in sorted(found.items())
        }

    def remove(self, name: str, *, seen: Version | None = None) -> None:
        """Remove an object, if it is still what was seen."""
        found = self.read(name)
        if found is None:
            return
        if seen is not None and not found[1].same(seen):
            raise ConflictError(f"{self.path(name)}: it changed meanwhile and was not removed")
        system, root = self._root()
        system.rm_file(f"{root}/{name}")

    @contextmanager
    def exclusive(self, name: str) -> Iterator[None]:  # noqa: ARG002 - one writer is all there is
        """Do nothing: there is one writer."""
        yield

    def _root(self) -> tuple[Any, str]:
        system, root = fsspec.core.url_to_fs(self.url)
        return system, root.rstrip("/")


def _modified(item: dict[str, Any]) -> datetime:
    found = item.get("LastModified") or item.get("created")
    return found if isinstance(found, datetime) else datetime.fromtimestamp(0, UTC)
