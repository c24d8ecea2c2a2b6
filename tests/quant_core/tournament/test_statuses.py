from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quant_core.errors import ConfigError, DataError
from quant_core.tournament import run

if TYPE_CHECKING:
    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

FIGURES = (
    "rank", "sharpe", "sharpe_period", "sortino", "calmar", "cagr", "volatility", "max_drawdown",
    "total_return", "var_95", "cvar_95", "hit_rate", "skewness", "kurtosis", "turnover",
    "turnover_annual", "cost_annual", "hhi", "fragility", "psr", "dsr", "sharpe_low",
    "sharpe_high", "pbo", "observations", "key",
)  # fmt: skip


def rows(result: Result, **where: str) -> list[dict[str, Any]]:
    every = result.leaderboard.to_pylist()
    return [row for row in every if all(row[name] == value for name, value in where.items())]


def test_a_missing_benchmark_makes_explicit_empty_cells(market: Market) -> None:
    result = market.run("no-benchmark", benchmark=["INDEX", "ABSENT"])
    cells = rows(result, profile="market")
    assert len(cells) == 4
    for cell in cells:
        assert cell["status"] == "unavailable"
        assert cell["reason"] == "no data for the benchmark ABSENT"
        assert [cell[name] for name in FIGURES] == [None] * len(FIGURES)
        assert (cell["windows"], cell["windows_in_cash"]) == (6, 6)
    assert {row["status"] for row in rows(result)} == {"ok", "unavailable"}
    nav = pq.read_table(result.out / "nav.parquet")
    assert "market" not in nav["profile"].to_pylist()
    cube = pq.read_table(result.out / "weights_cube.parquet").to_pandas()
    messages = cube[cube["profile"] == "market"]["message"].unique().tolist()
    assert messages == ["no data for the benchmark ABSENT"]
    facts = pq.read_table(result.out / "cells.parquet")
    absent = facts.filter(pc.field("status") == "unavailable").to_pylist()
    paths = [fact for fact in absent if fact["kind"] == "simulation"]
    assert [fact["outcome"] for fact in paths] == ["absent"] * 4
    assert result.counts["simulation"] == (0, 12)


def test_the_benchmark_is_not_investable(base: Result) -> None:
    atoms = pq.read_table(base.out / "selected_atoms.parquet")
    assert "INDEX" not in atoms["symbol"].to_pylist()
    cube = pq.read_table(base.out / "weights_cube.parquet").to_pandas()
    held = cube[cube["profile"] == "market"]
    assert held["symbol"].unique().tolist() == ["INDEX"]
    assert held["weight"].unique().tolist() == [1.0]


def test_infeasible_windows_are_held_in_cash_and_counted(market: Market) -> None:
    result = market.run("dear-cash", risk_free=0.9)
    (cell,) = rows(result, selection="low_volatility", profile="max_sharpe", rebalance="window")
    cube = pq.read_table(result.out / "weights_cube.parquet").to_pandas()
    line = cube[(cube["selection"] == "low_volatility") & (cube["profile"] == "max_sharpe")]
    infeasible = line[line["status"] == "infeasible"]
    assert len(infeasible) > 0
    assert infeasible["weight"].isna().all()
    assert infeasible["symbol"].isna().all()
    assert cell["status"] == "ok"
    assert cell["windows_in_cash"] == len(infeasible) < cell["windows"]
    nav = pq.read_table(result.out / "nav.parquet").to_pandas()
    path = nav[
        (nav["selection"] == "low_volatility")
        & (nav["profile"] == "max_sharpe")
        & (nav["rebalance"] == "window")
    ].set_index("date")
    first = min(infeasible["window"].tolist())
    inside = path[path.index.strftime("%Y-%m") == first[:7]]
    assert inside["hhi"].tolist() == [0.0] * len(inside)
    assert inside["period_return"].tolist()[1:] == [0.0] * (len(inside) - 1)


def test_a_cell_that_is_in_cash_throughout_has_no_path(market: Market) -> None:
    result = market.run("dearest-cash", risk_free=1.0, periods_per_year=2, profiles=["max_sharpe"])
    for cell in rows(result):
        assert cell["status"] == "infeasible"
        assert cell["reason"] == "infeasible in 6 of 6 windows, the first 2020-03-01"
        assert [cell[name] for name in FIGURES] == [None] * len(FIGURES)
    assert pq.read_table(result.out / "nav.parquet").num_rows == 0
    assert pq.read_table(result.out / "window_metrics.parquet").num_rows == 0
    again = run(
        market.config("dearest-cash", risk_free=1.0, periods_per_year=2, profiles=["max_sharpe"]),
        out=result.out,
    )
    assert again.counts["simulation"] == (0, 0)


def test_an_asset_without_an_observation_is_dropped_and_the_run_goes_on(market: Market) -> None:
    nothing = market.with_symbol("VOID", np.full(len(market.dates), np.nan))
    result = nothing.run("void")
    dropped = pq.read_table(result.out / "dropped.parquet").to_pylist()
    assert [row["symbol"] for row in dropped] == ["VOID"]
    assert {row["status"] for row in rows(result)} == {"ok"}


def test_before_any_asset_is_listed_the_universe_is_empty(market: Market) -> None:
    values = market.values.copy()
    values[:80, :-1] = np.nan
    late = type(market)(market.folder, market.dates, market.symbols, values)
    result = late.run("listed-late", profiles=["equal_weight", "market"])
    atoms = pq.read_table(result.out / "selected_atoms.parquet").to_pandas()
    march = atoms[atoms["window"] == "2020-03-01"]
    assert march["symbol"].isna().tolist() == [True, True]
    assert march["status"].tolist() == ["empty", "empty"]
    (cell,) = rows(result, selection="all", profile="equal_weight", rebalance="window")
    assert (cell["status"], cell["windows_in_cash"]) == ("ok", 4)
    config = late.config("listed-late", profiles=["equal_weight", "market"])
    assert run(config, out=result.out).counts["selection"] == (12, 0)


def refused() -> dict[str, tuple[Any, dict[str, Any], type[Exception], str]]:
    return {
        "one asset": (
            lambda market: market.columns([0]),
            {"benchmark": []},
            DataError,
            "expected at least 2 usable symbols, found AAA",
        ),
        "one asset beside the benchmark": (
            lambda market: market.columns([0, 8]),
            {},
            DataError,
            "data: expected at least two assets beside the benchmark, found AAA; bring more",
        ),
        "train longer than the data": (
            lambda market: market,
            {"windows": {"train": 158}},
            DataError,
            "windows.train: 158 observations leave no test period in the 158 rows",
        ),
        "cap below an equal share": (
            lambda market: market,
            {"profiles": [{"name": "min_variance", "cap": 0.1}]},
            ConfigError,
            "cap",
        ),
        "no source": (
            lambda market: market,
            {"data": None},
            ConfigError,
            "data: expected a source",
        ),
    }


@pytest.mark.parametrize("case", refused())
def test_what_is_refused_writes_nothing(market: Market, case: str) -> None:
    change, options, error, message = refused()[case]
    config = change(market).config(case.replace(" ", "-"), **options)
    out = market.folder / f"refused-{case}"
    with pytest.raises(error) as raised:
        run(config, out=out)
    assert message in str(raised.value)
    assert not out.exists()
