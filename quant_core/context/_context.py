"""What stages hand on: values that are never changed, only merged and compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from quant_core.context._difference import Difference
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Context", "Keep"]

type Keep = Literal["own", "other", "both"]
"""Whose value of a field counts; ``both`` joins two sequences of names."""


class Context(BaseModel):
    """Base of contexts: frozen, with `merge` and `diff`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def with_changes(self, **changes: Any) -> Self:
        """Return a copy with other values of some fields, validated like the first ones.

        Parameters
        ----------
        **changes : Any
            New values by field.
        """
        return type(self)(**{**self._given(), **changes})

    def merge(self, other: Self, *, keep: Mapping[str, Keep] | None = None) -> Self:
        """Return a context with what this one and another one say.

        A field that only one of them was given is taken over; entries of two mappings are put
        together. Where both say something else, the caller has to choose.

        Parameters
        ----------
        other : Context
            Of the same kind.
        keep : mapping of str to {"own", "other", "both"}, optional
            Whose value counts, by field; ``both`` joins two sequences of names, sorted.

        Raises
        ------
        ConfigError
            If the two contradict each other in a field that ``keep`` does not name, or ``both``
            is asked of a field that is no sequence.
        """
        mine, theirs, chosen = self._given(), other._given(), keep or {}
        found = {}
        for name in type(self).model_fields:
            if name in mine and name in theirs:
                found[name] = _joined(name, mine[name], theirs[name], chosen.get(name))
            elif name in mine or name in theirs:
                found[name] = mine.get(name, theirs.get(name))
        return type(self)(**found)

    def diff(self, before: Self) -> Difference:
        """Return what changed since another context.

        Parameters
        ----------
        before : Context
            The earlier one, of the same kind.
        """
        added: dict[str, tuple[str, ...]] = {}
        removed: dict[str, tuple[str, ...]] = {}
        changed: dict[str, tuple[Any, Any]] = {}
        for name in type(self).model_fields:
            old, new = getattr(before, name), getattr(self, name)
            if old == new:
                continue
            if isinstance(new, tuple):
                gone, come = sorted({*old} - {*new}), sorted({*new} - {*old})
                added |= {name: tuple(come)} if come else {}
                removed |= {name: tuple(gone)} if gone else {}
            elif isinstance(new, Mapping):
                changed |= dict(_entries(name, old, new))
            else:
                changed[name] = (old, new)
        return Difference(added=added, removed=removed, changed=changed)

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}


def _entries(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for entry in sorted({*old, *new}):
        pair = old.get(entry), new.get(entry)
        if pair[0] != pair[1]:
            yield f"{name}.{entry}", pair


def _joined(name: str, mine: Any, theirs: Any, keep: Keep | None) -> Any:
    if keep == "both":
        if not isinstance(mine, tuple):
            raise ConfigError(f"context: {name}: 'both' is for sequences of names, keep one of two")
        return tuple(sorted({*mine, *theirs}))
    if mine == theirs or keep == "own":
        return mine
    if keep == "other":
        return theirs
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        place = next((one for one in mine if one in theirs and mine[one] != theirs[one]), None)
        if place is None:
            return {**mine, **theirs}
        name, mine, theirs = f"{name}.{place}", mine[place], theirs[place]
    raise ConfigError(
        f"context: {name}: two contexts contradict each other, {_short(mine)} and "
        f"{_short(theirs)}; say which one counts by keep={{{name.partition('.')[0]!r}: 'own'}}"
    )


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."  # noqa: PLR2004 - half a line
