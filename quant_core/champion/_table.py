"""An election as a table: one row a candidate and gate."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from quant_core.canonical import canonical_json
from quant_core.champion._election import Election
from quant_core.champion._gate import GateResult, Verdict
from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VERDICTS_SCHEMA", "election_table", "read_election"]

_TOLD = b"election"

VERDICTS_SCHEMA = pa.schema(
    [
        ("candidate", pa.int32()),
        ("cell", pa.string()),
        ("gate", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("passed", pa.bool_()),
        ("reason", pa.string()),
    ]
)
"""Candidates count from 1, in the order of the ranking; a cell is a JSON list of its names."""


def election_table(election: Election) -> pa.Table:
    """Return an election as a table; who was elected stands in the metadata of its schema."""
    rows = [
        {
            "candidate": number,
            "cell": canonical_json(list(verdict.cell)).decode(),
            "gate": result.name,
            "value": result.value,
            "threshold": result.threshold,
            "passed": result.passed,
            "reason": result.reason,
        }
        for number, verdict in enumerate(election.verdicts, 1)
        for result in verdict.results
    ]
    told = {
        "champion": list(election.champion) if election.champion else None,
        "reason": election.reason,
        "ranked": election.ranked,
    }
    schema = VERDICTS_SCHEMA.with_metadata({_TOLD: canonical_json(told)})
    return pa.Table.from_pylist(rows, schema=schema)


def read_election(table: pa.Table) -> Election:
    """Read an election back.

    Raises
    ------
    DataError
        If the table is another one.
    """
    told = (table.schema.metadata or {}).get(_TOLD)
    if told is None:
        raise DataError(
            "champion: expected the table of an election, found one without its outcome; "
            "materialize the asset champion again"
        )
    facts = json.loads(told)
    champion = tuple(facts["champion"]) if facts["champion"] else None
    rows = groupby(table.to_pylist(), key=lambda row: row["candidate"])
    verdicts = tuple(_verdict(list(group)) for _, group in rows)
    return Election(champion, facts["reason"], verdicts, facts["ranked"])


def _verdict(rows: Sequence[dict[str, Any]]) -> Verdict:
    return Verdict(
        tuple(json.loads(rows[0]["cell"])),
        tuple(
            GateResult(row["gate"], row["value"], row["threshold"], row["passed"], row["reason"])
            for row in rows
        ),
    )
