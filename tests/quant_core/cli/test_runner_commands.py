from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from quant_core.cli import app
from quant_core.features import Feature, FeatureSet
from quant_core.models import Linear, ModelStore, Signature

if TYPE_CHECKING:
    from pathlib import Path

FEATURES = FeatureSet(features=(Feature(kind="return", window=1), Feature(kind="zscore", window=5)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with ticks of two instruments, a model and a file of strategies."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed; it trains the model")
    prices = 100.0 * np.exp(np.cumsum(np.random.default_rng(5).standard_normal(300) * 1e-3))
    quotes = {"ts": np.arange(300) * 10**9, "bid": prices - 0.01, "ask": prices + 0.01}
    pq.write_table(pa.table(quotes), tmp_path / "AAA.parquet")
    trades = {"ts": np.arange(300) * 10**9 + 5, "price": prices, "size": np.ones(300)}
    trades["price"] = np.where(np.arange(300) == 50, -1.0, prices)
    pq.write_table(pa.table(trades), tmp_path / "trades.parquet")
    values = FEATURES.batch(prices[:, None])[:, 0]
    whole = np.isfinite(values).all(axis=1)
    fitted = Linear().fit(values[whole], np.append(np.diff(prices), 0.0)[whole], seed=0)
    spec = ModelStore(str(tmp_path / "models")).put(
        fitted.to_onnx(),
        framework=fitted.framework,
        version="first",
        signature=Signature(inputs=2),
        feature_hash=FEATURES.hash,
    )
    model = spec.model_dump(mode="json")
    model["uri"] = f"models/{spec.sha256[:2]}/{spec.sha256}.onnx"
    features = FEATURES.model_dump(mode="json", exclude_none=True)
    rows = [{"name": name, "features": features, "model": model} for name in ("one", "two")]
    (tmp_path / "strategies.yaml").write_text(yaml.safe_dump(rows))
    return tmp_path


def replay(folder: Path, out: str, *options: str) -> Any:
    ticks = ["--ticks", str(folder / "AAA.parquet"), f"BBB={folder / 'trades.parquet'}"]
    strategies = ["--strategies", str(folder / "strategies.yaml")]
    command = ["runner", "replay", *ticks, *strategies, "--out", str(folder / out), *options]
    return CliRunner().invoke(app, command)


def test_a_replay_writes_its_files_and_says_what_came_of_it(folder: Path) -> None:
    ran = replay(folder, "out", "--json")
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    table = pq.read_table(folder / "out" / "signals.parquet")
    assert found["ticks"] == 600
    assert found["dead_letters"] == 1
    assert found["signals"] == table.num_rows == 2 * (600 - 1 - 2 * (FEATURES.lookback - 1))
    assert set(found["latency_ms"]) == {"p50", "p99", "p99_9"}
    assert found["drops"] == []
    assert [one["state"] for one in found["strategies"]] == ["serving", "serving"]
    assert set(table.column("instrument").to_pylist()) == {"AAA", "BBB"}
    (letter,) = pq.read_table(folder / "out" / "dlq.parquet").to_pylist()
    assert (letter["reason"], letter["correlation_id"]) == ("non_positive_price", "replay/1/50")
    exposition = (folder / "out" / "metrics.prom").read_text()
    assert 'market_tick_processed_total{instrument="BBB"} 299.0' in exposition


def test_a_person_reads_figures(folder: Path) -> None:
    ran = replay(folder, "out", "--limit", "100")
    assert ran.exit_code == 0, ran.output
    for text in ("ticks", "signals", "tick to signal, p99.9", "throughput", "written to"):
        assert text in ran.stdout


@pytest.mark.parametrize(
    "options", [("--rate", "3000"), ("--batch-window-ms", "3"), ("--backend", "auto")]
)
def test_how_ticks_come_changes_no_signal(folder: Path, options: tuple[str, ...]) -> None:
    assert replay(folder, "first").exit_code == 0
    assert replay(folder, "second", *options).exit_code == 0
    first, second = (folder / out / "signals.parquet" for out in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("AAA.parquet", "no parquet", "AAA.parquet: expected a Parquet file of ticks"),
        ("strategies.yaml", "- name: one\n", "strategies.yaml: line 1: [0].features: required"),
        ("strategies.yaml", None, "strategies.yaml: expected a YAML file of strategies, found no"),
    ],
)
def test_wrong_input_is_one_message_and_exit_code_2(
    folder: Path, file: str, text: str | None, told: str
) -> None:
    if text is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(text)
    ran = replay(folder, "out")
    assert ran.exit_code == 2
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list((folder / "out").glob("*.parquet")) if (folder / "out").exists() else True


def test_a_model_whose_bytes_changed_is_refused_and_nothing_is_signalled(folder: Path) -> None:
    (model,) = (folder / "models").rglob("*.onnx")
    model.write_bytes(model.read_bytes()[:-1])
    ran = replay(folder, "out", "--json")
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert found["signals"] == 0
    assert [one["state"] for one in found["strategies"]] == ["refused", "refused"]
    assert "SHA-256" in found["strategies"][0]["detail"]
