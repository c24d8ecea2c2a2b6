"""The same figures by pandas and numpy, written another way."""

from __future__ import annotations

from collections import Counter
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from quant_core.features import Feature, FeatureSet

if TYPE_CHECKING:
    from collections.abc import Callable

PRICES = pd.Series(50 * np.exp(np.random.default_rng(7).normal(0, 0.02, 900).cumsum()))
CHANGES = PRICES.diff()
TIED = PRICES.round(0)


def ours(prices: pd.Series, **parameters: Any) -> pd.Series:
    chosen = FeatureSet(features=(Feature(**parameters),))
    return pd.Series(chosen.batch(prices.to_numpy()[:, None])[:, 0, 0])


def rolling(function: Callable[[np.ndarray], float], length: int, prices: pd.Series) -> pd.Series:
    return prices.rolling(length).apply(function, raw=True)


def sample(part: np.ndarray) -> float:
    return float(np.std(part, ddof=1))


@pytest.mark.parametrize("window", [2, 5, 20, 63, 101])
def test_moving_windows(window: int) -> None:
    # pandas adds and takes away as a window moves, and is off by 1e-9 after some hundred rows.
    mean, deviation = rolling(np.mean, window, PRICES), rolling(sample, window, PRICES)
    band = rolling(np.std, window, PRICES)
    expected = {
        "return": PRICES.pct_change(window),
        "sma": mean,
        "volatility": rolling(sample, window, PRICES.pct_change()),
        "zscore": (PRICES - mean) / deviation,
        "momentum": PRICES.shift(1) / PRICES.shift(window) - 1,
        "bollinger": (PRICES - (mean - 2 * band)) / (4 * band),
        "efficiency_ratio": PRICES.diff(window).abs() / rolling(np.sum, window, CHANGES.abs()),
    }
    for kind, series in expected.items():
        found = ours(PRICES, kind=kind, window=window)
        pd.testing.assert_series_equal(found, series, rtol=1e-12, atol=1e-12, check_names=False)


@pytest.mark.parametrize("window", [2, 12, 26, 100])
def test_ema_is_that_of_pandas_over_its_span(window: int) -> None:
    found = ours(PRICES, kind="ema", window=window)
    span = Feature(kind="ema", window=window).lookback
    whole = rolling(
        lambda part: pd.Series(part).ewm(span=window, adjust=True).mean().iloc[-1], span, PRICES
    )
    pd.testing.assert_series_equal(found, whole, rtol=1e-12, check_names=False)
    endless = PRICES.ewm(span=window, adjust=True).mean()
    # The price fell by five sixths, so what is left out weighs up to six millionths of it.
    assert (found / endless - 1).abs().max() < 6e-6


@pytest.mark.parametrize("window", [2, 14, 30])
def test_rsi_is_that_of_wilder(window: int) -> None:
    found = ours(PRICES, kind="rsi", window=window)
    gain = CHANGES.clip(lower=0)[1:].ewm(alpha=1 / window, adjust=True).mean()
    loss = (-CHANGES).clip(lower=0)[1:].ewm(alpha=1 / window, adjust=True).mean()
    endless = 100 - 100 / (1 + gain / loss)
    assert (found - endless).abs().max() < 1e-3
    assert found.notna().sum() == len(PRICES) - Feature(kind="rsi", window=window).lookback + 1


@pytest.mark.parametrize("prices", [PRICES, TIED], ids=["distinct", "tied"])
@pytest.mark.parametrize(("order", "lag"), [(2, 1), (3, 1), (3, 3), (4, 1), (5, 2), (6, 1)])
def test_permutation_entropy(prices: pd.Series, order: int, lag: int) -> None:
    def entropy(part: np.ndarray) -> float:
        starts = range(len(part) - (order - 1) * lag)
        patterns = [
            tuple(np.argsort(part[i : i + order * lag : lag][:order], kind="stable"))
            for i in starts
        ]
        share = np.array(list(Counter(patterns).values())) / len(patterns)
        return float(-(share * np.log2(share)).sum() / np.log2(factorial(order)))

    prices = prices[:200]
    found = ours(prices, kind="permutation_entropy", window=40, order=order, lag=lag)
    expected = rolling(entropy, 40, prices)
    pd.testing.assert_series_equal(found, expected, atol=1e-12, check_names=False)


@pytest.mark.parametrize("window", [8, 33, 100])
def test_hurst(window: int) -> None:
    def exponent(part: np.ndarray) -> float:
        level = np.log(part)
        lags = 2 ** np.arange(int(np.log2(window / 4)) + 1)
        moments = [np.mean((level[lag:] - level[:-lag]) ** 2) for lag in lags]
        return float(np.clip(np.polyfit(np.log(lags), np.log(moments), 1)[0] / 2, 0, 1))

    found = ours(PRICES[:300], kind="hurst", window=window)
    expected = rolling(exponent, window, PRICES[:300])
    pd.testing.assert_series_equal(found, expected, atol=1e-9, check_names=False)


def test_hurst_of_a_random_walk_is_near_a_half() -> None:
    assert ours(PRICES, kind="hurst", window=800).iloc[-1] == pytest.approx(0.5, abs=0.1)
