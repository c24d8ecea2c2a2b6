"""What a run reports while it runs, and what it says of each cell afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.cells import Kind

__all__ = ["CELLS_SCHEMA", "CellFact", "Progress", "Silent", "facts_table"]

_TEXT = pa.dictionary(pa.int32(), pa.string())

CELLS_SCHEMA = pa.schema(
    [
        ("kind", _TEXT),
        ("sleeve", _TEXT),
        ("window", _TEXT),
        ("strategy", _TEXT),
        ("selection", _TEXT),
        ("engine", _TEXT),
        ("profile", _TEXT),
        ("rebalance", _TEXT),
        ("simulator", _TEXT),
        ("key", pa.string()),
        ("status", _TEXT),
        ("outcome", _TEXT),
        ("why", _TEXT),
        ("seconds", pa.float64()),
        ("worker", _TEXT),
        ("run_id", _TEXT),
    ]
)


class Progress(Protocol):
    """What wants to know how far a run is."""

    def start(self, stage: str, total: int) -> None:
        """Begin a stage of ``total`` cells."""
        ...

    def advance(self, stage: str, *, hits: int = 0, computed: int = 0) -> None:
        """Count cells of a stage that were found or computed."""
        ...

    def finish(self, stage: str) -> None:
        """End a stage."""
        ...


class Silent:
    """Progress that nobody watches."""

    def start(self, stage: str, total: int) -> None:
        """Do nothing."""

    def advance(self, stage: str, *, hits: int = 0, computed: int = 0) -> None:
        """Do nothing."""

    def finish(self, stage: str) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class CellFact:
    """What happened to one cell in one run.

    Parameters
    ----------
    kind : {"model", "selection", "solve", "simulation"}
        The stage.
    coordinates : mapping of str to str
        Names of the cell on the axes that its stage has.
    window : str or None
        The window, None for a path; the month that a model is trained for.
    key : str
        The content key; empty for a cell that can have no result.
    status : str
        How the cell ended.
    why : str
        Why it was computed; empty for a hit.
    seconds : float or None
        Time it took; None for a hit.
    worker : str or None
        Who computed it; None for a hit.
    """

    kind: Kind
    key: str
    status: str
    coordinates: Mapping[str, str]
    window: str | None = None
    why: str = ""
    seconds: float | None = None
    worker: str | None = None

    @property
    def outcome(self) -> str:
        """Whether the cell was found (``hit``) or ``computed``; ``absent`` without a result."""
        if not self.key:
            return "absent"
        return "computed" if self.why else "hit"


def facts_table(facts: Sequence[CellFact], *, sleeve: str, run_id: str) -> pa.Table:
    """Return the facts of a run as a table, one row a cell."""
    own: dict[str, list[object]] = {
        "sleeve": [sleeve] * len(facts),
        "run_id": [run_id] * len(facts),
    }
    for name in ("strategy", "selection", "engine", "profile", "rebalance", "simulator"):
        own[name] = [fact.coordinates.get(name) for fact in facts]
    for name in ("kind", "window", "key", "status", "outcome", "why", "seconds", "worker"):
        own[name] = [getattr(fact, name) for fact in facts]
    columns = [pa.array(own[field.name], field.type) for field in CELLS_SCHEMA]
    return pa.table(columns, schema=CELLS_SCHEMA)
