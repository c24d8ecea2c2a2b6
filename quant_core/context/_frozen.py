"""A mapping that cannot be changed, as a field of a frozen model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, PlainSerializer

__all__ = ["NOTHING", "Frozen", "FrozenMapping"]


class FrozenMapping[V](Mapping[str, V]):
    """A mapping by name that holds a copy and has no way to change it.

    Parameters
    ----------
    items : mapping of str to V
        What it holds, in this order.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, V]) -> None:
        self._items = dict(items)

    def __getitem__(self, name: str) -> V:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)


NOTHING: FrozenMapping[Any] = FrozenMapping({})
"""The mapping without entries."""


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return FrozenMapping({name: _frozen(one) for name, one in value.items()})
    return tuple(_frozen(one) for one in value) if isinstance(value, list | tuple) else value


type Frozen[V] = Annotated[
    Mapping[str, V], AfterValidator(_frozen), PlainSerializer(_plain, return_type=dict[str, Any])
]
"""A mapping field whose value is a `FrozenMapping`, all the way down."""
