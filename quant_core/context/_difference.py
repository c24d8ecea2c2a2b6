"""What a stage changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from quant_core.canonical import canonical_json, digest, digest_parts
from quant_core.context._frozen import NOTHING, Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Difference"]

_NAMED = 20
_BYTES = 4000


class Difference(BaseModel):
    """What changed from one context to the next.

    Parameters
    ----------
    added, removed : mapping of str to tuple of str
        Names that came and went, by field (``atoms``, ``features``), sorted.
    changed : mapping of str to (before, after)
        Every other field and entry that has another value, such as ``counts.windows``; None
        stands for an entry that one side does not have.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    added: Frozen[tuple[str, ...]] = NOTHING
    removed: Frozen[tuple[str, ...]] = NOTHING
    changed: Frozen[tuple[Any, Any]] = NOTHING

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        told = [f"+{len(names)} {field}" for field, names in self.added.items()]
        told += [f"-{len(names)} {field}" for field, names in self.removed.items()]
        told += [
            f"{name.partition('.')[2] or name} {after}"
            for name, (_, after) in self.changed.items()
            if not name.startswith("parameters.")
        ]
        return ", ".join(told) or "nothing changed"

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as plain values of bounded size, for the ledger and metadata.

        Of many names the first 20 are told, with their number and the digest of all; of a value
        of more than 4,000 bytes its digest.
        """
        told = {
            "added": {field: _told(names) for field, names in self.added.items()},
            "removed": {field: _told(names) for field, names in self.removed.items()},
            "changed": {
                name: [_short(value) for value in pair]
                for name, pair in self.model_dump(mode="json")["changed"].items()
            },
        }
        return {name: entries for name, entries in told.items() if entries}


def _short(value: Any) -> Any:
    text = canonical_json(value)
    return {"digest": digest(text), "bytes": len(text)} if len(text) > _BYTES else value


def _told(names: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"count": len(names), "names": list(names[:_NAMED])}
    if len(names) > _NAMED:
        found["digest"] = digest_parts(names)
    return found
