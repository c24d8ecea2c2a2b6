"""Features, probabilities, scores and vetoes by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from quant_core.errors import ConfigError, DataError
from quant_core.features import Feature, FeatureSet
from quant_core.selection import LowVolatility, TopMomentum, TrainView
from quant_core.selection.htr import (
    FEATURES,
    ScoreWeights,
    Thresholds,
    probabilities,
    scores,
    train_features,
)
from quant_core.selection.htr._features import price_paths
from quant_core.selection.htr._vetoes import metadata_vetoes, passing, texts

STEPS = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 1.0], [4.0, 2.0], [5.0, 1.0], [6.0, 2.0],
                  [7.0, 1.0], [8.0, 2.0]])  # fmt: skip


def test_features_of_a_trend_and_of_a_saw() -> None:
    found = train_features(STEPS, skip=1)
    assert tuple(found) == FEATURES
    changes = np.array(
        [[1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6, 1 / 7], [1, -0.5, 1, -0.5, 1, -0.5, 1]]
    )
    np.testing.assert_allclose(found["momentum"], [7 / 1 - 1, 1 / 1 - 1], rtol=1e-14)
    np.testing.assert_allclose(found["volatility"], changes.std(axis=1, ddof=1), rtol=1e-14)
    # One pattern of three prices for the trend; for the saw two, equally often: log2(2) / log2(6).
    np.testing.assert_allclose(found["entropy"], [0.0, 1 / np.log2(6)], rtol=1e-14)
    np.testing.assert_allclose(found["efficiency"], [1.0, 1 / 7], rtol=1e-14)
    # Nothing is left of the saw after two steps.
    assert found["hurst"][0] > 0.7
    assert found["hurst"][1] == 0.0


def test_every_feature_is_the_library_s_over_the_whole_train_period() -> None:
    prices = price_paths(np.random.default_rng(2).normal(0, 0.02, (60, 4)))
    found = train_features(prices, skip=5, order=4)
    kinds = {
        "momentum": {"kind": "momentum", "window": 60, "lag": 5},
        "volatility": {"kind": "volatility", "window": 60},
        "entropy": {"kind": "permutation_entropy", "window": 61, "order": 4},
        "efficiency": {"kind": "efficiency_ratio", "window": 60},
        "hurst": {"kind": "hurst", "window": 61},
    }
    for name, kind in kinds.items():
        feature = Feature.model_validate(kind)
        assert feature.lookback == len(prices), name
        whole = FeatureSet(features=(feature,)).batch(prices)
        assert found[name].tolist() == whole[-1, :, 0].tolist(), name


def test_momentum_and_volatility_are_those_of_the_rules_of_that_name() -> None:
    returns = np.random.default_rng(3).normal(0, 0.02, (40, 5))
    view = TrainView(tuple("ABCDE"), returns, lambda: np.eye(5))
    found = train_features(price_paths(returns), skip=7)
    np.testing.assert_allclose(
        found["momentum"], TopMomentum(skip=7).select(view).score, rtol=1e-12
    )
    np.testing.assert_allclose(found["volatility"], -LowVolatility().select(view).score, rtol=1e-12)


@pytest.mark.parametrize(("rows", "order"), [(6, 3), (2, 3), (10_000, 3)])
def test_a_train_period_that_features_cannot_take_is_refused(rows: int, order: int) -> None:
    message = f"windows.train: expected 7 to 9999 observations .* found {rows}"
    with pytest.raises(ConfigError, match=message):
        train_features(np.ones((rows + 1, 1)), order=order)


@pytest.mark.parametrize("order", [2, 3, 4, 5, 6])
def test_the_shortest_train_period(order: int) -> None:
    found = train_features(price_paths(np.linspace(-0.1, 0.2, 7)[:, None]), order=order)
    assert all(np.isfinite(values).all() for values in found.values())


def features(**changes: list[float]) -> dict[str, np.ndarray]:
    columns = {
        "momentum": [0.1, 0.4, 0.2, 0.2],
        "volatility": [0.01, 0.02, 0.03, 0.04],
        "entropy": [0.9, 0.8, 0.7, 0.6],
        "efficiency": [0.1, 0.1, 0.1, 0.1],
        "hurst": [0.5, 0.4, 0.6, 0.7],
    }
    return {name: np.array(values) for name, values in {**columns, **changes}.items()}


def test_probabilities_are_shares_of_candidates_that_are_no_better() -> None:
    found = probabilities(features())
    assert {name: values.tolist() for name, values in found.items()} == {
        "momentum": [0.25, 1.0, 0.75, 0.75],
        "volatility": [1.0, 0.75, 0.5, 0.25],
        "entropy": [0.25, 0.5, 0.75, 1.0],
        "efficiency": [1.0, 1.0, 1.0, 1.0],
        "hurst": [0.5, 0.25, 0.75, 1.0],
    }


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (
            {"momentum": 1, "volatility": 2, "entropy": 0, "efficiency": 0, "hurst": 0},
            [0.25, 0.5625, 0.1875, 0.046875],
        ),
        (
            {"momentum": 1, "volatility": 1, "entropy": 1, "efficiency": 1, "hurst": 1},
            [0.25 * 1 * 0.25 * 0.5, 1 * 0.75 * 0.5 * 0.25, 0.75 * 0.5 * 0.75 * 0.75,
             0.75 * 0.25 * 1 * 1],
        ),
        ({}, [(0.25 * 0.25 * 0.5) ** 0.2, (0.75 * 0.5 * 0.25) ** 0.2,
              (0.75 * 0.5 * 0.75 * 0.75) ** 0.2, (0.75 * 0.25) ** 0.2]),
    ],
)  # fmt: skip
def test_scores_are_products_of_weighted_probabilities(
    weights: dict[str, float], expected: list[float]
) -> None:
    found = scores(features(), ScoreWeights.model_validate(weights))
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@given(arrays(np.float64, st.tuples(st.just(5), st.integers(1, 9)), elements=st.floats(-9, 9)))
def test_a_score_is_in_the_unit_interval_and_one_for_the_best_of_all(columns: np.ndarray) -> None:
    table = dict(zip(FEATURES, columns, strict=True))
    found = scores(table, ScoreWeights())
    assert (found > 0).all()
    assert (found <= 1).all()
    best = np.ones(columns.shape[1], dtype=bool)
    for name, values in table.items():
        lower = name in {"volatility", "entropy"}
        best &= values == (values.min() if lower else values.max())
        ranks = probabilities({**table})[name]
        order = np.argsort(-values if lower else values, kind="stable")
        assert (np.diff(ranks[order]) >= 0).all()
    assert (found[best] == 1.0).all()


@pytest.mark.parametrize("name", FEATURES)
def test_a_missing_column_is_an_error(name: str) -> None:
    table = features()
    del table[name]
    with pytest.raises(DataError, match=f"feature {name}: expected a column of that name"):
        scores(table, ScoreWeights())


@pytest.mark.parametrize("name", ["entropy", "efficiency", "volatility"])
def test_a_missing_column_is_no_veto(name: str) -> None:
    table = features()
    del table[name]
    with pytest.raises(DataError, match=f"feature {name}: expected a column of that name"):
        BASE.vetoes(table)


@pytest.mark.parametrize("name", FEATURES)
def test_a_value_that_is_no_number_is_an_error(name: str) -> None:
    table = features(**{name: [0.1, 0.2, np.nan, 0.3]})
    message = f"feature {name}: expected a number for every candidate, found NaN for candidate 2"
    with pytest.raises(DataError, match=message):
        scores(table, ScoreWeights())


@pytest.mark.parametrize("wrong", [{"momentum": -1}, {"carry": 1}, {"hurst": float("nan")}])
def test_wrong_weights_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        ScoreWeights.model_validate(wrong)


def test_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(ValidationError, match="at least one weight above 0"):
        ScoreWeights.model_validate(dict.fromkeys(FEATURES, 0))


BASE = Thresholds(entropy_max=0.7, efficiency_min=0.1, volatility_min=0.02, volatility_max=0.03)


def test_vetoes_begin_beyond_the_threshold() -> None:
    found = BASE.vetoes(features(efficiency=[0.1, 0.0999, 0.2, 0.1]))
    assert {reason: failed.tolist() for reason, failed in found.items()} == {
        "entropy above 0.7": [True, True, False, False],
        "efficiency below 0.1": [False, True, False, False],
        "volatility below 0.02": [True, False, False, False],
        "volatility above 0.03": [False, False, False, True],
    }
    assert passing(found).tolist() == [False, False, True, False]
    assert texts(found) == (
        "entropy above 0.7; volatility below 0.02",
        "entropy above 0.7; efficiency below 0.1",
        "",
        "volatility above 0.03",
    )


@given(st.floats(0, 1), st.floats(0, 1))
def test_thresholds_are_relaxed_from_the_base(entropy: float, efficiency: float) -> None:
    base = Thresholds(entropy, efficiency, 0.001, 0.05)
    relaxed = base.relaxed()
    assert relaxed == Thresholds(min(1.0, entropy * 1.2), efficiency * 0.8, 0.001, 0.05)
    assert base.relaxed() == relaxed
    assert entropy <= relaxed.entropy_max <= 1.0


def test_what_the_data_veto() -> None:
    returns = np.array(
        [
            [0.01, 0.0, -1.0, 1e200, 0.02],
            [0.02, 0.0, 0.5, 1e200, 0.02],
            [-0.01, 0.0, 0.5, 0.0, 0.02],
            [0.0, 0.1, 0.5, 0.0, 0.02],
        ]
    )
    variance = np.array([1.0, 1.0, 1.0, 1.0, np.nan])
    found = metadata_vetoes(returns, price_paths(returns), variance, 0.75)
    assert texts(found) == (
        "",
        "price moved at less than 0.75 of the observations",
        "lost everything in the train period",
        "price moved at less than 0.75 of the observations; prices without a bound",
        "no variation over the train period",
    )
    assert passing(found).tolist() == [True, False, False, False, False]
