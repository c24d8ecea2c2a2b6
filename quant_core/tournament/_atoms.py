"""The table of selected atoms: who may be held in a window, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from quant_core.tournament._segments import TEXT, constant, named, segments, text_codes, text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ATOMS_SCHEMA", "AtomsRecord", "atom_name", "atoms_table", "read_atoms"]

ATOMS_SCHEMA = pa.schema(
    [
        ("sleeve", TEXT),
        ("window", TEXT),
        ("selection", TEXT),
        ("atom", TEXT),
        ("symbol", TEXT),
        ("direction", TEXT),
        ("selected", pa.bool_()),
        ("score", pa.float64()),
        ("cluster", pa.int32()),
        ("reason", TEXT),
        ("key", TEXT),
        ("inputs_hash", TEXT),
        ("code_version", TEXT),
        ("status", TEXT),
    ]
)


def atom_name(symbol: str, logic: str = "hold", direction: str = "long") -> str:
    """Return the id of an atom, ``{symbol}_{logic}_{direction}``."""
    return f"{symbol}_{logic}_{direction}"


@dataclass(frozen=True, slots=True)
class AtomsRecord:
    """The outcome of one selection in one window, over the m members of the universe.

    Parameters
    ----------
    key, inputs_hash, code_version : str
        The identity it was computed under.
    columns : numpy.ndarray of int64, shape (m,)
        Columns of the returns matrix.
    chosen : numpy.ndarray of bool, shape (m,)
        True for a winner.
    score : numpy.ndarray, shape (m,)
        What was ranked, NaN where nothing was.
    cluster : numpy.ndarray of int32, shape (m,)
        Number of the cluster, or -1.
    reason : tuple of str, length m
        Why not; empty for a winner.
    """

    key: str
    inputs_hash: str
    code_version: str
    columns: np.ndarray = field(repr=False)
    chosen: np.ndarray = field(repr=False)
    score: np.ndarray = field(repr=False)
    cluster: np.ndarray = field(repr=False)
    reason: tuple[str, ...] = field(repr=False)

    @property
    def status(self) -> str:
        """Whether anything may be held."""
        return "ok" if self.chosen.any() else "empty"

    @property
    def winners(self) -> np.ndarray:
        """Columns of the winners, ascending."""
        return np.asarray(self.columns[self.chosen])

    @property
    def winner_clusters(self) -> np.ndarray:
        """Clusters of the winners, in the order of `winners`."""
        return np.asarray(self.cluster[self.chosen])


def atoms_table(
    sleeve: str,
    window: str,
    labels: Sequence[str],
    records: Sequence[AtomsRecord],
    symbols: Sequence[str],
) -> pa.Table:
    """Return the table of one window, selections in the order of their labels.

    A record of an empty universe is one row without an atom.
    """
    records = [record if len(record.columns) else _nobody(record) for record in records]
    counts = np.array([len(record.columns) for record in records], dtype=np.int64)
    rows = int(counts.sum())
    columns = np.concatenate([record.columns for record in records])
    reasons = [reason for record in records for reason in record.reason]
    return pa.table(
        [
            constant(sleeve, rows),
            constant(window, rows),
            text_column(labels, counts),
            named(columns, [atom_name(symbol) for symbol in symbols]),
            named(columns, symbols),
            named(np.where(columns < 0, -1, 0), ["long"]),
            pa.array(np.concatenate([record.chosen for record in records])),
            pa.array(np.concatenate([record.score for record in records])),
            pa.array(np.concatenate([record.cluster for record in records]), pa.int32()),
            text_column(reasons, np.ones(rows, dtype=np.int64)),
            text_column([record.key for record in records], counts),
            text_column([record.inputs_hash for record in records], counts),
            text_column([record.code_version for record in records], counts),
            text_column([record.status for record in records], counts),
        ],
        schema=ATOMS_SCHEMA,
    )


def _nobody(record: AtomsRecord) -> AtomsRecord:
    return replace(
        record,
        columns=np.full(1, -1, np.int64),
        chosen=np.zeros(1, dtype=bool),
        score=np.full(1, np.nan),
        cluster=np.full(1, -1, np.int32),
        reason=("no symbol has an observation in the train period",),
    )


def read_atoms(
    table: pa.Table, symbols: Sequence[str]
) -> dict[tuple[str, tuple[str, ...]], AtomsRecord]:
    """Read the records of a table back, by window and names (the selection alone).

    Rows of a symbol that is not among ``symbols`` make their record unusable, so it is left out.
    """
    place = {symbol: column for column, symbol in enumerate(symbols)}
    codes, texts = text_codes(table["symbol"])
    lookup = np.array([*(place.get(text, -2) for text in texts), -1], dtype=np.int64)
    columns = lookup[codes]
    chosen = table["selected"].to_numpy()
    score, cluster = table["score"].to_numpy(), table["cluster"].to_numpy()
    reason_codes, reasons = text_codes(table["reason"])
    inputs, input_texts = text_codes(table["inputs_hash"])
    code, code_texts = text_codes(table["code_version"])
    found = {}
    for segment in segments(table, ["selection"]):
        rows, first = segment.rows, segment.rows.start
        if (columns[rows] == -2).any():  # noqa: PLR2004 - the mark of an unknown symbol, set above
            continue
        if columns[first] < 0:
            rows = slice(0, 0)
        found[segment.window, segment.names] = AtomsRecord(
            segment.key,
            input_texts[inputs[first]],
            code_texts[code[first]],
            columns[rows],
            chosen[rows],
            score[rows],
            cluster[rows],
            tuple(reasons[number] for number in reason_codes[rows]),
        )
    return found
