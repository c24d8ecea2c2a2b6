"""Making the view of MLflow again from audit trails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from quant_core.cli._console import results
from quant_core.cli._promote import open_registry
from quant_core.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["rebuild_mlflow"]


def rebuild_mlflow(places: Sequence[Path], *, uri: str | None, artifacts: str | None) -> None:
    """Rebuild MLflow and print what was made.

    Parameters
    ----------
    places : sequence of pathlib.Path
        Audit trails, or folders of them.
    uri, artifacts : str or None
        Where MLflow is, in place of the configured one.

    Raises
    ------
    LedgerError
        If a trail is missing or broken.
    """
    trails = [file for place in places for file in _files(place)]
    options = {"uri": uri, "artifacts": artifacts}
    registry = open_registry(**{name: value for name, value in options.items() if value})
    counts = registry.rebuild(trails)
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    results().print(escape(f"from {len(trails):,} audit trails: {told}"), soft_wrap=True)


def _files(place: Path) -> Iterator[Path]:
    found = sorted(place.glob("*.jsonl")) if place.is_dir() else [place]
    if not found or not all(file.is_file() for file in found):
        raise LedgerError(f"{place}: expected an audit trail, or a folder of them, found none")
    yield from found
