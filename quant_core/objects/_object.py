"""What a store of objects does: bytes under names, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

__all__ = ["Listed", "Objects", "Version", "join"]


@dataclass(frozen=True, slots=True)
class Version:
    """An object as it was found.

    Parameters
    ----------
    tag : str
        What the store calls this content of it: its ETag, or the state of the file.
    digest : str
        Digest of its bytes; empty where only reading it would tell.
    size : int
        Bytes.
    """

    tag: str
    digest: str
    size: int

    def same(self, other: Version | None) -> bool:
        """Return whether both are one content: by digest where both are known, else by tag."""
        if other is None:
            return False
        if self.digest and other.digest:
            return self.digest == other.digest
        return self.tag == other.tag


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says of an object.

    Parameters
    ----------
    size : int
        Bytes.
    modified : datetime
        When it was written, in UTC.
    """

    size: int
    modified: datetime


class Objects(Protocol):
    """Objects below a root; names are relative to it, ``/`` between their parts."""

    @property
    def local(self) -> bool:
        """Whether they are files of this machine."""
        ...

    def prepare(self) -> str:
        """Find out whether writes can be conditional, and return it in words.

        Raises
        ------
        StoreError
            If they cannot, and nobody said that there is one writer.
        """
        ...

    def path(self, name: str) -> str:
        """Return where an object lies, whether it is there or not."""
        ...

    def version(self, name: str) -> Version | None:
        """Return the version of an object without reading it, or None."""
        ...

    def read(self, name: str) -> tuple[bytes, Version] | None:
        """Return the bytes of an object and the version that they are, or None."""
        ...

    def open(self, name: str) -> Any:
        """Return an object as a file to read.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        """
        ...

    def put(self, name: str, data: bytes, *, seen: Version | None) -> Version:
        """Store an object, whole or not at all, where it is still as it was seen.

        Parameters
        ----------
        name : str
            Its name.
        data : bytes
            Its content.
        seen : Version or None
            What it replaces; None creates it.

        Raises
        ------
        ConflictError
            If another writer changed it meanwhile; local files are replaced without a look.
        """
        ...

    def names(self) -> dict[str, Listed]:
        """Return what a list shows, by name, sorted."""
        ...

    def remove(self, name: str, *, seen: Version | None = None) -> None:
        """Remove an object; one that is not there is no error.

        Parameters
        ----------
        name : str
            Its name.
        seen : Version, optional
            If given, another content than this one stays, and a `ConflictError` is raised.
        """
        ...

    def exclusive(self, name: str) -> AbstractContextManager[None]:
        """Hold an object against other processes of this machine, where conditions cannot."""
        ...


def join(*parts: str) -> str:
    """Return parts of a name with ``/`` between them, empty ones left out."""
    return "/".join(part for part in parts if part)
