"""One self-contained page about a tournament."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant_core.cells import whole_file
from quant_core.report import _holdings, _quality
from quant_core.report._findings import findings
from quant_core.report._folder import AXES, OutputFolder
from quant_core.report._metrics import name_of, ranked, varying_axes
from quant_core.report._render import render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["write_report"]

Row = dict[str, Any]


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into the output folder of a tournament.

    The page needs no network and holds what the folder holds: equal folders give equal bytes.

    Parameters
    ----------
    folder : pathlib.Path
        The folder that ``quant tournament run --out`` wrote.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    DataError
        If a file of the folder is missing or is not what a tournament writes.
    LedgerError
        If ``audit.jsonl`` cannot be read.
    """
    html = render(_facts(OutputFolder(folder)))
    page = folder / "report.html"
    with whole_file(page) as unfinished:
        unfinished.write_text(html, encoding="utf-8")
    return page


def _facts(source: OutputFolder) -> dict[str, Any]:
    manifest = source.manifest()
    rows = ranked(source.table("leaderboard"))
    numbered = [row for row in rows if row["status"] == "ok" and row["sharpe"] is not None]
    varying = varying_axes(rows)
    facts: dict[str, Any] = {
        "manifest": manifest,
        "sleeve": manifest["config"]["sleeve"],
        "varying": varying,
        "fixed": {axis: rows[0][axis] for axis in AXES if axis not in varying and rows},
        "silent": _grouped([row for row in rows if row not in numbered], varying),
        "count": len(rows),
        "numbered": len(numbered),
        "quality": _quality.rows(source, manifest["data"]),
        "cache": _quality.cache(source),
        "solves": _holdings.solves(source),
        "ledger": source.ledger(),
        "charts": None,
    }
    return facts | findings(source, facts, numbered) if numbered else facts


def _grouped(rows: Sequence[Row], varying: Sequence[str]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        groups.setdefault((row["status"], row["reason"] or ""), []).append(name_of(row, varying))
    return [
        {"status": status, "reason": reason, "cells": names}
        for (status, reason), names in groups.items()
    ]
