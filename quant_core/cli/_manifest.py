"""What ``quant manifest verify`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from quant_core.cli._console import print_json, results
from quant_core.manifest import Finding, read_manifest, verify_manifest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["verify_run"]


def verify_run(place: Path, *, as_json: bool) -> bool:
    """Print what differs from the manifest, and return whether nothing does."""
    findings = verify_manifest(place)
    wrong = [one for one in findings if not one.ok]
    run_id = read_manifest(place).run_id
    if as_json:
        rows = [{"name": one.name, "ok": one.ok, "found": one.found} for one in findings]
        print_json({"run_id": run_id, "ok": not wrong, "findings": rows})
        return not wrong
    console = results()
    for one in wrong:
        console.print(escape(_told(one)), soft_wrap=True)
    said = f"{len(wrong)} of {len(findings)} differ" if wrong else f"{len(findings)} as it says"
    console.print(f"{said}, run {escape(run_id)}", soft_wrap=True)
    return not wrong


def _told(one: Finding) -> str:
    return f"{one.name}: expected {one.expected}, found {one.found or 'nothing'}"
