from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.decisions import Decisions, Scaled, Sign
from quant_core.features import Feature, FeatureSet
from quant_core.inference import load
from quant_core.live import (
    Engine,
    FileStrategies,
    ParquetSink,
    ReplaySource,
    Runner,
    Settings,
    StrategyRow,
    open_model,
)
from quant_core.models import HistGradientBoosting, Linear, Mlp, ModelStore, Signature

pytest.importorskip("sklearn", reason="scikit-learn is not installed; it trains the models")

REAL = Path(__file__).parents[5] / "shared/data/ticks/oanda_eurusd_quotes_201405.parquet"
SETS = (
    FeatureSet(features=(Feature(kind="return", window=1), Feature(kind="rsi", window=14))),
    FeatureSet(
        features=(
            Feature(kind="zscore", window=20),
            Feature(kind="ema", window=10),
            Feature(kind="rsi", window=14),
        )
    ),
)


@dataclass
class Trained:
    rows: list[StrategyRow]
    store: ModelStore


def trained(prices: np.ndarray, folder: Path) -> Trained:
    """Train on the first column of prices, shape (T, n)."""
    store = ModelStore(str(folder))
    target = np.append(np.diff(np.log(prices[:, 0])), 0.0) * 1e4
    rows = []
    for number, model in enumerate(
        [Linear(), Mlp(hidden=(8, 4), epochs=5), HistGradientBoosting(trees=10)]
    ):
        features = SETS[number % 2]
        values = features.batch(prices[:, :1])[:, 0]
        whole = np.isfinite(values).all(axis=1)
        fitted = model.fit(values[whole], target[whole], seed=number)
        spec = store.put(
            fitted.to_onnx(),
            framework=fitted.framework,
            version=f"v{number}",
            signature=Signature(inputs=len(features.features)),
            feature_hash=features.hash,
        )
        decision = Sign(threshold=0.01) if number == 1 else Scaled(scale=2.0)
        rows.append(
            StrategyRow(name=f"s{number}", features=features, model=spec, decision=decision)
        )
    return Trained(rows, store)


def in_research(made: Trained, prices: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return prediction and signal by id, from the whole matrix at once."""
    found = {}
    for row in made.rows:
        assert row.model is not None
        model = load(made.store.read(row.model), row.model)
        values = row.features.batch(prices)
        for column in range(prices.shape[1]):
            complete = np.flatnonzero(np.isfinite(values[:, column]).all(axis=1))
            said = model.predict(values[complete, column])
            signals = Decisions([row.decision]).signals(said[:, None])[:, 0]
            for tick, one, signal in zip(complete, said, signals, strict=True):
                found[f"replay/{column}/{tick}/{row.name}"] = (float(one), float(signal))
    return found


def replayed(made: Trained, files: list[str], out: Path, batch: int) -> Any:
    settings = Settings(max_batch=batch)

    class Fixed(FileStrategies):
        def revision(self) -> int:
            return 1

        def rows(self) -> list[StrategyRow]:
            return made.rows

    engine = Engine(settings, open_model)
    with ParquetSink(out) as sink:
        source = ReplaySource(files, chunk=97)
        Runner(source, sink, engine, Fixed(""), settings, name="replay", drain=False).run()
        source.close()
    return pq.read_table(out / "signals.parquet")


def said(table: Any) -> dict[str, tuple[float, float]]:
    columns = (table.column(name).to_pylist() for name in ("signal_id", "prediction", "signal"))
    return {one: (prediction, signal) for one, prediction, signal in zip(*columns, strict=True)}


@pytest.mark.parametrize("batch", [1, 64, 4096])
def test_a_replay_gives_the_numbers_of_research_to_the_last_bit(tmp_path: Path, batch: int) -> None:
    draw = np.random.default_rng(3)
    prices = 50.0 * np.exp(np.cumsum(draw.standard_normal((800, 3)) * 1e-3, axis=0))
    made = trained(prices, tmp_path / "models")
    files = []
    for column in range(3):
        ts = np.arange(800) * 1000 + column * 7
        files.append(str(tmp_path / f"I{column}.parquet"))
        pq.write_table(pa.table({"ts": ts, "price": prices[:, column]}), files[-1])
    expected = in_research(made, prices)
    assert len(expected) > 3000
    assert len({signal for _, signal in expected.values()}) > 100
    assert said(replayed(made, files, tmp_path / "out", batch)) == expected


@pytest.mark.skipif(
    not REAL.exists(), reason=f"no {REAL.name} in a folder shared/data beside the repository"
)
def test_real_quotes_give_the_numbers_of_research_to_the_last_bit(tmp_path: Path) -> None:
    table = pq.read_table(REAL).slice(0, 3000)
    file = tmp_path / "EURUSD.parquet"
    pq.write_table(table, file)
    prices = (table.column("bid").to_numpy() + table.column("ask").to_numpy()) / 2.0
    made = trained(prices[:, None], tmp_path / "models")
    found = replayed(made, [str(file)], tmp_path / "out", 512)
    assert said(found) == in_research(made, prices[:, None])
