"""Each kind on features of real prices: the sample of skfolio, and the shared folder's equities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from quant_core.data import SampleSource
from quant_core.errors import UnavailableError
from quant_core.models import (
    Runtime,
    WalkForward,
    batch_invariance_report,
    complete_rows,
    parity_report,
)

from .conftest import KINDS, config

EQUITIES = Path(__file__).parents[4] / "shared/data/equities/sp500_ohlcv_2013_2018.parquet"


def _sample() -> tuple[np.ndarray, np.ndarray]:
    try:
        found = SampleSource().read(np.datetime64("2015-01-01"))
    except UnavailableError as error:
        pytest.skip(str(error))
    return found.dates[:, 0].astype("datetime64[D]"), found.values


def _equities() -> tuple[np.ndarray, np.ndarray]:
    if not EQUITIES.exists():
        pytest.skip(f"{EQUITIES} is not there: the real equities are optional")
    table = pq.read_table(EQUITIES, columns=["date", "Name", "close"]).to_pandas()
    wide = table.pivot_table(index="date", columns="Name", values="close", dropna=False)
    wide = wide.dropna(axis=1).iloc[:, ::8]
    return wide.index.to_numpy().astype("datetime64[D]"), wide.to_numpy()


def _features(prices: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (T, n, 5) features, the price itself among them, and the returns that follow."""
    returns = np.full_like(prices, np.nan)
    returns[1:] = prices[1:] / prices[:-1] - 1
    windows = np.lib.stride_tricks.sliding_window_view(returns, 20, axis=0)
    spread = np.full_like(prices, np.nan)
    spread[19:] = windows.std(axis=-1)
    momentum = np.full_like(prices, np.nan)
    momentum[20:] = prices[20:] / prices[:-20] - 1
    average = np.full_like(prices, np.nan)
    average[19:] = np.lib.stride_tricks.sliding_window_view(prices, 20, axis=0).mean(axis=-1)
    ahead = np.full_like(prices, np.nan)
    ahead[:-horizon] = prices[horizon:] / prices[:-horizon] - 1
    return np.stack([returns, spread, momentum, average, prices / average - 1], axis=-1), ahead


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("market", [_sample, _equities], ids=["sample", "equities"])
def test_a_model_of_real_prices_agrees_on_the_month_that_follows(market: object, kind: str) -> None:
    dates, prices = market()  # type: ignore[operator]
    features, ahead = _features(prices, horizon=5)
    *_, split = WalkForward(train=252, horizon=5, embargo=5).splits(dates)
    rows, target = features[split.train].reshape(-1, 5), ahead[split.train].reshape(-1)
    known = complete_rows(rows) & np.isfinite(target)
    held_out = features[split.test].reshape(-1, 5)
    assert known.sum() > 4_000
    assert len(held_out) > 50
    fitted = config(kind).fit(rows[known], target[known], seed=11)
    parity = parity_report(fitted, held_out)
    assert parity.passed, parity
    assert parity.sign_flips == 0
    batches = batch_invariance_report(Runtime(fitted.to_onnx()), held_out[:130])
    assert batches.max_difference <= 1e-12 * max(parity.scale, 1e-3)
