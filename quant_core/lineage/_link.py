"""One link of the chain from a signal back to what it was made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Link"]


@dataclass(frozen=True, slots=True)
class Link:
    """One link.

    Parameters
    ----------
    name : str
        ``signal``, ``strategy``, ``model``, ``registration``, ``training`` or ``inputs``.
    facts : mapping of str to Any
        What is known of it, plain values.
    problems : tuple of str
        What contradicts the links before it, or is missing; empty for a sound link.
    """

    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing contradicts it."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return the link as plain values."""
        return {"link": self.name, "facts": dict(self.facts), "problems": list(self.problems)}


def differing(pairs: Mapping[str, tuple[Any, Any]], *, here: str, before: str) -> tuple[str, ...]:
    """Return what two links say differently of the same thing, as (expected, found) by name."""
    return tuple(
        f"{name}: {before} says {expected!r}, {here} says {found!r}"
        for name, (expected, found) in pairs.items()
        if expected != found
    )
