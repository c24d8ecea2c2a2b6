"""Constraints that read more than the estimates: what is held, and the market."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from quant_core.cells import FolderStore
from quant_core.compute import SerialCompute
from quant_core.errors import StoreError
from quant_core.tournament import Prepared, Silent, collect_atoms, plan, plan_solves, run, solve
from quant_core.tournament._folder import SingleFileStore
from quant_core.tournament._pipeline import by_month
from tests.quant_core.tournament.test_look_ahead import frame, same
from tests.quant_core.tournament.test_same_bytes import Shuffled

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

LIMIT = 0.2
SLOW = {"name": "min_variance", "turnover": LIMIT, "as": "slow"}
OPTIONS: dict[str, Any] = {
    "windows": {"train": 30, "step": "month"},
    "selections": ["all"],
    "profiles": ["min_variance", SLOW, {"name": "equal_weight", "turnover": LIMIT, "as": "even"}],
    "rebalances": ["window"],
}
COLUMNS = ["window", "profile", "key", "atom", "weight", "status", "solver"]


@pytest.fixture(scope="module")
def slow(market: Market) -> Result:
    return market.run("slow", **OPTIONS)


def cube(result: Result) -> pd.DataFrame:
    return pq.read_table(result.out / "weights_cube.parquet").to_pandas()


def weights(result: Result, profile: str, market: Market) -> dict[str, np.ndarray]:
    """Return the weights of each window, NaN where there are none."""
    rows = cube(result)
    rows = rows[rows["profile"] == profile]
    found = {}
    for window, part in rows.groupby("window", observed=True):
        found[str(window)] = np.full(len(market.symbols), np.nan)
        if part["weight"].notna().all():
            at = [market.column(symbol) for symbol in part["symbol"]]
            found[str(window)] = np.zeros(len(market.symbols))
            found[str(window)][at] = part["weight"]
    return found


def turnovers(market: Market, found: dict[str, np.ndarray]) -> list[float]:
    """Return the one-way turnover of each window after the first, from what is held."""
    days = market.dates.astype("datetime64[D]")
    starts = [int(np.searchsorted(days, np.datetime64(window))) for window in found]
    trades = []
    for first, then, before, after in zip(
        starts, starts[1:], found.values(), list(found.values())[1:], strict=False
    ):
        returns = np.nan_to_num(market.rows(slice(first + 1, then)).values)
        held = before * np.prod(1 + returns, axis=0)
        trades.append(float(np.abs(after - held / held.sum()).sum() / 2))
    return trades


def test_turnover_is_limited_against_what_is_held(market: Market, slow: Result) -> None:
    free, limited = (weights(slow, profile, market) for profile in ("min_variance", "slow"))
    first = next(iter(free))
    assert free[first].tobytes() == limited[first].tobytes()
    assert max(turnovers(market, free)) > LIMIT
    assert max(turnovers(market, limited)) == pytest.approx(LIMIT, abs=1e-9)
    assert max(turnovers(market, weights(slow, "even", market))) <= LIMIT + 1e-9
    solved = cube(slow)
    assert set(solved["status"]) <= {"optimal", "fallback"}
    assert solved["kkt_residual"].fillna(0).max() <= 1e-9


@pytest.mark.parametrize("workers", [2, 8])
def test_a_chain_has_the_same_bytes_whatever_the_workers(
    market: Market, slow: Result, tmp_path: Path, workers: int
) -> None:
    again = run(market.config("slow", **OPTIONS), out=tmp_path, compute=Shuffled(workers))
    for name in ("weights_cube", "nav"):
        file = f"{name}.parquet"
        assert (again.out / file).read_bytes() == (slow.out / file).read_bytes()


def test_the_past_of_a_chain_does_not_know_its_future(
    market: Market, slow: Result, tmp_path: Path
) -> None:
    """A run on the first months has the same weights, and is then continued to the same bytes."""
    short = market.rows(slice(0, 120))
    early = frame(run(short.config("short", **OPTIONS), out=tmp_path), "weights_cube")
    whole = frame(slow, "weights_cube")
    again = whole[whole["window"].isin(set(early["window"]))].reset_index(drop=True)
    assert len(again) < len(whole)
    assert same(early, again)
    config = market.config("slow", **OPTIONS)
    hits = len(early.groupby(["window", "profile"], observed=True))
    assert plan(config, out=tmp_path).counts["solve"][0] == hits
    result = run(config, out=tmp_path, compute=Shuffled(3))
    assert result.counts["solve"][0] == hits
    file = "weights_cube.parquet"
    assert (tmp_path / file).read_bytes() == (slow.out / file).read_bytes()


@pytest.mark.parametrize(
    ("day", "symbol", "free", "limited"),
    [
        # Only the first window trains on it: its successors start from other weights.
        ("2020-01-23", "AAA", 1, None),
        # Days that no window trains on but the last, and nothing after it starts from.
        ("2020-08-06", "AAA", 0, 0),
    ],
)
def test_a_change_of_the_past_goes_down_the_chain(
    market: Market, slow: Result, tmp_path: Path, day: str, symbol: str, free: int, limited: Any
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(slow.out, folder)
    changed = market.with_value(day, symbol, 0.0123)
    config = changed.config("changed", **OPTIONS)
    windows = len(set(cube(slow)["window"]))
    expected = free + 2 * (windows if limited is None else limited)
    planned = plan(config, out=folder)
    assert planned.counts["solve"] == (3 * windows - expected, expected)
    result = run(config, out=folder)
    assert result.counts["solve"] == planned.counts["solve"]
    fresh = run(config, out=tmp_path / "fresh")
    file = "weights_cube.parquet"
    assert (folder / file).read_bytes() == (fresh.out / file).read_bytes()


def test_a_new_profile_leaves_a_chain_alone(market: Market, slow: Result, tmp_path: Path) -> None:
    shutil.copytree(slow.out, tmp_path / "out")
    profiles = [*OPTIONS["profiles"], "hrp"]
    config = market.config("slow", **{**OPTIONS, "profiles": profiles})
    windows = len(set(cube(slow)["window"]))
    assert plan(config, out=tmp_path / "out").counts["solve"] == (3 * windows, windows)


def sums(rows: pd.DataFrame) -> dict[str, list[float]]:
    """Return the sum of weights of each window, by profile."""
    return {
        str(profile): part.groupby("window", observed=True)["weight"].sum().tolist()
        for profile, part in rows.groupby("profile", observed=True)
    }


def test_groups_target_volatility_and_regimes(market: Market) -> None:
    profiles = [
        {"name": "min_variance", "as": "free"},
        {
            "name": "min_variance",
            "as": "grouped",
            "groups": [{"name": "first", "symbols": ["AAA", "BBB"], "most": 0.25}],
        },
        {"name": "equal_weight", "target_volatility": 0.05, "as": "calm"},
        {"name": "adaptive", "recent": 10},
    ]
    result = market.run("grouped", **{**OPTIONS, "profiles": profiles})
    rows = cube(result)
    assert set(rows["status"]) == {"optimal"}
    total = sums(rows)
    assert max(total["calm"]) < 0.9
    for profile in ("free", "grouped", "adaptive"):
        assert total[profile] == pytest.approx([1.0] * len(total[profile]))
    pair = sums(rows[rows["symbol"].isin(["AAA", "BBB"])])
    assert max(pair["grouped"]) <= 0.25 + 1e-9 < max(pair["free"])
    regimes = set(rows[rows["profile"] == "adaptive"]["regime"])
    assert regimes
    assert regimes <= {"turbulent", "rising", "falling"}
    assert set(rows[rows["profile"] != "adaptive"]["regime"]) == {""}


def test_without_its_benchmark_the_market_is_not_known(market: Market) -> None:
    options = {**OPTIONS, "profiles": ["adaptive", "market_neutral", "hrp"], "benchmark": "GONE"}
    rows = cube(market.run("gone", **options))
    assert set(rows[rows["profile"] == "hrp"]["status"]) == {"optimal"}
    others = rows[rows["profile"] != "hrp"]
    assert set(others["status"]) == {"unavailable"}
    assert set(others["message"]) == {"no data for the benchmark GONE"}


def test_short_atoms_make_a_portfolio_without_the_market(market: Market) -> None:
    options = {**OPTIONS, "profiles": ["market_neutral"]}
    alone = cube(market.run("long-only", **options))
    refused = alone[alone["status"] == "infeasible"]
    assert len(refused)
    assert set(refused["message"]) == {
        "the exposure to the market cannot be kept beside weights from 0 to 1"
    }
    both = cube(market.run("both-ways", **{**options, "directions": ["long", "short"]}))
    assert set(both["status"]) == {"optimal"}
    assert set(both["direction"]) == {"long", "short"}


def test_a_month_alone_starts_from_the_stored_month_before(
    market: Market, slow: Result, tmp_path: Path
) -> None:
    """As assets are materialized: one partition at a time, in time order."""
    config = market.config("slow", **OPTIONS)
    prepared = Prepared.of(config)
    months = by_month(prepared.windows)
    atoms = collect_atoms(
        SingleFileStore(slow.out / "selected_atoms.parquet"), months, prepared.inputs.matrix.symbols
    )
    store, whole = FolderStore(str(tmp_path)), SingleFileStore(slow.out / "weights_cube.parquet")
    given = (prepared.inputs, config)
    last, own = list(months.items())[-1]
    with pytest.raises(StoreError, match=r"materialize it first"):
        plan_solves(*given, {last: own}, atoms, store)
    alone = {at: record for at, record in atoms.items() if at[0] == own[0].key}
    for month, windows in months.items():
        solve(*given, {month: windows}, atoms, store, compute=SerialCompute(), progress=Silent())
        written, expected = store.read(month, COLUMNS), whole.read(month, COLUMNS)
        assert written is not None
        assert written.equals(expected)
    with pytest.raises(StoreError, match=r"selected_atoms: window .* is missing"):
        plan_solves(*given, {last: own}, alone, store)
