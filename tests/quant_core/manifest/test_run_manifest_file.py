from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from quant_core.canonical import digest
from quant_core.context import Settings, use_settings
from quant_core.errors import ContractError, DataError
from quant_core.ledger import Ledger
from quant_core.manifest import (
    Manifest,
    code_of_run,
    lock_of_run,
    made_manifest,
    manifest_schema,
    read_manifest,
    verify_manifest,
    write_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "tournament",
        "run_id": "r1",
        "started": "2024-05-01T10:00:00Z",
        "finished": "2024-05-01T10:00:21Z",
        "seeds": {"tournament": 7},
        "config": {"sleeve": "us", "data": None},
        "data": {
            "origin": "prices.csv", "version": "9b" * 16, "symbols": 3, "dates": 5,
            "rows_in": 15, "kept": 14, "dropped": {"duplicate_date": 1},
        },
        "backend": "serial",
        "workers": 1,
        "stages": [{"name": "ingest", "seconds": 0.5, "changed": {}}],
        "seconds": {"ingest": 0.5},
        "counts": {"solve": {"hits": 1, "computed": 2}},
        "ledger": {"seq": 0, "hash": "1f"},
        **changes,
    }  # fmt: skip


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    (tmp_path / "nav.parquet").write_bytes(b"paths")
    with Ledger(tmp_path / "audit.jsonl") as ledger:
        head = ledger.genesis(
            run_id="r1", config_hash="c", data_version="d", code_versions={}, seed=7
        )
    made = made_manifest(
        facts(ledger={"seq": head.seq, "hash": head.hash}), {"nav.parquet": digest(b"paths")}
    )
    write_manifest(tmp_path / "manifest.json", made)
    return tmp_path


def test_a_manifest_is_read_as_it_was_written(run_folder: Path) -> None:
    found = read_manifest(run_folder)
    assert isinstance(found, Manifest)
    plain = json.loads((run_folder / "manifest.json").read_text())
    assert plain["config"] == {"sleeve": "us", "data": None}
    assert plain["seeds"] == {"tournament": 7}
    assert plain["versions"].keys() >= {"python", "numpy", "quant-assets"}
    jsonschema.validate(plain, manifest_schema())
    assert read_manifest(run_folder / "manifest.json") == found


def test_what_a_run_made_is_as_its_manifest_says(run_folder: Path) -> None:
    assert [(one.name, one.ok) for one in verify_manifest(run_folder)] == [
        ("nav.parquet", True),
        ("ledger", True),
    ]


@pytest.mark.parametrize(
    ("tamper", "wrong"),
    [
        (lambda folder: (folder / "nav.parquet").write_bytes(b"path"), "nav.parquet"),
        (lambda folder: (folder / "nav.parquet").unlink(), "nav.parquet"),
        (lambda folder: (folder / "audit.jsonl").write_bytes(b""), "ledger"),
        (lambda folder: (folder / "audit.jsonl").unlink(), "ledger"),
    ],
)
def test_what_was_changed_afterwards_is_found(
    run_folder: Path, tamper: Callable[[Path], object], wrong: str
) -> None:
    tamper(run_folder)
    assert [one.name for one in verify_manifest(run_folder) if not one.ok] == [wrong]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workers": 0}, r"tournament.workers: input should be greater"),
        ({"kind": "other"}, r"does not match any of the expected tags"),
        ({"data": {}}, r"tournament.data.origin: field required"),
        ({"seconds": {"rank": float("nan")}}, r"seconds.rank"),
        ({"surprise": 1}, r"surprise: extra inputs are not permitted"),
        ({"ledger": {"seq": "x", "hash": ""}}, r"ledger.seq"),
    ],
)
def test_what_does_not_fit_is_refused_on_the_way_out_and_in(
    changes: dict[str, Any], message: str, run_folder: Path
) -> None:
    with pytest.raises(ContractError, match=message):
        made_manifest(facts(**changes), {})
    file = run_folder / "manifest.json"
    plain = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps(plain))
    with pytest.raises(ContractError, match=f"manifest.json: .*{message}"):
        read_manifest(run_folder)


def test_a_digest_that_is_none_is_refused() -> None:
    with pytest.raises(ContractError, match=r"outputs.nav.parquet"):
        made_manifest(facts(), {"nav.parquet": "short"})


@pytest.mark.parametrize("text", [None, "{", "\udcff"])
def test_a_manifest_that_cannot_be_read_is_an_error(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=r"manifest.json: expected"):
        read_manifest(tmp_path)


def test_the_commit_of_a_checkout_is_known_and_whether_it_was_modified(tmp_path: Path) -> None:
    assert code_of_run(tmp_path).commit is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("one")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *command], check=True)
    clean = code_of_run(tmp_path)
    assert (len(clean.commit or ""), clean.modified) == (40, False)
    (tmp_path / "file").write_text("two")
    assert code_of_run(tmp_path).modified is True
    assert code_of_run(tmp_path).commit == clean.commit


def test_the_lock_is_the_file_of_the_checkout_or_what_is_installed(tmp_path: Path) -> None:
    with use_settings(Settings(project_root=tmp_path)):
        installed = lock_of_run(tmp_path)
        (tmp_path / "uv.lock").write_bytes(b"")
        locked = lock_of_run(tmp_path / "elsewhere")
    assert installed.kind == "distributions"
    assert (locked.kind, locked.sha256[:8]) == ("uv.lock", "e3b0c442")
