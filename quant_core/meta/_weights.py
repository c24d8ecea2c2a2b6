"""The table of a meta-portfolio's weights: one row a profile, window and member, cash included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from quant_core.meta._solving import MetaSolve
from quant_core.tournament._segments import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CASH", "META_WEIGHTS_SCHEMA", "cell_text", "read_weights_table", "weights_table"]

CASH = "(cash)"
"""What the money that is not invested is called, as a member and as a symbol."""

_FACTS = ("status", "solver", "fallback_chain", "message")
_FIGURES = ("condition_number", "shrinkage", "objective", "kkt_residual")
_ORIGINS = ("key", "inputs_hash", "code_version")

META_WEIGHTS_SCHEMA = pa.schema(
    [
        ("meta", TEXT),
        ("profile", TEXT),
        ("window", TEXT),
        ("date", pa.date32()),
        ("member", TEXT),
        ("cell", TEXT),
        ("weight", pa.float64()),
        *((name, TEXT) for name in _FACTS),
        *((name, pa.float64()) for name in _FIGURES),
        *((name, TEXT) for name in _ORIGINS),
    ]
)
"""The last row of a solve is its cash, so that the weights of a solve sum to 1."""


def cell_text(cell: tuple[str, ...]) -> str:
    """Return a cell as one text."""
    return "/".join(cell)


def weights_table(meta: str, solves: Iterable[MetaSolve]) -> pa.Table:
    """Return solves as a table, in the order given.

    Parameters
    ----------
    meta : str
        Name of the meta-portfolio.
    solves : iterable of MetaSolve
        The solves.
    """
    rows: list[dict[str, Any]] = []
    for solve in solves:
        told = {name: getattr(solve, name) for name in (*_FACTS, *_ORIGINS)}
        told |= {name: _known(getattr(solve, name)) for name in _FIGURES}
        told |= {"meta": meta, "profile": solve.profile, "window": solve.window}
        told["date"] = solve.day.item()
        cash = 1.0 - float(solve.weights.sum())
        held = zip(solve.members, solve.cells, solve.weights.tolist(), strict=True)
        rows += [
            {**told, "member": member, "cell": cell_text(cell), "weight": weight}
            for member, cell, weight in (*held, (CASH, (), cash))
        ]
    return pa.Table.from_pylist(rows, schema=META_WEIGHTS_SCHEMA)


def read_weights_table(table: pa.Table | None) -> dict[tuple[str, str], MetaSolve]:
    """Read solves back, by profile and window; nothing for no table."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in table.to_pylist() if table is not None else ():
        found.setdefault((row["profile"], row["window"]), []).append(row)
    return {place: _solve(rows) for place, rows in found.items()}


def _solve(rows: list[dict[str, Any]]) -> MetaSolve:
    first, held = rows[0], [row for row in rows if row["member"] != CASH]
    texts: dict[str, Any] = {
        name: first[name] for name in (*_FACTS, *_ORIGINS, "profile", "window")
    }
    figures: dict[str, Any] = {
        name: np.nan if first[name] is None else first[name] for name in _FIGURES
    }
    return MetaSolve(
        day=np.datetime64(first["date"], "D"),
        members=tuple(row["member"] for row in held),
        cells=tuple(tuple(row["cell"].split("/")) for row in held),
        weights=np.array([row["weight"] for row in held]),
        **texts,
        **figures,
    )


def _known(figure: float) -> float | None:
    return None if np.isnan(figure) else float(figure)
