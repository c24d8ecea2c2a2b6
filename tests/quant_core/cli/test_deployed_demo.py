"""From a configuration with a strategy to a live signal, and from the signal back to the data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from quant_core import TournamentConfig, run
from quant_core.cli import app
from quant_core.cli._demo import replay_closes

if TYPE_CHECKING:
    from pathlib import Path

STRATEGY = {
    "name": "ridge",
    "features": [{"kind": "momentum", "window": 20}, {"kind": "zscore", "window": 20}],
    "model": {"kind": "linear"},
    "training": {"observations": 252, "validation": 63, "retrain_months": 12},
    "directions": ["long"],
}
CONFIG = TournamentConfig(
    data={"sample": True, "start": "2005-01-01", "end": "2008-12-31"},
    selections=["all"],
    profiles=["equal_weight"],
    rebalances=["window"],
    strategies=[STRATEGY],
    seed=7,
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed; it trains the model")
    folder = tmp_path_factory.mktemp("demo")
    run(CONFIG, out=folder)
    replay_closes(CONFIG, folder)
    return folder


def test_every_close_of_a_traded_symbol_becomes_a_tick(out: Path) -> None:
    ticks = pq.read_table(out / "closes.parquet")
    assert ticks.num_rows == 500 * 20, "the benchmark is no instrument"
    assert pq.read_table(out / "live" / "dlq.parquet").num_rows == 0


def test_each_warm_tick_has_a_signal_of_the_newest_model(out: Path) -> None:
    signals = pq.read_table(out / "live" / "signals.parquet").to_pandas()
    newest = yaml.safe_load((out / "strategies.yaml").read_text())[0]["model"]["version"]
    assert newest.startswith("2008-01-")
    assert set(signals["model_version"]) == {newest}
    # zscore_20 reads 20 closes and momentum_20 one more; the first 20 days have no signal.
    assert signals.groupby("instrument", observed=True).size().unique().tolist() == [500 - 20]


def _trace(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["trace", *arguments])
    return done.exit_code, done.output


def test_a_signal_is_traced_to_the_data(out: Path) -> None:
    code, text = _trace("replay/0/9999/ridge", "--out", str(out), "--json")
    assert code == 0, text
    links = {one["link"]: one["facts"] for one in json.loads(text)["links"]}
    trained = links["registration"]["window"]
    assert links["training"]["month"] == "2008-01"
    assert trained["last"] < "2008-01-01", "trained on the past of its month"
    assert links["inputs"]["context"]["origin"].startswith("skfolio sample")


def test_a_chain_with_a_model_that_was_changed_is_broken(out: Path, tmp_path: Path) -> None:
    (model,) = {row["uri"] for row in _rows(out)}
    file = out / model
    before = file.read_bytes()
    try:
        file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        code, text = _trace("replay/0/9999/ridge", "--out", str(out))
    finally:
        file.write_bytes(before)
    assert code == 1
    assert "the chain is broken" in text
    assert _trace("replay/0/9999/ridge", "--out", str(tmp_path))[0] == 2


def _rows(out: Path) -> list[dict[str, str]]:
    return [row["model"] for row in yaml.safe_load((out / "strategies.yaml").read_text())]
