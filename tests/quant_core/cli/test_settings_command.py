from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.quant_core.cli.conftest import Quant


def rows(text: str) -> dict[str, tuple[object, str]]:
    return {row["setting"]: (row["value"], row["from"]) for row in json.loads(text)}


def test_settings_are_printed_with_the_layer_they_came_from(
    quant: Quant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TV_WORKERS", "3")
    monkeypatch.setenv("TV_HOME", str(quant.folder / "home"))
    file = quant.write("own.yaml", "workers: 4\nbackend: serial\n")
    found = quant("--settings", file, "--set", "log-level=info", "config", "settings", "--json")
    assert found.exit_code == 0, found.stderr
    shown = rows(found.stdout)
    assert shown["workers"] == (3, "environment TV_WORKERS")
    assert shown["backend"] == ("serial", f"file {file}")
    assert shown["log_level"] == ("info", "argument log_level")
    assert shown["lakehouse"] == (str(quant.folder / "home" / "lakehouse"), "default")


def test_secrets_are_hidden_and_slips_are_told(
    quant: Quant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TV_STRATEGIES", "postgresql://me:geheim@db/rows?password=geheim")
    monkeypatch.setenv("TV_LAKEHOSE", "s3://x")
    for arguments in (("--json",), ()):
        found = quant("config", "settings", *arguments)
        assert "geheim" not in found.stdout
        assert "postgresql://[redacted]@db/rows" in found.stdout
        assert "TV_LAKEHOSE is no setting" in found.stderr


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("workers", "--set: expected NAME=VALUE, found 'workers'"),
        ("wrkers=2", "unknown setting 'wrkers'; did you mean workers?"),
        ("workers=many", "settings: workers (argument workers)"),
    ],
)
def test_a_wrong_option_is_one_line(quant: Quant, option: str, message: str) -> None:
    found = quant("--set", option, "config", "settings")
    assert (found.exit_code, found.stdout) == (2, "")
    assert message in found.stderr


def test_a_setting_names_the_backend_of_a_run(quant: Quant) -> None:
    config = quant.write("config.yaml", "data: {returns: none.csv}")
    arguments = ("tournament", "run", "--config", config, "--out", str(quant.folder / "out"))
    found = quant("--set", "backend=nowhere", *arguments)
    assert "--backend: expected one of" in found.stderr
    assert "found 'nowhere'" in found.stderr


def test_a_run_says_what_each_stage_changed_when_it_is_asked_to(
    quant: Quant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "solves_optimal" not in quant.tournament("run").stderr
    monkeypatch.setenv("TV_LOG_LEVEL", "info")
    found = quant.tournament("run")
    assert found.exit_code == 0, found.stderr
    assert "solves_optimal" in found.stderr


def test_a_folder_is_held_against_its_manifest(quant: Quant) -> None:
    assert quant.tournament("run").exit_code == 0
    assert "7 as it says" in quant("manifest", "verify", str(quant.out)).stdout
    (quant.out / "nav.parquet").write_bytes(b"other")
    found = quant("manifest", "verify", str(quant.out))
    assert found.exit_code == 1
    assert "nav.parquet: expected" in found.stdout
    assert "1 of 7 differ" in found.stdout
    told = json.loads(quant("manifest", "verify", str(quant.out), "--json").stdout)
    assert [one["name"] for one in told["findings"] if not one["ok"]] == ["nav.parquet"]
    assert quant("manifest", "verify", str(quant.folder)).exit_code == 2


def test_the_schema_of_manifests_is_printed(quant: Quant) -> None:
    schema = json.loads(quant("manifest", "schema").stdout)
    assert schema["discriminator"]["mapping"].keys() == {"graph", "meta", "tournament"}
