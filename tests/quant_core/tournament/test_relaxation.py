"""The selection in stages as part of a tournament."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from quant_core.selection import ThresholdRelaxation, TrainView
from quant_core.tournament import run

if TYPE_CHECKING:
    import pandas as pd

    from quant_core.tournament import Result
    from tests.quant_core.tournament.conftest import Market

HTR = {"name": "htr", "winners_min": 4, "winners_max": 6, "efficiency_min": 0.2, "threshold": 0.5}
OPTIONS: dict[str, Any] = {"selections": ["all", HTR], "profiles": ["equal_weight", "hrp"]}


@pytest.fixture(scope="module")
def relaxed(market: Market) -> Result:
    return market.run("relaxed", **OPTIONS)


def atoms_of(result: Result) -> pd.DataFrame:
    return pq.read_table(result.out / "selected_atoms.parquet").to_pandas()


def test_the_table_is_what_the_rule_says_of_each_window(market: Market, relaxed: Result) -> None:
    atoms = atoms_of(relaxed)
    rule = ThresholdRelaxation.model_validate(HTR)
    mine = atoms[(atoms["selection"] == "htr") & (atoms["window"] == "2020-07-01")]
    mine = mine.set_index("symbol")
    last = int(np.searchsorted(market.dates, np.datetime64("2020-07-01")))
    train = market.rows(slice(last - 40, last)).columns(slice(0, -1)).values  # noqa: PD011 - an array
    whole = np.flatnonzero(~np.isnan(train).any(axis=0))
    names = tuple(market.symbols[column] for column in whole)
    returns = train[:, whole]
    found = rule.select(TrainView(names, returns, lambda: np.corrcoef(returns, rowvar=False)))
    assert mine.loc[list(names), "selected"].tolist() == found.chosen.tolist()
    assert mine.loc[list(names), "stage"].fillna(0).tolist() == found.stage.tolist()
    assert mine.loc[list(names), "vetoes"].tolist() == list(found.vetoes)
    assert mine.loc[list(names), "score"].tolist() == pytest.approx(found.score.tolist())
    others = mine.drop(list(names))
    assert len(others) > 0
    assert set(others["reason"]) <= {
        "gap inside the train period",
        "no observation at the end of the train period",
        "first observation inside the train period",
    }
    assert others["stage"].isna().all()


def test_every_winner_tells_its_stage_and_a_rule_without_stages_none(relaxed: Result) -> None:
    atoms = atoms_of(relaxed)
    mine, every = atoms[atoms["selection"] == "htr"], atoms[atoms["selection"] == "all"]
    assert mine["stage"].notna().tolist() == mine["selected"].tolist()
    assert set(mine["stage"].dropna()) > {1.0}
    assert every["stage"].isna().all()
    assert set(every["vetoes"]) == {""}
    assert mine.groupby("window", observed=True)["selected"].sum().between(4, 6).all()


def test_a_stored_window_reads_back_beside_a_stale_one(market: Market, relaxed: Result) -> None:
    out = market.folder / "relaxed-warm"
    shutil.copytree(relaxed.out, out)
    more = {**OPTIONS, "selections": ["all", HTR, {**HTR, "as": "milder", "efficiency_min": 0.01}]}
    warm = run(market.config("relaxed-warm", **more), out=out)
    assert warm.counts["selection"] == (12, 6)
    fresh = market.run("relaxed-fresh", **more)
    for file in ("selected_atoms.parquet", "weights_cube.parquet"):
        assert (out / file).read_bytes() == (fresh.out / file).read_bytes()


def test_columns_in_another_order_give_the_same_winners(market: Market, relaxed: Result) -> None:
    turned = market.columns(slice(None, None, -1)).run("relaxed-turned", **OPTIONS)
    name = "selected_atoms.parquet"
    assert (turned.out / name).read_bytes() == (relaxed.out / name).read_bytes()
