"""Digests of objects that do not change, as long as they live."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["IdentityMemo"]

type _Key = tuple[Any, ...]


@dataclass(slots=True)
class IdentityMemo:
    """A digest an identity; it goes with the first of the objects that is no longer there."""

    _known: dict[_Key, tuple[tuple[weakref.ref[Any], ...], str]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many digests are kept."""
        return len(self._known)

    def get(
        self, parts: tuple[Any, ...], compute: Callable[[], str], *, also: Hashable = None
    ) -> str:
        """Return the digest of objects, computed with the first question.

        Parameters
        ----------
        parts : tuple
            The objects, by identity.
        compute : callable
            Makes the digest.
        also : hashable, optional
            What else the digest is of, by value.
        """
        key = (*map(id, parts), also)
        if key in self._known:
            return self._known[key][1]
        found = compute()

        def forget(_: object) -> None:
            self._known.pop(key, None)

        self._known[key] = tuple(weakref.ref(part, forget) for part in parts), found
        return found
