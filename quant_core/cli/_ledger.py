"""Checking the audit trail of a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from quant_core.cli._console import print_json, results, status
from quant_core.errors import LedgerError
from quant_core.ledger import Head, verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from quant_core.ledger import Verification

__all__ = ["trail_of", "verify_folder"]


def trail_of(folder: Path) -> Path:
    """Return the ledger of a folder, or the file itself.

    Raises
    ------
    LedgerError
        If there is none.
    """
    file = folder / "audit.jsonl" if folder.is_dir() else folder
    if not file.is_file():
        raise LedgerError(f"{file}: expected the audit trail of a run, found no such file")
    return file


def verify_folder(folder: Path, *, witnesses: Sequence[str], mlflow: bool, as_json: bool) -> bool:
    """Verify a ledger against the heads of it that were witnessed.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of a run, whose manifest is a witness, or a ledger.
    witnesses : sequence of str
        Heads that were written down elsewhere, ``seq:hash``.
    mlflow : bool
        Whether the tags of MLflow's runs are witnesses too.
    as_json : bool
        Whether to print JSON.

    Returns
    -------
    bool
        Whether the ledger is sound, and holds every witnessed head.

    Raises
    ------
    LedgerError
        If there is no ledger, it cannot be read, or a witness is no head.
    """
    file = trail_of(folder)
    manifest = _witness(file.parent) if file.name == "audit.jsonl" else None
    heads = [*map(Head.parse, witnesses), *([manifest] if manifest else [])]
    if mlflow:
        heads += _in_mlflow(file)
    found = verify(file, witnesses=heads)
    if as_json:
        print_json(_facts(file, found, len(heads)))
    elif found.problem is not None:
        status().print(
            f"{file}: broken at line {found.problem.line}: {found.problem.message}",
            markup=False,
            soft_wrap=True,
        )
    else:
        told = _against(manifest=manifest is not None, others=len(heads) - (manifest is not None))
        results().print(
            f"{file}: {found.records:,} records, sound, {told}; head {found.head.hash}",
            markup=False,
            soft_wrap=True,
        )
    return found.ok


def _facts(file: Path, found: Verification, witnessed: int) -> dict[str, Any]:
    problem = found.problem
    return {
        "file": str(file),
        "ok": found.ok,
        "records": found.records,
        "seals": found.seals,
        "head": {"seq": found.head.seq, "hash": found.head.hash},
        "witnessed": witnessed > 0,
        "witnesses": witnessed,
        "problem": problem
        and {"line": problem.line, "kind": str(problem.kind), "message": problem.message},
    }


def _against(*, manifest: bool, others: int) -> str:
    told = "matches the manifest's head" if manifest else "no manifest to compare with"
    if others:
        own = "matches the manifest's head and " if manifest else ""
        return f"{own}holds {others} witnessed head{'s' if others > 1 else ''}"
    return told


def _in_mlflow(file: Path) -> list[Head]:
    """Return the heads of a trail that runs in MLflow carry as tags."""
    from quant_core.cli._promote import open_registry  # noqa: PLC0415 - only when asked for

    found = [Head.parse(text) for text in open_registry().witnesses(file.stem)]
    if not found:
        raise LedgerError(
            f"{file}: expected runs in MLflow that witness the trail {file.stem!r}, found none"
        )
    return found


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
