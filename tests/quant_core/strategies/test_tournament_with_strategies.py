from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest

from quant_core.data import ReturnsMatrix, ingest, open_source
from quant_core.inference import load
from quant_core.ledger import Kind, records, verify
from quant_core.live import (
    Engine,
    FileStrategies,
    ParquetSink,
    ReplaySource,
    Runner,
    Settings,
    Silent,
)
from quant_core.live import open_model as serve_model
from quant_core.models import ModelStore, read_model
from quant_core.strategies import features_of, read_models, signals_of, write_ticks
from quant_core.tournament import plan, run

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from quant_core.tournament import Result
    from tests.quant_core.strategies.conftest import Prices


def frame(result: Result, name: str) -> pd.DataFrame:
    table = pq.read_table(result.out / f"{name}.parquet").to_pandas()
    return table.astype(dict.fromkeys(table.select_dtypes("category"), object))


@pytest.fixture
def result(prices: Prices) -> Result:
    return run(prices.config(), out=prices.folder / "out")


def test_streams_are_atoms_and_shorts_have_negative_net_weights(result: Result) -> None:
    cube = frame(result, "weights_cube").dropna(subset=["atom"])
    shorts, longs = cube[cube["direction"] == "short"], cube[cube["direction"] == "long"]
    assert (shorts["net_weight"] == -shorts["weight"]).all()
    assert (shorts["weight"] > 0).any()
    assert (longs["net_weight"] == longs["weight"]).all()
    held = set(cube["atom"])
    assert {"AA_hold_long", "AA_trend_long", "AA_trend_short"} <= held
    assert set(cube[cube["atom"] == "AA_trend_short"]["symbol"]) == {"AA"}
    assert not any(name.startswith("INDEX") for name in held)


def test_a_rerun_finds_everything_and_trains_nothing(prices: Prices, result: Result) -> None:
    assert result.counts["model"] == (0, 4)
    files = ("strategy_models", "atom_returns", "weights_cube", "nav", "leaderboard")
    before = {name: (result.out / f"{name}.parquet").read_bytes() for name in files}
    assert plan(prices.config(), out=result.out).stale == 0
    again = run(prices.config(), out=result.out)
    assert all(computed == 0 for _, computed in again.counts.values())
    assert {name: (result.out / f"{name}.parquet").read_bytes() for name in files} == before


def test_a_plan_counts_models_and_writes_nothing(prices: Prices, tmp_path: Path) -> None:
    found = plan(prices.config(), out=tmp_path / "none")
    assert found.counts["model"] == (0, 4)
    assert found.reasons["model"] == {"new": 4}
    assert not (tmp_path / "none").exists()
    assert found.counts["solve"][1] == run(prices.config(), out=tmp_path / "o").counts["solve"][1]


@pytest.mark.parametrize("cut", [140, 187, 215])
def test_the_future_changes_no_earlier_model_stream_or_weight(
    prices: Prices, result: Result, cut: int
) -> None:
    out = prices.folder / "short"
    shutil.rmtree(out, ignore_errors=True)
    short = run(prices.until(cut).config("short"), out=out)
    whole, part = (
        ReturnsMatrix.from_table(pq.read_table(one.out / "atom_returns.parquet"))
        for one in (result, short)
    )
    place = [whole.symbols.index(symbol) for symbol in part.symbols]
    early_rows = slice(0, len(part.dates))
    np.testing.assert_array_equal(whole.values[early_rows][:, place], part.values)  # noqa: PD011 - no frame
    models, early = (frame(one, "strategy_models") for one in (result, short))
    months = set(early["month"])
    assert models[models["month"].isin(months)]["sha256"].tolist() == early["sha256"].tolist()
    cubes = [frame(one, "weights_cube") for one in (result, short)]
    windows = set(cubes[1]["window"])
    kept = cubes[0][cubes[0]["window"].isin(windows)]
    for column in ("atom", "net_weight", "key"):
        assert kept[column].tolist() == cubes[1][column].tolist()


def test_every_model_is_registered_once_in_the_audit_trail(prices: Prices, result: Result) -> None:
    run(prices.config(), out=result.out)
    ledger = result.out / "audit.jsonl"
    assert verify(ledger).ok
    found = [one for one in records(ledger) if one.kind is Kind.MODEL_REGISTERED]
    models = read_models(pq.read_table(result.out / "strategy_models.parquet"))
    assert {one.body["sha256"] for one in found} == {one.sha256 for one in models if one.ok}
    assert len(found) == 4
    assert {one.body["run_id"] for one in found} == {result.run_id}
    row = FileStrategies(str(result.out / "strategies.yaml")).rows()[0]
    last = next(one for one in found if one.body["sha256"] == row.model.sha256)
    assert row.lineage["ledger_seq"] == str(last.seq)
    assert row.lineage["inputs_hash"] == last.body["inputs_hash"]
    manifest = json.loads((result.out / "manifest.json").read_text())
    assert manifest["counts"]["model"] == {"hits": 4, "computed": 0}


def test_closes_replayed_through_the_runner_give_the_signals_of_research(
    prices: Prices, result: Result, tmp_path: Path
) -> None:
    config = prices.config()
    row = FileStrategies(str(result.out / "strategies.yaml")).rows()[0]
    found = ingest(open_source(config.data), config.data, prices=True)
    features = features_of(found.matrix, found.prices, row.features.features, periods_per_year=252)
    model = load(read_model(row.model), row.model)
    expected = signals_of(config.strategies[0], model, features.values)
    ticks = tmp_path / "ticks.parquet"
    write_ticks(ticks, found.matrix.dates, found.matrix.symbols, found.prices)
    signals = replayed(str(ticks), str(result.out / "strategies.yaml"), tmp_path / "replay")
    wide = signals.set_index(["ts", "instrument"])["signal"].unstack()  # noqa: PD010 - a wide matrix
    assert list(wide.columns) == list(row.instruments)
    dates = found.matrix.dates.astype("datetime64[ns]")
    at = np.searchsorted(dates, wide.index.tz_localize(None).to_numpy())
    columns = found.matrix.columns(row.instruments)
    np.testing.assert_array_equal(wide.to_numpy(), expected[at][:, columns])
    assert np.isfinite(expected[:, columns]).sum() == len(signals)


def replayed(ticks: str, strategies: str, out: Path) -> pd.DataFrame:
    settings, telemetry = Settings(), Silent()
    source = ReplaySource([ticks], None)
    with ParquetSink(out, telemetry) as sink:
        engine = Engine(settings, serve_model, telemetry, None)
        Runner(source, sink, engine, FileStrategies(strategies), settings, telemetry).run()
    table = pq.read_table(out / "signals.parquet").to_pandas()
    return table.astype({"instrument": object})


def test_the_store_of_a_run_is_verified_by_checksum(result: Result) -> None:
    models = read_models(pq.read_table(result.out / "strategy_models.parquet"))
    store = ModelStore(str(result.out / "models"))
    for one in models:
        if one.ok:
            assert store.read(one.spec(store))
