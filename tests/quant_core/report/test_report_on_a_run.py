"""The report of a real tournament, and the synthetic folders against what a run really writes."""

from __future__ import annotations

import json
import re
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quant_core.config import parse_config
from quant_core.report import ranked, write_report
from quant_core.statistics import probabilistic_sharpe
from quant_core.tournament import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLES = (
    "leaderboard",
    "nav",
    "weights_cube",
    "window_metrics",
    "selected_atoms",
    "cells",
    "dropped",
)
AXES = ("selection", "engine", "profile", "rebalance", "simulator")
CONFIG: dict[str, Any] = {
    "sleeve": "us_equity",
    "data": {"sample": True, "start": "2020-01-01", "end": "2021-12-31"},
    "windows": {"train": 120},
    "selections": ["all", {"name": "low_volatility", "count": 8}],
    "profiles": [
        "equal_weight",
        {"name": "market", "as": "index"},
        "min_variance",
        "hrp",
        {"name": "hrp", "as": "hrp_again"},
    ],
    "rebalances": ["window", "daily"],
    "seed": 5,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    run(parse_config(CONFIG), out=out)
    write_report(out)
    return out


@pytest.fixture(scope="module")
def payload(made: Path) -> dict[str, Any]:
    text = (made / "report.html").read_text()
    found = re.search(r'<script id="payload"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert found is not None
    charts: dict[str, Any] = json.loads(found[1])
    return charts


@pytest.mark.parametrize("table", TABLES)
def test_the_synthetic_folder_has_no_column_that_a_run_lacks(
    made: Path, folder: Callable[..., Path], table: str
) -> None:
    real = set(pq.read_schema(made / f"{table}.parquet").names)
    assert set(pq.read_schema(folder() / f"{table}.parquet").names) <= real


def test_the_synthetic_manifest_has_no_key_that_a_run_lacks(
    made: Path, folder: Callable[..., Path]
) -> None:
    real, ours = (json.loads((place / "manifest.json").read_text()) for place in (made, folder()))
    assert ours.keys() <= real.keys()
    for part in ("config", "data", "pbo"):
        assert ours[part].keys() <= real[part].keys()


def _cell(row: dict[str, Any]) -> pc.Expression:
    return reduce(and_, [pc.field(axis) == row[axis] for axis in AXES])


def test_every_cell_is_on_the_leaderboard_in_rank_order(
    made: Path, payload: dict[str, Any]
) -> None:
    board = ranked(pq.read_table(made / "leaderboard.parquet"))
    assert payload["table"]["cells"] == ["|".join(row[axis] for axis in AXES) for row in board]
    assert [row[0] for row in payload["table"]["rows"]] == list(range(1, 21))


def test_the_lines_end_where_the_paths_end(made: Path, payload: dict[str, Any]) -> None:
    board = ranked(pq.read_table(made / "leaderboard.parquet"))
    assert [line["role"] for line in payload["lines"]][:2] == ["best", "benchmark"]
    for line in payload["lines"]:
        row = board[payload["marked"][line["role"]] - 1]
        nav = pq.read_table(made / "nav.parquet", filters=_cell(row))
        assert line["nav"][-1] == pytest.approx(1 + row["total_return"], abs=1e-4)
        assert min(line["drawdown"]) == pytest.approx(row["max_drawdown"], abs=1e-5)
        assert len(line["date"]) == nav.num_rows
    assert board[payload["marked"]["benchmark"] - 1]["profile"] == "index"


def test_luck_explains_as_much_as_the_deflated_ratio_took_off(
    made: Path, payload: dict[str, Any]
) -> None:
    best = ranked(pq.read_table(made / "leaderboard.parquet"))[0]
    against_luck = probabilistic_sharpe(
        [best["sharpe_period"]],
        observations=best["observations"],
        skewness=[best["skewness"]],
        kurtosis=[best["kurtosis"]],
        benchmark=payload["luck"]["expected"] / 252**0.5,
    )
    assert against_luck[0] == pytest.approx(best["dsr"], abs=1e-9)


def test_two_labels_of_one_profile_are_two_cells_with_equal_figures(
    made: Path, payload: dict[str, Any]
) -> None:
    cells, rows = payload["table"]["cells"], payload["table"]["rows"]
    pairs = [(cell, cell.replace("|hrp|", "|hrp_again|")) for cell in cells if "|hrp|" in cell]
    assert len(pairs) == 4
    for first, second in pairs:
        assert rows[cells.index(first)][5:] == rows[cells.index(second)][5:]
    assert len(payload["every"]["cells"]) == 20
    solves = len(payload["weights"]["windows"]) * 2 * 5
    assert f"{solves} solves, by status" in (made / "report.html").read_text()


def test_coverage_counts_every_atom_of_every_window(payload: dict[str, Any]) -> None:
    coverage = payload["coverage"]
    counts = [one["count"] for one in coverage["series"]]
    totals = [sum(column) for column in zip(*counts, strict=True)]
    assert totals == [20] * len(coverage["windows"])


def test_the_weights_of_a_window_sum_to_one(payload: dict[str, Any]) -> None:
    weights = payload["weights"]
    for place in range(len(weights["windows"])):
        assert sum(one["weight"][place] for one in weights["series"]) == pytest.approx(1, abs=2e-4)


def test_a_rerun_shows_its_hits(made: Path) -> None:
    run(parse_config(CONFIG), out=made)
    text = re.sub(r"<script.*?</script>", "", write_report(made).read_text(), flags=re.DOTALL)
    assert "100.0\N{NARROW NO-BREAK SPACE}%" in text
    assert "Why the others were computed" not in text
    assert "20 configurations were tried in this run." in text
