"""What the champion portfolio gives a strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quant_core.atoms import Atom
from quant_core.champion import read_election

if TYPE_CHECKING:
    from quant_assets._resources import LakehouseRoot
    from quant_assets._strategies import SleeveStrategy

__all__ = ["Allocation", "allocation_of"]

_COLUMNS = ["window", "selection", "engine", "profile", "atom", "weight"]


@dataclass(frozen=True, slots=True)
class Allocation:
    """The place of a strategy in the champion portfolio of its sleeve.

    Parameters
    ----------
    champion : str
        The elected cell; empty without one.
    window : str
        The latest window of the weights cube.
    weight : float or None
        Sum of the weights of the strategy's atoms there; None when it holds none of them.
    why : str
        Why there is none; empty when there is one.
    """

    champion: str
    window: str
    weight: float | None
    why: str


def allocation_of(strategy: SleeveStrategy, lakehouse: LakehouseRoot) -> Allocation:
    """Return what the champion portfolio gives a strategy.

    Without a champion nothing is given: nothing passed the gates, so nothing may be traded.
    """
    sleeve = strategy.sleeve.name
    table = lakehouse.store("champion").read(sleeve)
    election = None if table is None else read_election(table)
    if election is None or election.champion is None:
        why = "nobody was elected yet" if election is None else election.reason
        return Allocation("", "", None, f"sleeve {sleeve}: {why}")
    cell = election.champion
    window, held = _latest(sleeve, cell[:3], lakehouse)
    own = {atom: weight for atom, weight in held.items() if Atom.parse(atom).logic == strategy.name}
    if not own:
        why = f"{'/'.join(cell)} holds none of its atoms in the window of {window}"
        return Allocation("/".join(cell), window, None, why)
    return Allocation("/".join(cell), window, min(1.0, sum(own.values())), "")


def _latest(
    sleeve: str, line: tuple[str, ...], lakehouse: LakehouseRoot
) -> tuple[str, dict[str, float]]:
    """Return the latest window of the cube, and what a solve holds in it."""
    store = lakehouse.store("weights_cube", sleeve)
    for month in reversed(store.partitions()):
        table = store.read(month, _COLUMNS)
        if table is None or not table.num_rows:
            continue
        rows = table.to_pylist()
        window = max(row["window"] for row in rows)
        held = {
            row["atom"]: row["weight"]
            for row in rows
            if row["window"] == window
            and (row["selection"], row["engine"], row["profile"]) == line
            and row["weight"]
        }
        return window, held
    return "", {}
