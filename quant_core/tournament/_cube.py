"""The weights cube: one row per window, selection, engine, profile and atom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from quant_core.tournament._atoms import atom_columns, columns_of
from quant_core.tournament._segments import TEXT, constant, segments, text_codes, text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.atoms import Atom

__all__ = ["CUBE_NAMES", "CUBE_SCHEMA", "SolveRecord", "cube_table", "read_cube"]

CUBE_NAMES = ("selection", "engine", "profile")

CUBE_SCHEMA = pa.schema(
    [
        ("sleeve", TEXT),
        ("window", TEXT),
        ("selection", TEXT),
        ("engine", TEXT),
        ("profile", TEXT),
        ("atom", TEXT),
        ("symbol", TEXT),
        ("direction", TEXT),
        ("weight", pa.float64()),
        ("net_weight", pa.float64()),
        ("cluster", pa.int32()),
        ("status", TEXT),
        ("solver", TEXT),
        ("fallback_chain", TEXT),
        ("message", TEXT),
        ("regime", TEXT),
        ("condition_number", pa.float64()),
        ("shrinkage", pa.float64()),
        ("objective", pa.float64()),
        ("kkt_residual", pa.float64()),
        ("key", TEXT),
        ("inputs_hash", TEXT),
        ("code_version", TEXT),
        ("seed", pa.int64()),
    ]
)
_TEXT_FACTS = (
    "status",
    "solver",
    "fallback_chain",
    "message",
    "regime",
    "key",
    "inputs_hash",
    "code_version",
)
_FLOAT_FACTS = ("condition_number", "shrinkage", "objective", "kkt_residual")


@dataclass(frozen=True, slots=True)
class SolveRecord:
    """One solve: k atoms with their weights, and how they were found.

    Parameters
    ----------
    columns : numpy.ndarray of int64, shape (k,)
        Columns of the returns matrix; empty when the solve gave no weights.
    weights : numpy.ndarray, shape (k,)
        Their weights.
    cluster : numpy.ndarray of int32, shape (k,)
        Their clusters, or -1.
    """

    key: str
    inputs_hash: str
    code_version: str
    seed: int
    status: str
    solver: str
    fallback_chain: str
    message: str
    regime: str
    condition_number: float
    shrinkage: float
    objective: float
    kkt_residual: float
    columns: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    cluster: np.ndarray = field(repr=False)


def cube_table(
    sleeve: str,
    window: str,
    names: Sequence[tuple[str, ...]],
    records: Sequence[SolveRecord],
    atoms: Sequence[Atom],
) -> pa.Table:
    """Return the cube of one window, solves in the order given.

    A solve without weights is one row whose atom and weight are null.
    """
    counts = np.array([max(1, len(record.columns)) for record in records], dtype=np.int64)
    rows, nothing = int(counts.sum()), np.full(1, -1, dtype=np.int64)
    columns = np.concatenate([r.columns if len(r.columns) else nothing for r in records])
    weights = np.concatenate([r.weights if len(r.columns) else [np.nan] for r in records])
    cluster = np.concatenate([r.cluster if len(r.columns) else nothing for r in records])
    absent = columns < 0
    weight = pa.array(weights, pa.float64(), mask=absent)
    signs = np.array([*(atom.sign for atom in atoms), 1.0])
    texts = {
        name: text_column([getattr(record, name) for record in records], counts)
        for name in _TEXT_FACTS
    }
    floats = {
        name: pa.array(np.repeat([getattr(record, name) for record in records], counts))
        for name in _FLOAT_FACTS
    }
    own = {
        "sleeve": constant(sleeve, rows),
        "window": constant(window, rows),
        **{
            name: text_column([row[place] for row in names], counts)
            for place, name in enumerate(CUBE_NAMES)
        },
        **atom_columns(columns, atoms),
        "weight": weight,
        "net_weight": pa.array(weights * signs[columns], pa.float64(), mask=absent),
        "cluster": pa.array(cluster, pa.int32()),
        "seed": pa.array(np.repeat([record.seed for record in records], counts), pa.int64()),
    }
    every = {**own, **texts, **floats}
    return pa.table([every[name] for name in CUBE_SCHEMA.names], schema=CUBE_SCHEMA)


def read_cube(
    table: pa.Table, symbols: Sequence[str]
) -> dict[tuple[str, tuple[str, ...]], SolveRecord]:
    """Read the records of a cube back, by window and names (selection, engine, profile).

    A record with an atom whose column is not among ``symbols``, those of the matrix, is left out:
    it cannot be wanted.
    """
    columns = columns_of(table["atom"], symbols)
    weights, cluster = table["weight"].to_numpy(), table["cluster"].to_numpy()
    facts = {name: text_codes(table[name]) for name in _TEXT_FACTS if name != "key"}
    floats = {name: table[name].to_numpy() for name in _FLOAT_FACTS}
    seed = table["seed"].to_numpy()
    found = {}
    for segment in segments(table, CUBE_NAMES):
        first, held = segment.rows.start, columns[segment.rows]
        if (held == -2).any():  # noqa: PLR2004 - the mark of an unknown atom, see `columns_of`
            continue
        rows = segment.rows if held[0] >= 0 else slice(0, 0)
        own: dict[str, Any] = {name: texts[at[first]] for name, (at, texts) in facts.items()}
        own |= {name: float(values[first]) for name, values in floats.items()}
        found[segment.window, segment.names] = SolveRecord(
            key=segment.key,
            seed=int(seed[first]),
            columns=columns[rows],
            weights=weights[rows],
            cluster=cluster[rows],
            **own,
        )
    return found
