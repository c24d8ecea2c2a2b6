from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    import pandas as pd

    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

NAMES = ["selection", "engine", "profile", "rebalance", "simulator"]
# The path of a cell is one unit, so its key tells of all its days; its figures may not.
FIGURES = ["nav", "period_return", "turnover", "cost", "hhi"]


def frame(result: Result, name: str) -> pd.DataFrame:
    table = pq.read_table(result.out / f"{name}.parquet").to_pandas()
    return table.astype(dict.fromkeys(table.select_dtypes("category"), object))


def same(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    """Say whether two tables hold the same bits, NaN included."""
    if list(left.columns) != list(right.columns) or len(left) != len(right):
        return False
    for name in left.columns:
        one, other = left[name].to_numpy(), right[name].to_numpy()
        if one.dtype.kind == "f":
            one, other = one.view(np.int64), other.view(np.int64)
        if one.astype(object).tolist() != other.astype(object).tolist():
            return False
    return True


def drawn_cuts() -> list[int]:
    # The market has 158 days, the first window that has test days begins on row 43.
    return sorted(np.random.default_rng(17).choice(np.arange(46, 157), 5, replace=False).tolist())


@pytest.mark.parametrize("step", ["month", "week"])
@pytest.mark.parametrize("cut", drawn_cuts())
def test_the_future_changes_no_earlier_row(market: Market, cut: int, step: str) -> None:
    options: dict[str, Any] = {
        "windows": {"train": 40, "step": step},
        "selections": [
            "all",
            {"name": "low_volatility", "count": 4},
            {"name": "top_momentum", "count": 3, "skip": 5},
            {"name": "clustered", "clusters": 3},
            {"name": "htr", "winners_min": 3, "winners_max": 5, "threshold": 0.5},
        ],
        "profiles": ["equal_weight", "market", "hrp", {"name": "min_variance", "cap": 0.5}],
    }
    whole = market.run(f"whole-{step}-{cut}", **options)
    short = market.rows(slice(0, cut)).run(f"short-{step}-{cut}", **options)
    for name in ("selected_atoms", "weights_cube"):
        early, every = frame(short, name), frame(whole, name)
        windows = set(early["window"].tolist())
        assert windows
        assert same(every[every["window"].isin(windows)].reset_index(drop=True), early), name
        later = set(every["window"].tolist()) - windows
        assert all(window > max(windows) for window in later)
    early, every = frame(short, "nav"), frame(whole, "nav")
    columns = ["date", *NAMES, *FIGURES]
    before = every[every["date"] <= early["date"].max()].reset_index(drop=True)
    assert same(before[columns], early[columns])


def test_the_comparison_sees_a_single_bit(base: Result) -> None:
    left = frame(base, "nav")
    right = left.copy()
    right.loc[7, "nav"] = np.nextafter(right.loc[7, "nav"], 9.0)
    assert same(left, left.copy())
    assert not same(left, right)


def test_a_return_after_the_train_period_moves_no_weight_of_the_window(
    market: Market, base: Result
) -> None:
    touched = market.with_value("2020-07-15", "AAA", 0.5).run("touched")
    cube, other = frame(base, "weights_cube"), frame(touched, "weights_cube")
    july = cube["window"] <= "2020-07-01"
    assert same(cube[july], other[other["window"] <= "2020-07-01"])
    august, moved = cube[~july]["weight"].tolist(), other[other["window"] > "2020-07-01"]
    assert august != moved["weight"].tolist()
