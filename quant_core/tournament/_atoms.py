"""The table of selected atoms: who may be held in a window, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_core.atoms import Atom
from quant_core.tournament._segments import TEXT, constant, named, segments, text_codes, text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ATOMS_SCHEMA",
    "AtomsRecord",
    "atom_columns",
    "atoms_table",
    "columns_of",
    "read_atoms",
    "traded_columns",
]

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
        ("stage", pa.int32()),
        ("vetoes", TEXT),
        ("key", TEXT),
        ("inputs_hash", TEXT),
        ("code_version", TEXT),
        ("status", TEXT),
    ]
)


def atom_columns(columns: np.ndarray, atoms: Sequence[Atom]) -> dict[str, pa.Array[Any]]:
    """Return the columns ``atom, symbol, direction`` of columns of the matrix, null where negative.

    Parameters
    ----------
    columns : numpy.ndarray of int64, shape (rows,)
        Columns of the matrix.
    atoms : sequence of Atom
        What each column of the matrix is.
    """
    symbols = list(dict.fromkeys(atom.symbol for atom in atoms))
    place = {symbol: number for number, symbol in enumerate(symbols)}
    # The last place answers the column -1 of no atom.
    symbol = np.array([*(place[atom.symbol] for atom in atoms), -1], dtype=np.int64)
    direction = np.array([*(int(atom.sign < 0) for atom in atoms), -1], dtype=np.int64)
    return {
        "atom": named(columns, [str(atom) for atom in atoms]),
        "symbol": named(symbol[columns], symbols),
        "direction": named(direction[columns], ["long", "short"]),
    }


@lru_cache(maxsize=16384)
def _parsed(text: str) -> Atom:
    return Atom.parse(text)


def columns_of(column: pa.ChunkedArray[Any], names: Sequence[str]) -> np.ndarray:
    """Return the column of the matrix of each stored atom.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Ids of atoms.
    names : sequence of str
        Columns of the matrix.

    Returns
    -------
    numpy.ndarray of int64, shape (rows,)
        -1 where there is no atom, -2 where the matrix does not have it.
    """
    place = {name: number for number, name in enumerate(names)}
    codes, texts = text_codes(column)
    lookup = [*(place.get(_parsed(text).column, -2) for text in texts), -1]
    found: np.ndarray = np.array(lookup, dtype=np.int64)[codes]
    return found


def traded_columns(
    column: pa.ChunkedArray[Any], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the column of what is traded for each stored atom, and whether it is sold for it.

    Parameters
    ----------
    column, names
        As `columns_of` takes them.

    Returns
    -------
    columns : numpy.ndarray of int64, shape (rows,)
        As `columns_of` gives them; that of the asset for an asset held short.
    signs : numpy.ndarray of int64, shape (rows,)
        -1 for an asset held short, else 1.
    """
    place = {name: number for number, name in enumerate(names)}
    codes, texts = text_codes(column)
    atoms = [_parsed(text) for text in texts]
    found: np.ndarray = np.array([*(place.get(a.traded, -2) for a in atoms), -1], np.int64)
    signs: np.ndarray = np.array([*(atom.traded_sign for atom in atoms), 1], np.int64)
    return found[codes], signs[codes]


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
    stage : numpy.ndarray of int32, shape (m,)
        Stage of the selection that supplied the winner, from 1; 0 for a loser, and where the
        selection has no stages. The table holds null for 0.
    vetoes : tuple of str, length m
        What spoke against the atom, of a winner too; empty for nothing.
    """

    key: str
    inputs_hash: str
    code_version: str
    columns: np.ndarray = field(repr=False)
    chosen: np.ndarray = field(repr=False)
    score: np.ndarray = field(repr=False)
    cluster: np.ndarray = field(repr=False)
    reason: tuple[str, ...] = field(repr=False)
    stage: np.ndarray = field(repr=False)
    vetoes: tuple[str, ...] = field(repr=False)

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
    atoms: Sequence[Atom],
) -> pa.Table:
    """Return the table of one window, selections in the order of their labels.

    A record of an empty universe is one row without an atom.
    """
    records = [record if len(record.columns) else _nobody(record) for record in records]
    counts = np.array([len(record.columns) for record in records], dtype=np.int64)
    rows = int(counts.sum())
    columns = np.concatenate([record.columns for record in records])
    reasons = [reason for record in records for reason in record.reason]
    vetoes = [veto for record in records for veto in record.vetoes]
    stage, each = np.concatenate([record.stage for record in records]), np.ones(rows, np.int64)
    return pa.table(
        [
            constant(sleeve, rows),
            constant(window, rows),
            text_column(labels, counts),
            *atom_columns(columns, atoms).values(),
            pa.array(np.concatenate([record.chosen for record in records])),
            pa.array(np.concatenate([record.score for record in records])),
            pa.array(np.concatenate([record.cluster for record in records]), pa.int32()),
            text_column(reasons, each),
            pa.array(stage, pa.int32(), mask=stage == 0),
            text_column(vetoes, each),
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
        stage=np.zeros(1, np.int32),
        vetoes=("",),
    )


def read_atoms(
    table: pa.Table, symbols: Sequence[str]
) -> dict[tuple[str, tuple[str, ...]], AtomsRecord]:
    """Read the records of a table back, by window and names (the selection alone).

    Rows of an atom whose column is not among ``symbols``, those of the matrix, make their record
    unusable, so it is left out.
    """
    columns = columns_of(table["atom"], symbols)
    chosen = table["selected"].to_numpy()
    score, cluster = table["score"].to_numpy(), table["cluster"].to_numpy()
    reason_codes, reasons = text_codes(table["reason"])
    veto_codes, vetoes = text_codes(table["vetoes"])
    stage = pc.fill_null(table["stage"], 0).to_numpy()
    inputs, input_texts = text_codes(table["inputs_hash"])
    code, code_texts = text_codes(table["code_version"])
    found = {}
    for segment in segments(table, ["selection"]):
        rows, first = segment.rows, segment.rows.start
        if (columns[rows] == -2).any():  # noqa: PLR2004 - the mark of an unknown atom, see `columns_of`
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
            tuple([reasons[number] for number in reason_codes[rows].tolist()]),
            stage[rows],
            tuple([vetoes[number] for number in veto_codes[rows].tolist()]),
        )
    return found
