"""Whatever the sleeves earn after a day changes no row of a portfolio before it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from quant_core.cells import parquet_bytes
from quant_core.meta import MetaTables, compute_metas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quant_core.meta import MetaConfig

COUNT = int(os.environ.get("TRUNCATIONS", "3"))
PARTS = ("weights", "streams", "nav", "holdings")
# From the second window of the outer portfolio on, any day may be the last.
DAYS = np.arange(np.datetime64("2020-06-01"), np.datetime64("2021-02-03"))
BEST = {"sleeve": "us", "choose": "best"}

type Metas = dict[str, MetaConfig]


@pytest.fixture(scope="module", params=["flat", "nested"])
def metas(request: pytest.FixtureRequest, meta: Callable[..., MetaConfig]) -> Metas:
    both = [{"sleeve": "crypto"}, {"sleeve": "bonds"}]
    rebalances = ["window", "daily_5pct"]
    if request.param == "flat":
        return {"world": meta(members=[BEST, *both], rebalances=rebalances)}
    outer = meta("outer", members=[BEST, {"meta": "inner"}], rebalances=rebalances,
                 windows={"train": 20, "step": "month"}, bounds={"most": 0.9})  # fmt: skip
    return {"inner": meta("inner", members=both), "outer": outer}


@pytest.fixture(scope="module")
def whole(metas: Metas, sleeves: dict[str, Any]) -> MetaTables:
    return tables_of(metas, sleeves)


def tables_of(metas: Metas, sleeves: Mapping[str, Any]) -> MetaTables:
    root = list(metas)[-1]
    return MetaTables.of(compute_metas(root, metas, sleeves, {})[root], tried=3)


def rows_until(tables: MetaTables, part: str, last: np.datetime64) -> bytes:
    table = getattr(tables, part)
    rows = [row for row in table.to_pylist() if row["date"] <= last.item()]
    assert rows
    if part == "nav":  # the key of a path is that of all of it
        rows = [{**row, "key": ""} for row in rows]
    return parquet_bytes(pa.Table.from_pylist(rows, schema=table.schema))


def cuts() -> list[np.datetime64]:
    chosen = np.random.default_rng(11).choice(DAYS, size=COUNT, replace=False)
    return [*chosen, np.datetime64("2020-11-02"), np.datetime64("2021-01-01")]


@pytest.mark.parametrize("end", cuts(), ids=str)
def test_cutting_off_the_future_changes_nothing_before_it(
    end: np.datetime64, metas: Metas, whole: MetaTables, sleeves: dict[str, Any]
) -> None:
    cut = tables_of(metas, {name: sleeve.until(str(end)) for name, sleeve in sleeves.items()})
    for part in PARTS:
        last = max(getattr(cut, part)["date"].to_pylist())
        assert last <= end.item()
        assert rows_until(cut, part, end) == rows_until(whole, part, end), part
