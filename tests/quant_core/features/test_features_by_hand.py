from __future__ import annotations

from math import log2, sqrt
from typing import Any

import numpy as np
import pytest

from quant_core.features import DEFINITIONS, Feature, FeatureSet


def last(prices: list[float], **parameters: Any) -> float:
    chosen = FeatureSet(features=(Feature(**parameters),))
    return float(chosen.batch(np.array(prices)[:, None])[-1, 0, 0])


@pytest.mark.parametrize(
    ("parameters", "prices", "expected"),
    [
        ({"kind": "return", "window": 2}, [100, 110, 121], 0.21),
        ({"kind": "sma", "window": 3}, [50, 1, 2, 6], 3.0),
        ({"kind": "sma", "window": 3, "relative": True}, [1, 2, 6], 1.0),
        ({"kind": "ema", "window": 1}, [7, 9], 9.0),
        # 2^-20 is below 1e-6: twenty prices, their weights 1, 1/2, 1/4 and so on.
        ({"kind": "ema", "window": 3}, [10] * 19 + [20], 15.00000476837613),
        ({"kind": "ema", "window": 3, "relative": True}, [10] * 19 + [20], 0.33333290947814),
        ({"kind": "rsi", "window": 2}, [10] * 19 + [9, 10], 66.66666666666667),
        ({"kind": "rsi", "window": 2}, list(range(1, 22)), 100.0),
        ({"kind": "rsi", "window": 2}, list(range(21, 0, -1)), 0.0),
        ({"kind": "volatility", "window": 2}, [100, 110, 99], 0.1414213562373095),
        ({"kind": "zscore", "window": 3}, [1, 2, 6], 1.1338934190276817),
        ({"kind": "momentum", "window": 3}, [100, 120, 150, 90], 0.5),
        ({"kind": "momentum", "window": 3, "lag": 0}, [100, 120, 150, 90], -0.1),
        ({"kind": "momentum", "window": 3, "lag": 2}, [100, 120, 150, 90], 0.2),
        ({"kind": "bollinger", "window": 3}, [1, 2, 6], 0.5 + 3 / (4 * sqrt(14 / 3))),
        ({"kind": "bollinger", "window": 3, "width": 1.0}, [1, 2, 6], 0.5 + 3 / (2 * sqrt(14 / 3))),
        ({"kind": "efficiency_ratio", "window": 2}, [1, 3, 2], 1 / 3),
        ({"kind": "efficiency_ratio", "window": 3}, [1, 2, 4, 8], 1.0),
        # log2 p = 0 1 1 2 2 3 3 4: mean squares 4/7 and 1 at lags 1 and 2, slope log2(7/4).
        ({"kind": "hurst", "window": 8}, [1, 2, 2, 4, 4, 8, 8, 16], 0.4036774610288021),
        ({"kind": "hurst", "window": 8}, [1, 2, 4, 8, 16, 32, 64, 128], 1.0),
        ({"kind": "hurst", "window": 8}, [1, 2, 1, 2, 1, 2, 1, 2], 0.0),
    ],
)
def test_value(parameters: dict[str, Any], prices: list[float], expected: float) -> None:
    assert last(prices, **parameters) == pytest.approx(expected, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(("order", "bits", "largest"), [(2, 0.918, 1.0), (3, 1.522, log2(6))])
def test_example_of_bandt_and_pompe(order: int, bits: float, largest: float) -> None:
    found = last([4, 7, 9, 10, 6, 11, 3], kind="permutation_entropy", window=7, order=order)
    assert found * largest == pytest.approx(bits, abs=5e-4)


@pytest.mark.parametrize(
    ("prices", "order", "lag", "expected"),
    [
        # Equal prices count as ascending: one pattern only.
        ([1, 1, 2, 2], 2, 1, 0.0),
        # 1 2, 2 2, 2 1: two ascend, one descends.
        ([1, 2, 2, 1], 2, 1, 0.9182958340544896),
        # Of every second price: 1 2, 9 8, 2 3, 8 7.
        ([1, 9, 2, 8, 3, 7], 2, 2, 1.0),
        # 345; 451 and 270; 516 and 627; 162: shares of 1, 2, 2 and 1 in six.
        ([3, 4, 5, 1, 6, 2, 7, 0], 3, 1, (log2(6) / 3 + log2(3) * 2 / 3) / log2(6)),
    ],
)
def test_permutation_entropy(prices: list[float], order: int, lag: int, expected: float) -> None:
    shifted = [price + 1 for price in prices]
    window = len(prices)
    found = last(shifted, kind="permutation_entropy", window=window, order=order, lag=lag)
    assert found == pytest.approx(expected, abs=1e-12)


FLAT = {
    "return": 0.0,
    "sma": 7.1,
    "ema": 7.1,
    "rsi": 50.0,
    "volatility": 0.0,
    "zscore": 0.0,
    "momentum": 0.0,
    "bollinger": 0.5,
    "permutation_entropy": 0.0,
    "efficiency_ratio": 0.0,
    "hurst": 0.5,
}


@pytest.mark.parametrize("window", [9, 10, 11, 12, 100])
@pytest.mark.parametrize("kind", FLAT)
def test_equal_prices(kind: Any, window: int) -> None:
    lookback = Feature(kind=kind, window=window).lookback
    assert last([7.1] * lookback, kind=kind, window=window) == FLAT[kind]


@pytest.mark.parametrize("kind", ["sma", "ema"])
def test_relative_average_of_equal_prices(kind: Any) -> None:
    assert last([7.1] * 80, kind=kind, window=9, relative=True) == 0.0


@pytest.mark.parametrize("kind", FLAT)
def test_every_kind_is_defined_in_words(kind: Any) -> None:
    assert DEFINITIONS[kind].formula
    assert list(DEFINITIONS) == list(FLAT)


@pytest.mark.parametrize("kind", FLAT)
def test_it_begins_with_its_lookback(kind: Any) -> None:
    chosen = FeatureSet(features=(Feature(kind=kind, window=9),))
    prices = np.random.default_rng(0).uniform(1, 2, (chosen.lookback + 3, 1))
    prices[:2] = np.nan
    missing = np.isnan(chosen.batch(prices)[:, 0, 0])
    assert missing.tolist() == [True] * (chosen.lookback + 1) + [False] * 2
