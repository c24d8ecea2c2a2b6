from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_assets._resources import LakehouseRoot
from quant_assets._sleeves import sleeves
from quant_assets._whole import WholeSleeve
from quant_core.data import RawObservations, ReturnsMatrix, ingest, open_source
from quant_core.errors import MissingPartitionError
from quant_core.ledger import verify
from quant_core.tournament import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.quant_assets.conftest import Graph

MONTHLY = [
    "raw_prices",
    "returns_matrix",
    "feature_matrix",
    "strategy_models",
    "atom_returns",
    "universe",
    "selected_atoms",
    "weights_cube",
]
MONTHS = [f"1990-{month:02d}" for month in range(1, 13)] + [f"1991-0{m}" for m in range(1, 5)]
FIRST, LAST = "1990-01", "1991-04"
WITH_WINDOW = ["1991-01", "1991-02", "1991-03", "1991-04"]


def config_until(end: str) -> Any:
    return sleeves()["us_equity"].config.with_data(end=end)


def facts_of(result: Any, asset: str) -> dict[str, dict[str, Any]]:
    """Return the metadata of an asset's events, by month."""
    events = result.asset_materializations_for_node(asset)
    return {
        str(event.partition).split("|")[0]: {
            name: value.value for name, value in event.metadata.items()
        }
        for event in events
    }


def assert_same(found: pa.Table, expected: pa.Table) -> None:
    """Compare values to the last bit, whatever the chunks and dictionaries."""
    assert found.column_names == expected.column_names
    frames = []
    for table in (found, expected):
        columns = [
            column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
            for column in table.columns
        ]
        frames.append(pa.table(columns, names=table.column_names).to_pandas())
    pd.testing.assert_frame_equal(*frames, check_exact=True)


@pytest.mark.parametrize("asset", MONTHLY)
def test_every_month_is_a_file_and_an_event_with_the_version_of_its_bytes(
    graph: tuple[Graph, Any], asset: str
) -> None:
    made, result = graph
    assert result.success
    events = result.asset_materializations_for_node(asset)
    assert [event.partition for event in events] == [f"{month}|us_equity" for month in MONTHS]
    assert made.store(asset).partitions() == MONTHS
    for event, month in zip(events, MONTHS, strict=True):
        assert event.tags["dagster/data_version"] == made.store(asset).receipt(month).digest
        assert event.tags["dagster/partition/month"] == month


def test_every_check_ran_and_all_but_audits_passed(graph: tuple[Graph, Any]) -> None:
    _, result = graph
    found = {found.check_name: found.passed for found in result.get_asset_check_evaluations()}
    assert found == {
        "batch_invariance": True,
        "calendar": True,
        "contract": True,
        "drift": True,
        "gaps": True,
        "jumps": False,  # what the audits warn of stops nothing
        "kept_plus_dropped_is_in": True,
        "lives": True,
        "nothing_from_the_future": True,
        "observations": True,
        "onnx_parity": True,
        "stale_prices": False,
        "trained_on_the_past": True,
        "weights_within_limits": True,
        "winners_are_members": True,
    }


def test_raw_prices_are_what_the_source_has(graph: tuple[Graph, Any]) -> None:
    made, _ = graph
    sleeve = sleeves()["us_equity"]
    expected = open_source(sleeve.data).read(
        np.datetime64("1990-01-01", "us"), np.datetime64("1991-05-01", "us")
    )
    tables = [made.store("raw_prices").read(month) for month in MONTHS]
    found = RawObservations.from_table(tables[0])
    for table in tables[1:]:
        found = found.followed_by(RawObservations.from_table(table))
    assert found.to_table().num_rows == expected.to_table().num_rows
    assert found.symbols == expected.symbols


def test_months_of_returns_are_the_matrix_of_the_whole(graph: tuple[Graph, Any]) -> None:
    made, result = graph
    data = config_until("1991-04-30").data
    whole = ingest(open_source(data), data)
    parts = [ReturnsMatrix.from_table(made.store("returns_matrix").read(m)) for m in MONTHS]
    found = ReturnsMatrix.concatenate(parts)
    assert found.symbols == whole.matrix.symbols
    np.testing.assert_array_equal(found.dates, whole.matrix.dates)
    np.testing.assert_array_equal(found.values, whole.matrix.values)
    facts = facts_of(result, "returns_matrix")
    assert sum(fact["rows_in"] for fact in facts.values()) == whole.report.rows_in
    assert sum(fact["kept"] for fact in facts.values()) == whole.report.kept


def test_the_universe_begins_with_the_first_full_train_period(graph: tuple[Graph, Any]) -> None:
    made, _ = graph
    tables = {month: made.store("universe").read(month) for month in MONTHS}
    assert [month for month, table in tables.items() if table.num_rows] == WITH_WINDOW
    table = tables["1991-01"]
    assert table["window"].unique().to_pylist() == ["1991-01-01"]
    assert table["symbol"].to_pylist() == sorted(table["symbol"].to_pylist())
    assert len(table["symbol"]) == 20
    assert "SP500" not in table["symbol"].to_pylist()
    assert table["eligible"].to_pylist() == [True] * 20


