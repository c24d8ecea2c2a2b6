from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from quant_core.context import Settings, Stage, current_settings
from quant_core.errors import StageError, StoreError
from quant_core.ledger import Kind, records
from quant_core.tournament import STAGES, Pipeline, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

ROOT = Path(__file__).resolve().parents[3]
FILES = ("leaderboard", "nav", "selected_atoms", "weights_cube", "window_metrics")
NAMES = ("ingest", "select", "solve", "simulate", "rank")


def actions(out: Path) -> list[tuple[str, str]]:
    found = records(out / "audit.jsonl", Kind.ACTION)
    return [(str(one.body["name"]), str(one.body["phase"])) for one in found]


def test_stage_by_stage_gives_the_bytes_of_the_whole(market: Market, base: Result) -> None:
    with Pipeline(market.config(), out=market.folder / "steps") as pipeline:
        names = [pipeline.step().name for _ in NAMES]
        pipeline.finish()
    assert tuple(names) == NAMES
    for name in FILES:
        whole, steps = (folder / f"{name}.parquet" for folder in (base.out, pipeline.out))
        assert steps.read_bytes() == whole.read_bytes()
    assert actions(pipeline.out) == actions(base.out)
    assert pipeline.result.leaderboard == base.leaderboard


def test_each_stage_says_what_it_changed(market: Market) -> None:
    out = market.folder / "changed"
    with Pipeline(market.config(), out=out) as pipeline:
        pipeline.until()
        pipeline.finish()
    by_name = {step.name: step.changed for step in pipeline.steps}
    assets = sorted(f"{symbol}_hold_long" for symbol in market.symbols if symbol != "INDEX")
    assert list(by_name["ingest"].added["atoms"]) == assets
    assert by_name["ingest"].changed["counts.symbols"] == (None, len(market.symbols))
    assert by_name["select"].changed["parameters.selections"][1].keys() == {
        "all",
        "low_volatility",
    }
    solves = by_name["solve"].changed["counts.solves"][1]
    assert solves == 2 * 4 * len(pipeline.data.windows)
    assert by_name["rank"].changed == {"counts.cells": (None, 16)}
    manifest = json.loads((out / "manifest.json").read_text())
    told = {stage["name"]: stage["changed"] for stage in manifest["stages"]}
    ledger = {
        one.body["name"]: one.body["outcome"]["changed"]
        for one in records(out / "audit.jsonl", Kind.ACTION)
        if one.body["phase"] == "success"
    }
    assert told == ledger == {name: changed.to_dict() for name, changed in by_name.items()}


def test_a_run_may_stop_after_a_stage_and_go_on_later(market: Market, base: Result) -> None:
    out = market.folder / "stopped"
    with Pipeline(market.config(), out=out) as pipeline:
        pipeline.until("select")
        pipeline.until("select")
        assert pipeline.left == ("solve", "simulate", "rank")
        pipeline.finish()
        with pytest.raises(StageError, match=r"needs a leaderboard.*left: solve, simulate, rank"):
            assert pipeline.result
    assert not (out / "weights_cube.parquet").exists()
    assert set(pq.read_table(out / "cells.parquet")["kind"].to_pylist()) == {"selection"}
    assert json.loads((out / "manifest.json").read_text())["outputs"].keys() == {
        "dropped.parquet",
        "selected_atoms.parquet",
    }
    result = run(market.config(), out=out)
    assert result.counts["selection"][1] == 0
    assert result.leaderboard == base.leaderboard


def fewer(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    pipeline.hand_on(counts={"records": len(given["atoms"])})
    return {"atoms": given["atoms"]}


def test_a_stage_can_be_added_and_is_recorded(market: Market, base: Result) -> None:
    veto = Stage("veto", fewer, needs=("atoms",), provides=("atoms",))
    stages = STAGES.insert(veto, after="select")
    result = run(market.config(), out=market.folder / "added", stages=stages)
    assert result.leaderboard == base.leaderboard
    assert list(result.seconds) == ["ingest", "select", "veto", "solve", "simulate", "rank"]
    assert actions(result.out)[4:6] == [("veto", "intent"), ("veto", "success")]


def test_a_stage_can_be_replaced(market: Market, base: Result) -> None:
    seen: list[str] = []

    def spied(pipeline: Pipeline, given: Mapping[str, Any]) -> Any:
        seen.append(pipeline.data.run_id)
        return STAGES["solve"].work(pipeline, given)

    own = Stage("solve", spied, needs=("inputs", "atoms"), provides=("index",))
    result = run(market.config(), out=market.folder / "other", stages=STAGES.replace(own))
    assert seen == [result.run_id]
    assert result.leaderboard == base.leaderboard


def test_a_pipeline_that_cannot_run_is_refused_before_anything_is_written(market: Market) -> None:
    out = market.folder / "refused"
    with pytest.raises(StageError, match=r"stage 'simulate': needs index, which no stage before"):
        Pipeline(market.config(), out=out, stages=STAGES.remove("solve"))
    assert not out.exists()


def test_an_error_names_its_stage_in_the_ledger_and_in_a_note(market: Market) -> None:
    def broken(_pipeline: Pipeline, _given: Mapping[str, Any]) -> dict[str, Any]:
        raise StoreError("no room")

    stages = STAGES.replace(Stage("select", broken, needs=("inputs",), provides=("atoms",)))
    out = market.folder / "broken"
    with pytest.raises(StoreError, match="no room") as caught:
        run(market.config(), out=out, stages=stages, run_id="r1")
    assert caught.value.__notes__ == ["in stage 'select' of run r1"]
    assert actions(out)[-1] == ("select", "error")


def test_outside_of_its_block_a_pipeline_does_nothing(market: Market) -> None:
    pipeline = Pipeline(market.config(), out=market.folder / "closed")
    for act in (pipeline.step, pipeline.finish):
        with pytest.raises(StageError, match="the folder is not open"):
            act()
    with pytest.raises(StageError, match="no stage is running"):
        pipeline.note([])
    assert not pipeline.out.exists()


def test_the_settings_of_a_run_hold_inside_it_alone(market: Market) -> None:
    seen: list[int | None] = []

    def looking(_pipeline: Pipeline, _given: Mapping[str, Any]) -> None:
        seen.append(current_settings().workers)

    stages = STAGES.insert(Stage("look", looking), before="ingest")
    settings = Settings(workers=11)
    with Pipeline(
        market.config(), out=market.folder / "own", stages=stages, settings=settings
    ) as pipeline:
        pipeline.until("look")
    assert seen == [11]
    assert current_settings().workers is None


def test_stages_are_logged(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.INFO, "quant_core.tournament"),
        Pipeline(market.config(), out=market.folder / "logged") as pipeline,
    ):
        pipeline.until("ingest")
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("ingest: +")


def test_the_documented_script_runs() -> None:
    script = ROOT / "docs" / "examples" / "stages.py"
    found = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "veto: " in found.stdout
    assert "left: veto, solve, simulate, rank" in found.stdout
    assert (ROOT / "docs" / "library.md").read_text().count("docs/examples/stages.py") == 1
