from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.parquet as pq
import pytest

from quant_core.config import Choice
from quant_core.report import write_report
from quant_core.simulators import Custom
from quant_core.tournament import plan, run

if TYPE_CHECKING:
    from pathlib import Path

    from quant_core.simulators import Rebalance, SimulatedPath
    from tests.quant_core.tournament.conftest import Market

CELL = ("selection", "engine", "profile", "rebalance")
REASON = "not among the 3 best of 16 cells by Sharpe ratio under custom"


class Slow(Custom):
    """A simulator that nobody wants to see every cell."""

    name: Literal["slow"] = "slow"  # type: ignore[assignment]  # another name is the point


class Broken(Slow):
    """A simulator that fails on every path that trades daily."""

    def run(self, rebalance: Rebalance, **given: Any) -> SimulatedPath:
        if rebalance.drift_limit < 0.0:
            raise ZeroDivisionError("no such thing\nas a second line")
        return super().run(rebalance, **given)


class Missing(Slow):
    """A simulator whose extra is not installed."""

    @property
    def lack(self) -> str:
        return "slow is not installed; install quant-assets[simulators]"


def simulators(slow: Custom) -> list[Choice[Any]]:
    return [Choice("custom", Custom()), Choice("slow", slow)]


def rows(board: Any, **where: str) -> list[dict[str, Any]]:
    return [row for row in board.to_pylist() if all(row[k] == v for k, v in where.items())]


@pytest.fixture(scope="module")
def three(market: Market) -> Any:
    return market.run("finalists", simulators=simulators(Slow()), finalists=3)


def test_only_the_best_by_sharpe_are_seen_by_the_others(three: Any) -> None:
    custom = rows(three.leaderboard, simulator="custom")
    best = sorted(custom, key=lambda row: -row["sharpe"])[:3]
    slow = rows(three.leaderboard, simulator="slow")
    told = {tuple(row[a] for a in CELL): (row["status"], row["reason"]) for row in slow}
    seen = {cell for cell, (status, _) in told.items() if status == "ok"}
    assert seen == {tuple(row[axis] for axis in CELL) for row in best}
    assert {said for cell, said in told.items() if cell not in seen} == {("not a finalist", REASON)}
    for row in slow:
        assert (row["sharpe"] is None) == (row["status"] != "ok")
    parity = {row["parity"] for row in custom}
    assert parity == {"agrees", "not compared"}
    assert three.counts["simulation"] == (0, 19)


def test_the_manifest_and_the_report_say_who_they_are(three: Any) -> None:
    told = json.loads((three.out / "manifest.json").read_text())["finalists"]
    assert {name: told[name] for name in ("count", "of", "by", "simulator")} == {
        "count": 3,
        "of": 16,
        "by": "sharpe",
        "simulator": "custom",
    }
    assert len(told["cells"]) == 3
    page = write_report(three.out).read_text()
    assert "Only the 3 best of 16 cells by their Sharpe ratio under custom" in page
    assert REASON in page


@pytest.mark.parametrize(
    ("count", "computed"),
    [(3, 0), (2, 0), (5, 1), (None, 12)],
    ids=["same", "fewer", "more", "all"],
)
def test_how_many_are_finalists_changes_no_key(
    market: Market, three: Any, tmp_path: Path, count: int | None, computed: int
) -> None:
    # The market is held alike under both selections: two cells, one key.
    for file in three.out.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    config = market.config("finalists", simulators=simulators(Slow()), finalists=count)
    planned = plan(config, out=tmp_path)
    assert planned.counts["simulation"][1] == computed
    again = run(config, out=tmp_path)
    assert again.counts["simulation"][1] == computed
    keys = {row["key"] for row in three.leaderboard.to_pylist() if row["key"]}
    kept = {row["key"] for row in again.leaderboard.to_pylist() if row["key"]}
    assert keys <= kept or kept <= keys


def test_a_plan_without_ranks_counts_as_many_as_there_will_be(market: Market) -> None:
    config = market.config("planned", simulators=simulators(Slow()), finalists=3)
    planned = plan(config, out=market.folder / "nowhere")
    assert planned.counts["simulation"] == (0, 19)
    assert planned.reasons["simulation"] == {"new": 16, "finalists, once every cell is ranked": 3}


def test_a_missing_extra_is_unavailable_and_the_rest_runs(market: Market) -> None:
    result = market.run("lacking", simulators=simulators(Missing()), finalists=3)
    assert {row["status"] for row in rows(result.leaderboard, simulator="custom")} == {"ok"}
    lacking = {(r["status"], r["reason"]) for r in rows(result.leaderboard, simulator="slow")}
    assert lacking == {("unavailable", Missing().lack)}
    missing = {row["parity_missing"] for row in rows(result.leaderboard, simulator="custom")}
    assert missing == {"slow: unavailable"}


def test_a_path_that_raises_fails_alone_and_is_tried_again(market: Market) -> None:
    result = market.run("broken", simulators=simulators(Broken()))
    why = "ZeroDivisionError: no such thing"
    for row in rows(result.leaderboard, simulator="slow"):
        expected = ("failed", why) if row["rebalance"] == "daily" else ("ok", "")
        assert (row["status"], row["reason"]) == expected
    assert {row["status"] for row in rows(result.leaderboard, simulator="custom")} == {"ok"}
    facts = pq.read_table(result.out / "cells.parquet").to_pylist()
    failed = [fact for fact in facts if fact["kind"] == "simulation" and fact["status"] == "failed"]
    assert [fact["outcome"] for fact in failed] == ["computed"] * 8
    config = market.config("broken", simulators=simulators(Broken()))
    assert plan(config, out=result.out).reasons["simulation"] == {"failed before": 8}
    before = (result.out / "nav.parquet").read_bytes()
    assert run(config, out=result.out).counts["simulation"] == (24, 8)
    assert (result.out / "nav.parquet").read_bytes() == before
