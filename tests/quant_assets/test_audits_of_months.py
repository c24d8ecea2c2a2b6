"""Checks over the months of a run: what they look at, and what they find."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from quant_assets._resources import LakehouseRoot
from quant_assets.defs.market.audits import _books, _drifted, _feature_drift, _held
from quant_assets.partitions import months_of_run
from quant_core.data import DATE_TYPE

if TYPE_CHECKING:
    from pathlib import Path

MONTHS = [f"1990-{month:02d}" for month in range(1, 11)]
SYMBOLS = [*"ABCDEFGH"]
RANGE = {
    "dagster/asset_partition_range_start": "1990-02|us_equity",
    "dagster/asset_partition_range_end": "1990-04|us_equity",
}


def run(tags: dict[str, str]) -> Any:
    return SimpleNamespace(run=SimpleNamespace(tags=tags))


def features(month: str, shift: float) -> pa.Table:
    first = np.datetime64(month, "M")
    days = np.arange(first.astype("M8[D]"), (first + np.timedelta64(1, "M")).astype("M8[D]"))
    seed, rows = int(month[-2:]), len(days) * len(SYMBOLS)
    stamps = np.repeat(days.astype("M8[us]"), len(SYMBOLS))
    return pa.table(
        {
            "date": pa.array(stamps, pa.timestamp("us")).cast(DATE_TYPE),
            "symbol": SYMBOLS * len(days),
            "momentum": np.random.default_rng(seed).normal(size=rows) + shift,
            "zscore": np.random.default_rng(seed + 50).normal(size=rows),
        }
    )


@pytest.fixture
def lake(tmp_path: Path) -> LakehouseRoot:
    """Ten months of features; momentum moves away in the last three, March holds infinities."""
    lakehouse = LakehouseRoot(url=str(tmp_path))
    store = lakehouse.store("feature_matrix", "us_equity")
    for month in MONTHS:
        table = features(month, 3.0 if month >= "1990-08" else 0.0)
        if month == "1990-03":
            broken = table["zscore"].to_numpy().copy()
            broken[:20] = np.inf
            table = table.set_column(3, "zscore", pa.array(broken))
        store.write(month, table)
    return lakehouse


def test_the_months_of_a_run() -> None:
    assert months_of_run({}) is None
    assert months_of_run({"dagster/partition": "us_equity"}) is None
    assert months_of_run({"dagster/partition": "1990-02|us_equity"}) == {"us_equity": ["1990-02"]}
    assert months_of_run(RANGE) == {"us_equity": ["1990-02", "1990-03", "1990-04"]}


@pytest.mark.parametrize(
    ("tags", "looked_at", "count"),
    [
        ({}, 10, 20),
        (RANGE, 3, 20),
        ({"dagster/partition": "1990-10|us_equity"}, 1, 0),
        ({"dagster/partition": "1991-04|us_equity"}, 0, 0),
    ],
)
def test_the_contract_is_held_month_by_month(
    lake: LakehouseRoot, tags: dict[str, str], looked_at: int, count: int
) -> None:
    books = _books(run(tags), lake, "feature_matrix", "features")["us_equity"]
    assert (books.months, books.count, len(books.first)) == (looked_at, count, min(count, 12))
    assert all(one.startswith("us_equity 1990-03: column 'zscore', row ") for one in books.first)
    held = _held("feature_matrix", "contract", {"us_equity": books}, dg.AssetCheckSeverity.ERROR)
    assert held.passed == (count == 0)


def test_features_that_moved_away_are_named_and_plotted(lake: LakehouseRoot) -> None:
    found = _feature_drift(lake, "us_equity")
    assert [(one.symbol, one.severity) for one in found] == [
        ("momentum", "warn"),
        ("zscore", "note"),
    ]
    check = _drifted({"us_equity": found})
    assert not check.passed
    assert check.severity.name == "WARN"
    assert [text.split(":")[0] for text in check.metadata["drifted"].value["us_equity"]] == [
        "momentum"
    ]
    assert "data:image/png" in str(check.metadata["us_equity_plot"].value)
    assert _drifted({"us_equity": found[1:]}).passed
    assert _drifted({"us_equity": ()}).passed
