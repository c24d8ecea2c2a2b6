from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from quant_core.champion import read_election
from quant_core.config import load_config
from quant_core.errors import StoreError
from quant_core.ledger import records

if TYPE_CHECKING:
    from tests.quant_assets.deployment.conftest import Platform

GATES = {
    "friction_decay", "fragility", "jaccard", "turnover", "cvar", "drawdown", "parity", "cagr_gap",
    "dsr",
}  # fmt: skip


def checks_of(result: Any) -> dict[str, Any]:
    return {one.check_name: one for one in result.get_asset_check_evaluations()}


def strict(monkeypatch: pytest.MonkeyPatch, **gates: float) -> None:
    """Put other thresholds into the configuration of the sleeve."""
    module = importlib.import_module("quant_assets._sleeves")
    (path,) = Path(os.environ["TV_SLEEVES"]).glob("*.yaml")
    config = load_config(str(path))
    tight = config.champion.gates.model_copy(update=gates)
    champion = config.champion.model_copy(update={"gates": tight})
    sleeve = module.Sleeve.load(path)
    changed = module.Sleeve(
        config.model_copy(update={"champion": champion}), sleeve.data, sleeve.first, sleeve.last
    )
    asset = importlib.import_module("quant_assets.defs.deployment.champion")
    monkeypatch.setattr(sys.modules[asset.__name__], "sleeves", lambda: {"small": changed})


def test_a_champion_is_elected_and_each_gate_is_a_check(elected: tuple[Platform, Any]) -> None:
    pytest.importorskip("vectorbt", reason="vectorbt is not installed (extra simulators)")
    board, result = elected
    checks = checks_of(result)
    assert set(checks) == {"champion_elected", "audit_trail_whole", *GATES}
    assert all(check.passed and check.blocking for check in checks.values())
    election = read_election(board.store("champion").read("small"))
    best = board.store("leaderboard").read("small").sort_by("rank").to_pylist()[0]
    names = ("selection", "engine", "profile", "rebalance", "simulator")
    assert election.champion == tuple(best[name] for name in names)
    (event,) = result.asset_materializations_for_node("champion")
    assert event.tags["dagster/data_version"] == board.store("champion").receipt("small").digest
    assert event.metadata["champion"].value == "/".join(election.champion)
    assert event.metadata["verdicts"].md_str.startswith("|  | candidate | passed | why not |")


def test_every_asset_says_what_it_read_and_made(elected: tuple[Platform, Any]) -> None:
    trail = elected[0].root / "audit" / "small.jsonl"
    done = [one.body for one in records(trail, "action") if one.body["phase"] == "success"]
    found = {body["name"]: body for body in done}
    made = {
        "read", "ingest", "features", "train", "streams", "discover", "select", "solve",
        "simulate", "rank", "elect",
    }  # fmt: skip
    assert made <= found.keys()
    assert all(found[name]["outputs"] for name in made)
    assert all(found[name]["inputs"] for name in made - {"read"})
    month = "2001-05"
    assert found["ingest"]["inputs"][f"raw_prices/{month}"] == found["read"]["outputs"][month]
    returns = found["ingest"]["outputs"][month]
    assert found["streams"]["inputs"][f"returns_matrix/{month}"] == returns
    atoms = found["streams"]["outputs"][month]
    assert found["discover"]["inputs"][f"atom_returns/{month}"] == atoms
    chosen = found["solve"]["inputs"][f"selected_atoms/{month}"]
    assert chosen == found["select"]["outputs"][month]
    assert found["elect"]["inputs"]["leaderboard"] == found["rank"]["outputs"]["leaderboard"]


def test_each_candidate_is_recorded_with_its_gates(elected: tuple[Platform, Any]) -> None:
    board, result = elected
    told = [one.body for one in records(board.root / "audit" / "small.jsonl", "candidate")]
    own = [body for body in told if body["run_id"] == result.run_id]
    election = read_election(board.store("champion").read("small"))
    assert [tuple(body["cell"]) for body in own] == [one.cell for one in election.verdicts]
    assert all(set(body["gates"]) == GATES for body in own)


def test_an_election_is_the_same_bytes_again(
    elected: tuple[Platform, Any], board: Platform
) -> None:
    before = elected[0].store("champion").receipt("small").digest
    assert board.store("champion").read("small") is None
    board.run("election", "small")
    assert board.store("champion").receipt("small").digest == before


def test_the_run_is_logged_with_its_tables(elected: tuple[Platform, Any]) -> None:
    board, result = elected
    assert board.registry.artifacts(result.run_id) == [
        "small.config.json",
        "small.election.json",
        "small.leaderboard.parquet",
        "small.verdicts.parquet",
    ]


def test_nobody_passes_and_the_reasons_are_told(
    board: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict(monkeypatch, turnover=0.0)
    result = board.run("election", "small", ok=False)
    checks = checks_of(result)
    assert not checks["champion_elected"].passed
    assert not checks["turnover"].passed
    assert "is not at most 0" in checks["turnover"].description
    assert checks["dsr"].passed
    election = read_election(board.store("champion").read("small"))
    assert election.champion is None
    (event,) = result.asset_materializations_for_node("champion")
    assert event.metadata["champion"].value == "no champion"
    assert "turnover" in event.metadata["reason"].value
    assert board.registry.artifacts(result.run_id)


def test_an_mlflow_that_fails_fails_the_step_and_loses_no_election(board: Platform) -> None:
    (board.root / "mlflow.db").write_bytes(b"no database at all")
    with pytest.raises(StoreError, match="MLflow at sqlite:///"):
        board.run("election", "small")
    assert read_election(board.store("champion").read("small")).champion is not None


def test_a_leaderboard_of_other_paths_elects_nobody(board: Platform) -> None:
    store = board.store("leaderboard")
    table = store.read("small")
    keys = table["key"].to_pylist()
    other = ["0" * 32 if key else None for key in keys]
    store.write("small", table.set_column(table.schema.get_field_index("key"), "key", [other]))
    with pytest.raises(dg.Failure, match="the leaderboard is behind simulation_results"):
        board.run("election", "small")
    assert board.store("champion").read("small") is None


def test_without_a_leaderboard_there_is_nothing_to_elect(board: Platform) -> None:
    board.store("leaderboard").delete("small")
    with pytest.raises(dg.Failure, match="leaderboard of sleeve small has never been materialized"):
        board.run("election", "small")


def test_from_prices_to_the_strategy_database(board: Platform) -> None:
    board.run("election", "small")
    board.run("promotion", "momo")
    board.run("redeploy", "momo")
    (row,) = board.database.rows()
    assert row.model is not None
    assert row.model.feature_hash == row.features.hash
    assert board.resources["lakehouse"].models().read(row.model)[:1] == b"\x08"
    assert (row.mode, row.lineage["month"]) == ("live", "2001-10")
    assert row.allocation is not None
    assert 0 < row.allocation < 1
