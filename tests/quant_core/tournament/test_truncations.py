"""Whatever comes after a day changes nothing before it, in what any asset is made of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.config import TournamentConfig
from quant_core.tournament import Prepared, discover, run
from quant_core.tournament._strategies import Market

if TYPE_CHECKING:
    from pathlib import Path

COUNT = int(os.environ.get("TRUNCATIONS", "2"))
DAYS = np.arange(np.datetime64("2019-01-01"), np.datetime64("2020-07-01"))
STRATEGY = {
    "name": "ridge",
    "features": [{"kind": "momentum", "window": 10}, {"kind": "volatility", "window": 10}],
    "model": {"kind": "linear", "alpha": 10},
    "horizon": 3,
    "training": {"observations": 100, "validation": 20, "retrain_months": 3},
    "directions": ["long"],
}


@dataclass
class Prices:
    folder: Path

    def write(self) -> None:
        random = np.random.default_rng(5)
        steps = random.normal(0.0005, 0.02, (len(DAYS), 6))
        prices = 50.0 * np.exp(np.cumsum(steps, axis=0))
        prices[:130, 4] = np.nan
        prices[400:, 5] = np.nan
        prices[250, 2] = np.nan
        rows = pd.DataFrame(prices, columns=[f"s{n}" for n in range(6)]).assign(date=DAYS)
        long = rows.melt("date", var_name="symbol", value_name="close").dropna()
        long["volume"] = random.lognormal(12, 1, len(long))
        pq.write_table(pa.Table.from_pandas(long), self.folder / "prices.parquet")

    def config(self, end: np.datetime64 | None = None) -> TournamentConfig:
        data = {"prices": str(self.folder / "prices.parquet"), "volume": "volume"}
        return TournamentConfig(
            sleeve="cut",
            calendar="24/7",
            periods_per_year=365,
            data={**data, "start": "2019-01-01", **({"end": str(end)} if end is not None else {})},
            windows={"train": 60, "step": "week"},
            universe={"history": 60, "coverage": 1.0, "liquidity": {"top": 4, "sessions": 20}},
            selections=["all", {"name": "top_momentum", "count": 2}],
            profiles=["equal_weight", "min_variance", "risk_parity"],
            rebalances=["window", "daily_5pct"],
            strategies=[STRATEGY],
        )

    def made(self, end: np.datetime64 | None = None) -> Made:
        out = self.folder / f"out-{end}"
        config = self.config(end)
        run(config, out=out)
        return Made(config, Prepared.of(config), out)


@dataclass
class Made:
    config: TournamentConfig
    prepared: Prepared
    out: Path

    def frame(self, name: str) -> pd.DataFrame:
        table = pq.read_table(self.out / f"{name}.parquet")
        columns = [
            column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
            for column in table.columns
        ]
        return pa.table(columns, names=table.column_names).to_pandas()

    def universe(self) -> dict[str, Any]:
        found = discover(
            self.prepared.inputs,
            self.config,
            self.prepared.windows,
            self.prepared.ingested.traded,
        )
        assert found is not None
        names = self.prepared.inputs.matrix.symbols
        return {
            key: [(names[c], why) for c, why in zip(who.columns, who.reason, strict=True)]
            for key, who in found.items()
        }


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Prices:
    made = Prices(tmp_path_factory.mktemp("truncations"))
    made.write()
    return made


@pytest.fixture(scope="module")
def whole(market: Prices) -> Made:
    return market.made()


def matrix_of(made: Made) -> pd.DataFrame:
    matrix = made.prepared.ingested.matrix
    return pd.DataFrame(matrix.values, index=matrix.dates, columns=list(matrix.symbols))


def features_of(made: Made) -> dict[str, pd.DataFrame]:
    found = Market.of(made.config, made.prepared.ingested).features
    values: np.ndarray = found.values  # noqa: PD011 - an array of ours
    return {
        name: pd.DataFrame(values[:, :, n], index=found.dates, columns=list(found.symbols))
        for n, name in enumerate(found.names)
    }


def assert_earlier_rows(cut: pd.DataFrame, full: pd.DataFrame) -> None:
    """Compare rows of the days in common; a symbol that begins later is empty until then."""
    earlier = full.loc[cut.index]
    assert earlier.drop(columns=cut.columns).isna().all(axis=None)
    assert cut.to_numpy().tobytes() == earlier[cut.columns].to_numpy().tobytes()


def cuts() -> list[np.datetime64]:
    # From the first model on, any day may be the last.
    return list(np.random.default_rng(11).choice(DAYS[190:-1], size=COUNT, replace=False))


@pytest.mark.parametrize("end", cuts(), ids=str)
def test_what_comes_later_changes_no_earlier_row(
    end: np.datetime64, market: Prices, whole: Made
) -> None:
    cut = market.made(end)
    last = pd.Timestamp(end, tz="UTC")
    assert_earlier_rows(matrix_of(cut), matrix_of(whole))
    for name, feature in features_of(cut).items():
        assert_earlier_rows(feature, features_of(whole)[name])
    streams = [made.frame("atom_returns").set_index("date") for made in (cut, whole)]
    assert_earlier_rows(*streams)

    universe = whole.universe()
    assert cut.universe() == {key: universe[key] for key in cut.universe()}

    for name in ("selected_atoms", "weights_cube"):
        found, expected = cut.frame(name), whole.frame(name)
        expected = expected[expected["window"].isin(set(found["window"]))]
        assert found["window"].max() >= str(end - np.timedelta64(6, "D"))
        pd.testing.assert_frame_equal(found, expected.reset_index(drop=True), check_exact=True)

    models = [made.frame("strategy_models") for made in (cut, whole)]
    known = models[1].iloc[: len(models[0])][["trained_for", "month", "sha256", "key"]]
    pd.testing.assert_frame_equal(models[0][["trained_for", "month", "sha256", "key"]], known)

    figures = ["nav", "period_return", "turnover", "cost", "hhi"]
    labels = ["selection", "engine", "profile", "rebalance", "simulator", "date"]
    paths = [made.frame("nav") for made in (cut, whole)]
    paths = [path[path["date"] <= last].set_index(labels)[figures] for path in paths]
    pd.testing.assert_frame_equal(*paths, check_exact=True)

    windows = [made.frame("window_metrics") for made in (cut, whole)]
    complete = windows[0][windows[0]["window"] < windows[0]["window"].max()]
    keys = ["selection", "engine", "profile", "rebalance", "simulator", "window"]
    expected = windows[1].set_index(keys).loc[complete.set_index(keys).index]
    pd.testing.assert_frame_equal(complete.set_index(keys), expected, check_exact=True)
