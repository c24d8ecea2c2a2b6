"""Making a registered version of a model the champion, or an older one again."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol

from rich.markup import escape
from rich.table import Table

from quant_core.cli._console import print_json, results
from quant_core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from quant_core.models import ModelSpec

__all__ = ["GROUP", "open_registry", "promote_model", "show_versions"]

GROUP = "quant_core.registries"


class _Registered(Protocol):
    @property
    def number(self) -> int: ...

    @property
    def spec(self) -> ModelSpec: ...


class _Registry(Protocol):
    def find(self, name: str, reference: str) -> _Registered: ...

    def versions(self, name: str) -> Sequence[_Registered]: ...

    def aliases(self) -> dict[str, dict[str, int]]: ...

    def promote_by_hand(self, name: str, number: int) -> _Registered: ...

    def witnesses(self, trail: str) -> Sequence[str]: ...

    def rebuild(self, trails: Sequence[Path]) -> Mapping[str, int]: ...


def promote_model(name: str, reference: str) -> None:
    """Make a version the champion of a strategy, and print what changed."""
    registry = open_registry()
    before = registry.aliases().get(name, {}).get("champion")
    chosen = registry.find(name, reference)
    registry.promote_by_hand(name, chosen.number)
    was = "there was none" if before is None else f"was version {before}"
    results().print(
        escape(
            f"{name}: champion is version {chosen.number} (model {chosen.spec.version}, "
            f"{chosen.spec.sha256[:12]}); {was}"
        )
    )


def show_versions(name: str, *, as_json: bool) -> None:
    """Print the registered versions of a strategy's model, oldest first."""
    registry = open_registry()
    aliases = registry.aliases().get(name, {})
    found = [
        {
            "version": one.number,
            "model": one.spec.version,
            "sha256": one.spec.sha256,
            "aliases": [alias for alias, number in aliases.items() if number == one.number],
        }
        for one in registry.versions(name)
    ]
    if as_json:
        print_json(found)
        return
    table = Table("version", "model", "sha256", "aliases", box=None)
    for one in found:
        table.add_row(*(escape(_text(value)) for value in one.values()))
    results().print(table)


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def open_registry(**options: str) -> _Registry:
    """Return the model registry that is installed.

    Raises
    ------
    UnavailableError
        If there is none.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    if not points:
        raise UnavailableError(
            "quant models: no model registry is installed; pip install 'quant-assets[platform]'"
        )
    registry: _Registry = points[min(points)].load()(**options)
    return registry
