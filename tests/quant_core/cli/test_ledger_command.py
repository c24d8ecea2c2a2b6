from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Quant


def _copy(finished: Path, quant: Quant) -> Path:
    for name in ("audit.jsonl", "manifest.json"):
        shutil.copy(finished / name, quant.folder / name)
    return quant.folder / "audit.jsonl"


def test_a_sound_ledger(quant: Quant, finished: Path) -> None:
    found = quant("ledger", "verify", str(finished))
    assert found.exit_code == 0
    records = len((finished / "audit.jsonl").read_text().splitlines())
    assert f"{records} records, sound, matches the manifest's head" in found.stdout


def test_an_edited_record_is_found_with_its_line(quant: Quant, finished: Path) -> None:
    file = _copy(finished, quant)
    lines = file.read_text().splitlines(keepends=True)
    lines[2] = lines[2].replace('"phase":"', '"phase":"not ', 1)
    file.write_text("".join(lines))
    found = quant("ledger", "verify", str(quant.folder))
    assert found.exit_code == 1
    assert "broken at line 3" in found.stderr


def test_a_tail_that_was_cut_off_is_found(quant: Quant, finished: Path) -> None:
    file = _copy(finished, quant)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    assert quant("ledger", "verify", str(quant.folder)).exit_code == 1
    said = json.loads(quant("ledger", "verify", str(quant.folder), "--json").stdout)
    assert not said["ok"]
    assert said["witnessed"]
    assert "witnessed" in said["problem"]["message"]


def test_a_ledger_alone_is_verified_without_a_witness(quant: Quant, finished: Path) -> None:
    _copy(finished, quant)
    (quant.folder / "manifest.json").unlink()
    found = quant("ledger", "verify", str(quant.folder / "audit.jsonl"))
    assert found.exit_code == 0
    assert "no manifest to compare with" in found.stdout


def test_a_manifest_without_a_head_is_an_error(quant: Quant, finished: Path) -> None:
    _copy(finished, quant)
    quant.write("manifest.json", "{}")
    found = quant("ledger", "verify", str(quant.folder))
    assert found.exit_code == 2
    assert "manifest.json: expected the head of the ledger" in found.stderr


def test_no_ledger_is_an_error(quant: Quant) -> None:
    found = quant("ledger", "verify", str(quant.folder))
    assert found.exit_code == 2
    assert "audit.jsonl: expected the audit trail" in found.stderr
