from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.tournament import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.quant_assets.sleeves.conftest import Sleeves

MONTHS = [f"2019-0{month}" for month in range(1, 7)]
MONTHLY = [
    "raw_prices",
    "returns_matrix",
    "atom_returns",
    "universe",
    "selected_atoms",
    "weights_cube",
]


def plain(table: pa.Table) -> pd.DataFrame:
    columns = [
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names).to_pandas()


def windows(made: Sleeves, sleeve: str) -> dict[str, list[str]]:
    store = made.store("weights_cube", sleeve)
    return {month: sorted(set(store.read(month)["window"].to_pylist())) for month in MONTHS}


def test_both_sleeves_have_every_month_and_pass_every_check(
    two: tuple[Sleeves, dict[str, Any]],
) -> None:
    made, told = two
    for sleeve in ("coins", "stocks"):
        for asset in MONTHLY:
            assert made.store(asset, sleeve).partitions() == MONTHS
    passed = {name for name, ok in told["checks"].items() if ok}
    assert {
        "kept_plus_dropped_is_in",
        "nothing_from_the_future",
        "weights_within_limits",
        "winners_are_members",
    } <= passed


def test_a_month_of_a_weekly_sleeve_holds_its_weeks(two: tuple[Sleeves, dict[str, Any]]) -> None:
    made, _ = two
    assert windows(made, "coins") == {
        "2019-01": [],
        # Twenty days from the first return, on the second of February.
        "2019-02": ["2019-02-25"],
        "2019-03": ["2019-03-04", "2019-03-11", "2019-03-18", "2019-03-25"],
        "2019-04": ["2019-04-01", "2019-04-08", "2019-04-15", "2019-04-22", "2019-04-29"],
        "2019-05": ["2019-05-06", "2019-05-13", "2019-05-20", "2019-05-27"],
        "2019-06": ["2019-06-03", "2019-06-10", "2019-06-17", "2019-06-24"],
    }


def test_a_month_of_a_monthly_sleeve_is_a_window(two: tuple[Sleeves, dict[str, Any]]) -> None:
    made, _ = two
    assert windows(made, "stocks") == {
        "2019-01": [],
        "2019-02": [],
        **{month: [f"{month}-01"] for month in MONTHS[2:]},
    }


@pytest.mark.parametrize("sleeve", ["coins", "stocks"])
def test_a_sleeve_beside_another_has_the_cells_of_the_plain_library(
    two: tuple[Sleeves, dict[str, Any]],
    sleeve: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, _ = two
    monkeypatch.setenv("DATA_OF_TEST", str(made.data))
    run(made.config(sleeve), out=tmp_path)
    for asset in ("selected_atoms", "weights_cube"):
        tables = [made.store(asset, sleeve).read(month) for month in MONTHS]
        found = pa.concat_tables([table for table in tables if table.num_rows])
        expected = pq.read_table(tmp_path / f"{asset}.parquet")
        pd.testing.assert_frame_equal(plain(found), plain(expected), check_exact=True)


def test_the_universe_says_why_not(two: tuple[Sleeves, dict[str, Any]]) -> None:
    made, _ = two
    table = made.store("universe", "stocks").read("2019-06").to_pandas()
    assert dict(zip(table["symbol"], table["reason"], strict=True)) == {
        "s0": "",
        "s1": "",
        "s2": "",
        "s3": "",
        "s4": "liquidity: not among the 4 most traded",
        "s5": "liquidity: not among the 4 most traded",
    }
    table = made.store("universe", "stocks").read("2019-05").to_pandas()
    reason = dict(zip(table["symbol"], table["reason"], strict=True))["s5"]
    assert reason.startswith("history: ")
    chosen = made.store("selected_atoms", "stocks").read("2019-05").to_pandas()
    assert dict(zip(chosen["symbol"], chosen["reason"], strict=True))["s5"] == reason
    assert made.store("weights_cube", "stocks").read("2019-05")["symbol"].unique().to_pylist() == [
        "s0",
        "s1",
        "s2",
        "s3",
    ]


def test_a_day_without_a_session_is_no_row(two: tuple[Sleeves, dict[str, Any]]) -> None:
    made, _ = two
    found = made.store("raw_prices", "stocks").read("2019-05")
    kept = made.store("returns_matrix", "stocks").read("2019-05")
    saturday = np.datetime64("2019-05-04", "D")
    assert saturday in found["date"].to_numpy().astype("datetime64[D]")
    assert saturday not in kept["date"].to_numpy().astype("datetime64[D]")