def test_atoms_and_weights_are_those_of_the_plain_library(
    graph: tuple[Graph, Any], tmp_path: Path
) -> None:
    made, _ = graph
    run(config_until("1991-04-30"), out=tmp_path)
    for asset in ("selected_atoms", "weights_cube"):
        tables = [made.store(asset).read(month) for month in WITH_WINDOW]
        expected = pq.read_table(tmp_path / f"{asset}.parquet")
        assert_same(pa.concat_tables(tables), expected)


def test_a_second_run_finds_every_cell_and_changes_no_byte(
    graph: tuple[Graph, Any], tmp_path: Path
) -> None:
    made, first = graph
    assert facts_of(first, "weights_cube")["1991-04"]["computed"] == 36
    copied = made.copy(tmp_path)
    before = copied.files()
    facts = facts_of(copied.research("1991-02", LAST), "weights_cube")
    assert {month: (fact["hits"], fact["computed"]) for month, fact in facts.items()} == {
        "1991-02": (36, 0),
        "1991-03": (36, 0),
        "1991-04": (36, 0),
    }
    assert copied.files() == before


def test_a_lost_partition_alone_is_computed_again_to_the_same_bytes(
    graph: tuple[Graph, Any], tmp_path: Path
) -> None:
    made, _ = graph
    copied = made.copy(tmp_path)
    before = copied.files()
    copied.store("weights_cube").delete("1991-03")
    facts = facts_of(copied.research(FIRST, LAST), "weights_cube")
    assert {month: fact["computed"] for month, fact in facts.items() if fact["computed"]} == {
        "1991-03": 36
    }
    assert facts["1991-03"]["why_computed"] == {"new": 36}
    assert copied.files() == before


def test_a_month_by_itself_gives_the_bytes_of_a_range(
    graph: tuple[Graph, Any], tmp_path: Path
) -> None:
    made, _ = graph
    copied = made.copy(tmp_path)
    before = copied.files()
    for asset in ("universe", "selected_atoms", "weights_cube"):
        copied.store(asset).delete("1991-04")
    assert copied.run("research", "1991-04|us_equity").success
    assert copied.files() == before


def test_a_month_whose_past_was_never_materialized_is_an_error(empty: Graph) -> None:
    with pytest.raises(dg.Failure, match=r"raw_prices: partition 19\d\d-\d\d\|us_equity has"):
        empty.research("1991-01", "1991-01")
    assert empty.store("returns_matrix").partitions() == []


def test_the_audit_trail_is_whole_and_its_head_is_witnessed(graph: tuple[Graph, Any]) -> None:
    made, result = graph
    path = made.root / "audit" / "us_equity.jsonl"
    assert verify(path).ok
    facts = facts_of(result, "weights_cube")["1991-04"]
    assert f'"hash":"{facts["ledger_head"]}"' in path.read_text()


@pytest.fixture(scope="module")
def ranked(graph: tuple[Graph, Any]) -> tuple[Graph, Any, Any]:
    made, _ = graph
    simulated = made.run("simulation", "custom|us_equity")
    return made, simulated, made.run("ranking", "us_equity")


def test_paths_and_leaderboard_are_those_of_the_plain_library(
    ranked: tuple[Graph, Any, Any], tmp_path: Path
) -> None:
    made, simulated, _ = ranked
    run(config_until("1991-04-30"), out=tmp_path)
    paths = made.store("simulation_results").read("custom")
    assert_same(paths, pq.read_table(tmp_path / "nav.parquet"))
    assert simulated.get_asset_check_evaluations()[0].passed
    board = pq.read_table(made.root / "lakehouse" / "leaderboard" / "us_equity.parquet")
    assert_same(board, pq.read_table(tmp_path / "leaderboard.parquet"))
    assert set(board["trials"].to_pylist()) == {108}


def test_what_people_look_at_is_a_picture_or_a_table(ranked: tuple[Graph, Any, Any]) -> None:
    _, simulated, board = ranked
    nav = simulated.asset_materializations_for_node("simulation_results")[0].metadata["nav"]
    best = board.asset_materializations_for_node("leaderboard")[0].metadata["best"]
    assert isinstance(nav, dg.MarkdownMetadataValue)
    assert nav.md_str.startswith("![us_equity, custom: the highest final values](data:image/png;")
    assert best.md_str.startswith("| rank | selection | engine | profile | rebalance | sharpe |")


def test_a_leaderboard_never_ranks_paths_of_another_cube(
    ranked: tuple[Graph, Any, Any], tmp_path: Path
) -> None:
    made, *_ = ranked
    copied = made.copy(tmp_path)
    copied.research("1991-05", "1991-05")
    with pytest.raises(dg.Failure, match="paths are behind the weights cube"):
        copied.run("ranking", "us_equity")


def test_a_path_cannot_skip_a_month(graph: tuple[Graph, Any], tmp_path: Path) -> None:
    made, _ = graph
    copied = made.copy(tmp_path)
    copied.store("weights_cube").delete("1991-02")
    lakehouse = LakehouseRoot(url=str(tmp_path / "lakehouse"))
    with pytest.raises(MissingPartitionError, match="the first is 1991-02; a path cannot skip"):
        WholeSleeve.read(sleeves()["us_equity"], lakehouse)
