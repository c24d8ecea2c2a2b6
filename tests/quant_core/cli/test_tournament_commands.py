from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from quant_core.cli._tournament import demo_config
from quant_core.config import cells

from .conftest import CONFIG

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Quant

FILES = [
    "audit.jsonl",
    "cells.parquet",
    "dropped.parquet",
    "leaderboard.parquet",
    "manifest.json",
    "nav.parquet",
    "report.html",
    "selected_atoms.parquet",
    "weights_cube.parquet",
    "window_metrics.parquet",
]


def test_a_run_writes_every_file(finished: Path) -> None:
    assert sorted(file.name for file in finished.iterdir() if file.is_file()) == FILES


def test_plan_run_plan(quant: Quant) -> None:
    before = json.loads(quant.tournament("plan", "--json").stdout)["cells"]
    assert not quant.out.exists()
    assert [before[kind]["cached"] for kind in ("selection", "solve", "simulation")] == [0, 0, 0]
    assert before["simulation"] == {"cached": 0, "stale": 6, "reasons": {"new": 6}}
    ran = json.loads(quant.tournament("run", "--json").stdout)
    after = json.loads(quant.tournament("plan", "--json").stdout)["cells"]
    for kind, counts in before.items():
        assert ran["cells"][kind] == {"hits": 0, "computed": counts["stale"]}
        assert after[kind] == {"cached": counts["stale"], "stale": 0, "reasons": {}}
    again = json.loads(quant.tournament("run", "--json").stdout)
    assert all(counts["computed"] == 0 for counts in again["cells"].values())


def test_a_new_profile_is_all_that_is_computed(quant: Quant) -> None:
    quant.tournament("run")
    found = quant.tournament("plan", config=CONFIG.replace("hrp", "hrp, min_variance"))
    lines = {line.split()[0]: line.split() for line in found.stdout.splitlines()}
    windows = int(lines["selection"][1])
    assert lines["selection"][1:3] == [str(windows), "0"]
    assert lines["solve"] == ["solve", str(3 * windows), str(windows), "new", f"({windows})"]
    assert lines["simulation"] == ["simulation", "6", "2", "new", "(2)"]


def test_json_is_all_that_standard_output_holds(quant: Quant) -> None:
    found = quant.tournament("run", "--json")
    said = json.loads(found.stdout)
    assert found.stderr == ""
    assert said["backend"] == "serial"
    assert said["configurations"] == 6
    assert said["without_numbers"] == []
    assert said["best"]["rank"] == 1
    assert said["report"] == str(quant.out / "report.html")
    manifest = json.loads((quant.out / "manifest.json").read_text())
    assert said["run_id"] == manifest["run_id"]


def test_the_leaderboard_is_printed_in_rank_order(quant: Quant) -> None:
    found = quant.tournament("run")
    board = pq.read_table(quant.out / "leaderboard.parquet").sort_by("rank").to_pylist()
    lines = [line.split() for line in found.stdout.splitlines()[1:7]]
    assert [line[0] for line in lines] == ["1", "2", "3", "4", "5", "6"]
    assert [(line[1], line[3]) for line in lines] == [
        (row["profile"], row["rebalance"]) for row in board
    ]
    assert f"{board[0]['sharpe']:.2f}".replace("-", "\N{MINUS SIGN}") == lines[0][4]
    assert "6 configurations tried in this run" in found.stdout
    assert "report.html" in found.stdout


def test_progress_says_what_was_found_and_computed(quant: Quant) -> None:
    quant.tournament("run")
    found = quant.tournament("run")
    lines = [line.split() for line in found.stderr.splitlines()]
    assert lines[0] == ["backend", "serial,", "1", "worker"]
    assert [line[0] for line in lines[1:]] == ["selecting", "solving", "simulating"]
    assert all(line[1] == line[3] and line[5] == "0" for line in lines[1:])


def test_a_report_can_be_written_again(quant: Quant) -> None:
    quant.tournament("run")
    page = (quant.out / "report.html").read_bytes()
    (quant.out / "report.html").unlink()
    found = quant("report", "--out", str(quant.out))
    assert found.stdout.strip() == str(quant.out / "report.html")
    assert (quant.out / "report.html").read_bytes() == page


def test_the_demo_has_at_least_200_cells() -> None:
    config = demo_config()
    assert len(list(cells(config))) >= 200
    assert config.data is not None
    assert config.data.sample


def test_the_schema_is_the_library_s(quant: Quant) -> None:
    schema = json.loads(quant("config", "schema").stdout)
    assert {"sleeve", "profiles", "windows", "data"} <= schema["properties"].keys()


@pytest.mark.parametrize("command", [["tournament", "run"], ["tournament", "plan"], ["cells"]])
def test_a_missing_option_is_a_usage_error(quant: Quant, command: list[str]) -> None:
    found = quant(*command)
    assert found.exit_code == 2
    assert "Missing" in found.stderr


def test_fidelity_and_finalists_are_chosen_on_the_command_line(quant: Quant) -> None:
    pytest.importorskip("vectorbt", reason="vectorbt is not installed (extra simulators)")
    given = ("--fidelity", "medium", "--finalists", "2")
    before = json.loads(quant.tournament("plan", "--json", *given).stdout)["cells"]
    assert before["simulation"] == {
        "cached": 0,
        "stale": 8,
        "reasons": {"new": 6, "finalists, once every cell is ranked": 2},
    }
    low = quant.tournament("run", "--fidelity", "low")
    assert low.exit_code == 0
    assert "simulators: one took part, so nothing is compared" in low.stdout
    after = json.loads(quant.tournament("plan", "--json", *given).stdout)
    assert after["cells"]["simulation"] == {"cached": 6, "stale": 2, "reasons": {"new": 2}}
    left_out = [why for why in after["absent"].values() if why.startswith("not among the 2 best")]
    assert len(left_out) == 4


def test_a_fidelity_that_is_none_is_refused(quant: Quant) -> None:
    assert quant.tournament("run", "--fidelity", "highest").exit_code == 2
    assert quant.tournament("run", "--finalists", "0").exit_code == 2
