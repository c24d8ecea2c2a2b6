"""Assets held short: atoms of their own for selections and solvers, one position for simulators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from quant_core.atoms import Atom
from quant_core.config import TournamentConfig
from quant_core.data import ReturnsMatrix
from quant_core.tournament import plan, run
from quant_core.tournament._inputs import Inputs

if TYPE_CHECKING:
    from pathlib import Path

    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

SMALL: dict[str, Any] = {
    "selections": ["all"],
    "profiles": ["equal_weight"],
    "rebalances": ["window", "daily"],
}


def inputs_of(symbols: tuple[str, ...], values: list[list[float]], **given: Any) -> Inputs:
    dates = np.datetime64("2020-01-01") + np.arange(len(values)).astype("timedelta64[D]")
    matrix = ReturnsMatrix(dates.astype("datetime64[us]"), symbols, np.array(values))
    return Inputs.of(matrix, TournamentConfig(**given))


@pytest.fixture(scope="module")
def jumping(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Market:
    """A market where an asset rises by 150 % on a day of a test period."""
    moved = market.with_value("2020-05-13", "DDD", 1.5)
    return replace(moved, folder=tmp_path_factory.mktemp("jumping"))


@pytest.fixture(scope="module")
def short(jumping: Market) -> Result:
    return jumping.run("short", directions=["short"], costs=FREE, **SMALL)


FREE = {"slippage_bps": 0, "commission_bps": 0}


def cube_of(result: Result) -> Any:
    return pq.read_table(result.out / "weights_cube.parquet").to_pandas()


def path_of(result: Result, rebalance: str) -> Any:
    paths = pq.read_table(result.out / "nav.parquet")
    return paths.filter(pc.field("rebalance") == rebalance).to_pandas()


def test_a_short_asset_is_the_inverted_one_and_loses_no_more_than_everything() -> None:
    inputs = inputs_of(
        ("A", "B", "I"),
        [[np.nan, 0.25, 0.1], [1.5, -1.0, 0.1]],
        benchmark=["I"],
        directions=["short", "long"],
    )
    assert inputs.matrix.symbols == ("A", "A_hold_short", "B", "B_hold_short", "I")
    np.testing.assert_array_equal(
        inputs.matrix.values[:, [1, 3]], [[np.nan, -0.25], [-1.0, 1.0]], strict=True
    )
    assert inputs.atoms[1] == Atom("A", "hold", "short")
    assert inputs.traded.tolist() == [0, 0, 2, 2, 4]
    assert inputs.investable.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("directions", "investable"), [(["long"], [0, 1]), (["short"], [1, 3])], ids=str
)
def test_only_what_is_configured_may_be_chosen(
    directions: list[str], investable: list[int]
) -> None:
    inputs = inputs_of(("A", "B"), [[0.0, 0.1]], benchmark=None, directions=directions)
    assert inputs.investable.tolist() == investable


def test_streams_stay_what_they_are() -> None:
    strategy = {
        "name": "trend",
        "symbols": ["A"],
        "features": [{"kind": "momentum", "window": 2}],
        "model": {"kind": "linear"},
        "directions": ["long", "short"],
    }
    inputs = inputs_of(
        ("A", "A_trend_long", "A_trend_short"),
        [[0.1, 0.2, 0.3]],
        benchmark=None,
        directions=["short"],
        strategies=[strategy],
    )
    assert inputs.matrix.symbols == ("A", "A_hold_short", "A_trend_long", "A_trend_short")
    assert inputs.traded.tolist() == [0, 0, 2, 3]
    assert inputs.investable.tolist() == [1, 2, 3]


def test_looking_again_at_a_part_makes_the_same_atoms() -> None:
    given = {"benchmark": None, "directions": ["long", "short"]}
    once = inputs_of(("A", "B"), [[0.0, 0.1], [2.0, 0.1]], **given)
    again = Inputs.of(once.matrix.until(once.matrix.dates[1]), TournamentConfig(**given))
    assert again.matrix.symbols == once.matrix.symbols
    assert again.matrix.values.tobytes() == once.matrix.values[:1].tobytes()


@pytest.mark.parametrize("directions", [[], ["long", "long"], ["sideways"]], ids=str)
def test_directions_are_long_and_short_once_each(directions: list[str]) -> None:
    with pytest.raises((ValidationError, ValueError), match="directions"):
        TournamentConfig(directions=directions)


def test_the_cube_tells_what_is_sold(short: Result) -> None:
    cube = cube_of(short)
    assert set(cube["direction"]) == {"short"}
    assert set(cube["atom"]) == {f"{symbol}_hold_short" for symbol in set(cube["symbol"])}
    np.testing.assert_array_equal(cube["net_weight"], -cube["weight"])
    assert (cube["weight"] > 0.0).all()


@pytest.mark.parametrize("rebalance", ["window", "daily"])
def test_a_short_path_by_hand(short: Result, jumping: Market, rebalance: str) -> None:
    cube, path = cube_of(short), path_of(short, rebalance)
    days = path["date"].dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    start = int(np.searchsorted(jumping.dates, days[0]))
    owed, cash, nav = dict.fromkeys(jumping.symbols, 0.0), 1.0, []
    held: dict[str, float] = {}
    for row, day in enumerate(days):
        for symbol in jumping.symbols:
            earned = jumping.values[start + row, jumping.column(symbol)]
            owed[symbol] *= 1.0 + (0.0 if np.isnan(earned) else earned)
        value = cash - sum(owed.values())
        first = row == 0 or str(day)[:7] != str(days[row - 1])[:7]
        if first:
            window = cube[cube["window"].str.startswith(str(day)[:7])]
            held = dict(zip(window["symbol"], window["weight"], strict=True))
        if first or rebalance == "daily":
            owed = {symbol: held.get(symbol, 0.0) * value for symbol in jumping.symbols}
            cash = value + sum(owed.values())
        nav.append(value)
    np.testing.assert_allclose(path["nav"], nav, rtol=1e-12)
    jump = days.tolist().index(np.datetime64("2020-05-13").item())
    assert path["period_return"][jump] < -0.15


def test_long_and_short_of_an_asset_are_one_position(jumping: Market) -> None:
    result = jumping.run("both", directions=["long", "short"], **SMALL)
    assert set(cube_of(result)["direction"]) == {"long", "short"}
    for rebalance in ("window", "daily"):
        path = path_of(result, rebalance)
        # Equal weights long and short of every asset: nothing is held, and nothing is paid.
        np.testing.assert_allclose(path["nav"], 1.0, rtol=0, atol=1e-15)
        np.testing.assert_allclose(path["cost"], 0.0, rtol=0, atol=1e-16)


def test_a_path_reads_the_asset_that_is_sold(short: Result, jumping: Market) -> None:
    """Both rises are a total loss to the solver, and not the same loss to the holder."""
    changed = jumping.with_value("2020-05-13", "DDD", 1.75)
    config = changed.config("changed", directions=["short"], costs=FREE, **SMALL)
    found = plan(config, out=short.out)
    assert found.counts["solve"] == (6, 0)
    assert found.counts["simulation"] == (0, 2)


def test_the_future_moves_no_weight(short: Result, jumping: Market, tmp_path: Path) -> None:
    cut = jumping.rows(jumping.dates < np.datetime64("2020-07-01"))
    config = cut.config("cut", directions=["short"], costs=FREE, **SMALL)
    early = cube_of(run(config, out=tmp_path / "cut"))
    whole = cube_of(short)
    known = whole[whole["window"].isin(set(early["window"]))].reset_index(drop=True)
    assert len(set(early["window"])) == 4
    assert early["net_weight"].tolist() == known["net_weight"].tolist()
    assert early["key"].tolist() == known["key"].tolist()
