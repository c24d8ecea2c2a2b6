from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.quant_core.cli.conftest import Quant

WORLD = """\
name: world
members: [{sleeve: test}]
profiles: [equal_weight, hrp, min_variance]
windows: {train: 20, step: month}
bounds: {most: 1.0}
"""


def test_a_portfolio_is_run_shown_and_found_again(quant: Quant, finished: Path) -> None:
    config, out = quant.write("world.yaml", WORLD), str(quant.out)
    given = ("--config", config, "--sleeve", f"test={finished}", "--out", out)
    first = quant("meta", "run", *given)
    assert first.exit_code == 0, first.stderr
    assert "min_variance, window: unavailable: test: it has no profile min_variance" in first.stdout
    again = json.loads(quant("meta", "run", *given, "--json").stdout)
    assert again["computed"] == 0
    assert again["hits"] > 0
    assert again["leakage"] <= 1e-6
    assert quant("ledger", "verify", out).exit_code == 0
    manifest = json.loads((quant.out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["seeds"] == {"world": 0}
    assert [one["name"] for one in manifest["stages"]] == ["solve", "simulate", "flatten"]
    assert manifest["stages"][0]["changed"]["world"]["added"]["members"]["names"] == ["test"]
    shown = json.loads(quant("meta", "show", "--out", out, "--profile", "hrp", "--json").stdout)
    assert sum(row["net_weight"] for row in shown["holdings"]) == pytest.approx(1.0, abs=1e-9)
    assert {one["sleeve"] for row in shown["holdings"] for one in row["contributors"]} == {"test"}
    text = quant("meta", "show", "--out", out, "--date", "2021-06-10")
    assert text.exit_code == 0, text.stderr
    assert "asked for by" in text.stdout
    page = (quant.out / "report.html").read_text(encoding="utf-8")
    assert "Meta-portfolio report" in page
    assert '"profiles":["' in page


@pytest.mark.parametrize(
    ("sleeve", "said"),
    [
        ("test", "--sleeve: expected NAME=FOLDER, found 'test'"),
        ("test=nowhere", "expected the folder of a tournament, found no such file"),
    ],
)
def test_what_is_wrong_is_one_line(quant: Quant, sleeve: str, said: str) -> None:
    config = quant.write("world.yaml", WORLD)
    found = quant("meta", "run", "--config", config, "--sleeve", sleeve, "--out", str(quant.out))
    assert found.exit_code == 2
    assert said in found.stderr


def test_another_file_than_the_manifest_tells_of_is_refused(
    quant: Quant, finished: Path, tmp_path: Path
) -> None:
    for name in ("manifest.json", "nav.parquet", "weights_cube.parquet"):
        (tmp_path / name).write_bytes((finished / name).read_bytes())
    with (tmp_path / "nav.parquet").open("ab") as file:
        file.write(b"x")
    config = quant.write("world.yaml", WORLD)
    found = quant("meta", "run", "--config", config, "--sleeve", f"test={tmp_path}", "--out", "o")
    assert found.exit_code == 2
    assert "it is not the file that manifest.json tells of" in found.stderr
