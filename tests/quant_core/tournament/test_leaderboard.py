"""Figures of the leaderboard against plain numpy on the stored paths."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from quant_core.canonical import digest
from quant_core.ledger import tried_configurations, verify
from quant_core.tournament import LEADERBOARD_SCHEMA, WINDOWS_SCHEMA, configuration_ids, run

if TYPE_CHECKING:
    import pandas as pd

    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

NAMES = ["selection", "engine", "profile", "rebalance", "simulator"]
RISK_FREE = 0.02


@pytest.fixture(scope="module")
def result(market: Market) -> Result:
    return market.run("board", risk_free=RISK_FREE)


def frame(result: Result, name: str) -> pd.DataFrame:
    table = pq.read_table(result.out / f"{name}.parquet").to_pandas()
    return table.astype(dict.fromkeys(table.select_dtypes("category"), object))


def paths(result: Result) -> dict[tuple[str, ...], pd.DataFrame]:
    return {
        names: path.reset_index(drop=True)
        for names, path in frame(result, "nav").groupby(NAMES, sort=False)
    }


def expected(path: pd.DataFrame) -> dict[str, float]:
    returns, nav, days = path["period_return"].to_numpy(), path["nav"].to_numpy(), len(path)
    excess = returns - RISK_FREE / 252
    centred = returns - returns.mean()
    high = np.maximum(np.maximum.accumulate(nav), 1.0)
    ordered = np.sort(returns)
    moved = returns[returns != 0]
    cagr, fall = nav[-1] ** (252 / days) - 1, (nav / high - 1).min()
    deviation = returns.std(ddof=1)
    return {
        "sharpe_period": excess.mean() / deviation,
        "sharpe": excess.mean() / deviation * np.sqrt(252),
        "sortino": excess.mean() / np.sqrt(np.square(np.minimum(excess, 0)).mean()) * np.sqrt(252),
        "volatility": deviation * np.sqrt(252),
        "cagr": cagr,
        "max_drawdown": fall,
        "calmar": cagr / abs(fall),
        "total_return": nav[-1] - 1,
        "var_95": np.quantile(returns, 0.05),
        "cvar_95": ordered[: int(0.05 * (days - 1)) + 1].mean(),
        "hit_rate": (moved > 0).mean(),
        "skewness": (centred**3).mean() / (centred**2).mean() ** 1.5,
        "kurtosis": (centred**4).mean() / (centred**2).mean() ** 2,
        "turnover": path["turnover"].sum() / 6,
        "turnover_annual": path["turnover"].mean() * 252,
        "cost_annual": path["cost"].mean() * 252,
        "observations": days,
    }


def test_figures_of_every_cell(result: Result) -> None:
    board, found = frame(result, "leaderboard"), paths(result)
    assert len(board) == len(found) == 16
    for _, row in board.iterrows():
        path = found[tuple(row[NAMES])]
        for name, value in expected(path).items():
            assert row[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name
        assert row["key"] == path["key"][0]
        assert row["psr"] >= row["dsr"]
        assert row["sharpe_low"] <= row["sharpe"] <= row["sharpe_high"]


def test_a_path_is_the_product_of_its_returns_and_starts_from_one(result: Result) -> None:
    for path in paths(result).values():
        np.testing.assert_allclose(
            np.cumprod(1 + path["period_return"]), path["nav"], rtol=1e-12, atol=0
        )
        # Nothing is held before the close of the first day: it costs what it trades.
        assert path["nav"][0] == pytest.approx(1 - path["cost"][0], rel=1e-14)
        assert path["turnover"][0] == pytest.approx(0.5, rel=1e-9)
        assert path["cost"][0] == pytest.approx(1.0 * 6e-4, rel=1e-9)


def test_the_market_drifts_with_its_index(market: Market, result: Result) -> None:
    path = paths(result)["all", "native", "market", "window", "custom"]
    first = np.searchsorted(market.dates, np.datetime64("2020-03-01"))
    index = np.cumprod(1 + market.values[first + 1 :, -1])  # noqa: PD011 - no pandas object
    np.testing.assert_allclose(path["nav"][1:] / path["nav"][0], index, rtol=1e-3)
    assert path["hhi"].tolist() == [1.0] * len(path)


def test_concentration_comes_from_the_cube(result: Result) -> None:
    cube, board = frame(result, "weights_cube"), frame(result, "leaderboard")
    squares = cube.assign(square=cube["weight"] ** 2).groupby([*NAMES[:3], "window"])["square"]
    means = squares.sum().groupby(level=[0, 1, 2]).mean()
    for _, row in board.iterrows():
        assert row["hhi"] == pytest.approx(means[tuple(row[NAMES[:3]])], rel=1e-12)


def test_windows_add_up(result: Result) -> None:
    board, windows, found = (
        frame(result, "leaderboard"),
        frame(result, "window_metrics"),
        paths(result),
    )
    assert len(windows) == 16 * 6
    for names, of_cell in windows.groupby(NAMES, sort=False):
        path, row = found[names], board[(board[NAMES] == list(names)).all(axis=1)].iloc[0]
        assert of_cell["window"].tolist() == [f"2020-0{month}-01" for month in range(3, 9)]
        assert of_cell["turnover"].sum() == pytest.approx(path["turnover"].sum(), rel=1e-12)
        assert of_cell["cost"].sum() == pytest.approx(path["cost"].sum(), rel=1e-12)
        # The first day of a path belongs to no window's returns: weights earn from the next on.
        whole = np.prod(1 + of_cell["total_return"]) * path["nav"][0]
        assert whole == pytest.approx(path["nav"].iloc[-1], rel=1e-12)
        fragility = of_cell["sharpe"].std(ddof=1) / abs(of_cell["sharpe"].mean())
        assert row["fragility"] == pytest.approx(fragility, rel=1e-9)


def test_ranks_follow_the_deflated_sharpe_ratio(result: Result) -> None:
    board = frame(result, "leaderboard").sort_values("rank")
    assert board["rank"].tolist() == list(range(1, 17))
    keys = list(zip(-board["dsr"], -board["sharpe"], strict=True))
    assert keys == sorted(keys)


def test_tables_follow_their_schemas(result: Result) -> None:
    assert pq.read_schema(result.out / "leaderboard.parquet").names == LEADERBOARD_SCHEMA.names
    assert pq.read_schema(result.out / "window_metrics.parquet").names == WINDOWS_SCHEMA.names
    assert result.leaderboard.schema == LEADERBOARD_SCHEMA


def test_weights_are_full_bounded_and_of_selected_atoms(result: Result) -> None:
    cube, atoms = frame(result, "weights_cube"), frame(result, "selected_atoms")
    sums = cube.groupby(["window", *NAMES[:3]])["weight"].sum()
    np.testing.assert_allclose(sums, 1.0, rtol=0, atol=1e-9)
    assert (cube["weight"] >= 0).all()
    assert (cube["weight"] == cube["net_weight"]).all()
    assert cube[cube["profile"] == "min_variance"]["weight"].max() <= 0.5 + 1e-9
    own = cube[cube["profile"] != "market"]
    chosen = atoms[atoms["selected"]]
    pairs = ["window", "selection", "atom"]
    allowed = set(chosen[pairs].itertuples(index=False, name=None))
    assert set(own[pairs].itertuples(index=False, name=None)) == allowed
    residual = cube["kkt_residual"].dropna()
    assert (residual <= 1e-9).all()
    assert len(residual) > 0


def test_one_row_group_a_window_in_the_order_of_the_configuration(result: Result) -> None:
    file = pq.ParquetFile(result.out / "weights_cube.parquet")
    assert file.num_row_groups == 6
    cube = frame(result, "weights_cube")
    order = list(dict.fromkeys(cube[["window", *NAMES[:3]]].itertuples(index=False, name=None)))
    assert order == [
        (f"2020-0{month}-01", selection, "native", profile)
        for month in range(3, 9)
        for selection in ("all", "low_volatility")
        for profile in ("equal_weight", "market", "max_sharpe", "min_variance")
    ]


def test_trials_come_from_the_ledger_of_the_folder(market: Market) -> None:
    first = market.config("trials", profiles=["equal_weight", "hrp"])
    second = market.config("trials", profiles=["equal_weight", {"name": "hrp", "cap": 0.6}])
    relabelled = market.config("trials", profiles=[{"name": "hrp", "as": "tree"}])
    out = market.folder / "trials"
    counted = []
    for config in (first, first, second, relabelled):
        board = run(config, out=out).leaderboard
        counted.append(board["trials"].unique().to_pylist())
    # 2 selections and 2 rebalances: 8 cells, then 4 more of the capped profile.
    assert counted == [[8], [8], [12], [12]]
    assert len(tried_configurations(out / "audit.jsonl")) == 12
    assert board["configurations"].unique().to_pylist() == [4]


def test_more_trials_deflate_more(market: Market) -> None:
    out = market.folder / "deflated"
    config = market.config("deflated", profiles=["equal_weight", "hrp"])
    before = run(config, out=out).leaderboard
    run(market.config("deflated", profiles=[{"name": "hrp", "cap": 0.6}]), out=out)
    after = run(config, out=out).leaderboard
    assert after["sharpe"].equals(before["sharpe"])
    pairs = zip(before["dsr"].to_pylist(), after["dsr"].to_pylist(), strict=True)
    assert all(later < earlier for earlier, later in pairs)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"seed": 3}, True),
        ({"profiles": [{"name": "equal_weight", "as": "naive"}]}, True),
        ({"windows": {"train": 40, "step": "month", "test": "month"}}, True),
        ({"windows": {"train": 41}}, False),
        ({"costs": {"slippage_bps": 6.0}}, False),
        ({"risk_free": 0.01}, False),
        ({"sleeve": "eu"}, False),
        ({"profiles": ["hrp"]}, False),
    ],
)
def test_what_counts_as_another_trial(
    market: Market, changes: dict[str, Any], *, same: bool
) -> None:
    plain = {"profiles": ["equal_weight"]}
    one = configuration_ids(market.config("ids", **plain))
    other = configuration_ids(market.config("ids", **{**plain, **changes}))
    assert len(one) == len(other) == 4
    assert (one == other) == same


def test_the_manifest_and_the_ledger_agree_with_the_files(result: Result) -> None:
    manifest = json.loads((result.out / "manifest.json").read_text())
    for name, found in manifest["outputs"].items():
        assert digest((result.out / name).read_bytes()) == found, name
    assert manifest["run_id"] == result.run_id
    assert manifest["counts"] == {
        kind: {"hits": hits, "computed": computed}
        for kind, (hits, computed) in result.counts.items()
    }
    data = manifest["data"]
    assert data["kept"] + sum(data["dropped"].values()) == data["rows_in"]
    checked = verify(result.out / "audit.jsonl")
    assert checked.ok
    assert {"seq": checked.head.seq, "hash": checked.head.hash} == manifest["ledger"]
    facts = pq.read_table(result.out / "cells.parquet")
    assert facts["run_id"].unique().to_pylist() == [result.run_id]
