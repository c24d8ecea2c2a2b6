"""Checking the audit trail of a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from quant_core.cli._console import print_json, results, status
from quant_core.errors import LedgerError
from quant_core.ledger import Head, verify

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["verify_folder"]


def verify_folder(folder: Path, *, as_json: bool) -> bool:
    """Verify the ledger of a run against the head that its manifest witnessed.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of a run, or an ``audit.jsonl``.
    as_json : bool
        Whether to print JSON.

    Returns
    -------
    bool
        Whether the ledger is sound.

    Raises
    ------
    LedgerError
        If there is no ledger, or it cannot be read.
    """
    file = folder / "audit.jsonl" if folder.is_dir() else folder
    if not file.is_file():
        raise LedgerError(f"{file}: expected the audit trail of a run, found no such file")
    witness = _witness(file.parent)
    found = verify(file, head=witness)
    if as_json:
        problem = found.problem
        print_json(
            {
                "file": str(file),
                "ok": found.ok,
                "records": found.records,
                "seals": found.seals,
                "head": {"seq": found.head.seq, "hash": found.head.hash},
                "witnessed": witness is not None,
                "problem": problem
                and {"line": problem.line, "kind": str(problem.kind), "message": problem.message},
            }
        )
    elif found.problem is not None:
        status().print(
            f"{file}: broken at line {found.problem.line}: {found.problem.message}",
            markup=False,
            soft_wrap=True,
        )
    else:
        against = "matches the manifest's head" if witness else "no manifest to compare with"
        results().print(
            f"{file}: {found.records:,} records, sound, {against}; head {found.head.hash}",
            markup=False,
            soft_wrap=True,
        )
    return found.ok


def _witness(folder: Path) -> Head | None:
    """Return the head that the manifest of the folder recorded."""
    file = folder / "manifest.json"
    if not file.is_file():
        return None
    try:
        head = json.loads(file.read_text("utf-8"))["ledger"]
        return Head(int(head["seq"]), str(head["hash"]))
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerError(
            f"{file}: expected the head of the ledger as ledger.seq and ledger.hash, "
            f"found something else; run the tournament again"
        ) from error
