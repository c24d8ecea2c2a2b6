"""The whole rule: from returns to winners with their stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from quant_core.errors import ConfigError
from quant_core.selection import Clustered, Selected, ThresholdRelaxation, TrainView
from quant_core.selection.htr import ScoreWeights, scores, train_features
from quant_core.selection.htr._features import price_paths

RETURNS = Path(__file__).parents[5] / "shared/data/equities/sp431_returns_2007_2016.csv.gz"


def view_of(returns: np.ndarray, names: tuple[str, ...] | None = None) -> TrainView:
    names = names or tuple(f"S{number:03d}" for number in range(returns.shape[1]))
    found = np.corrcoef(returns, rowvar=False).reshape(len(names), len(names))
    return TrainView(names, returns, lambda: found)


def market(seed: int, assets: int, rows: int = 60) -> np.ndarray:
    """Return returns with groups that move together, trends, and different volatilities."""
    drawn = np.random.default_rng(seed)
    groups = drawn.normal(0, 0.01, (rows, 4))[:, drawn.integers(0, 4, assets)]
    groups *= drawn.uniform(0.1, 1, assets)
    own = drawn.normal(0, 1, (rows, assets)) * drawn.uniform(0.001, 0.03, assets)
    trend: np.ndarray = groups + own + drawn.normal(0, 0.003, assets)
    return trend


def stages(found: Selected) -> dict[int, int]:
    return {number: int((found.stage == number).sum()) for number in range(1, 5)}


# Where each candidate is in a cluster of its own or not, by the height of the cut.
APART, TOGETHER = 1e-6, 1e6


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Nothing is vetoed: one of each cluster.
        ({"entropy_max": 1, "efficiency_min": 0}, {1: 8, 2: 0, 3: 0, 4: 0}),
        # Everything is, until the second stage: of 0.84 * 1.2 remains 1, of 0 nothing.
        ({"entropy_max": 0.84, "efficiency_min": 0}, {1: 0, 2: 8, 3: 0, 4: 0}),
        # The relaxed efficiency is asked too much, too.
        ({"entropy_max": 1, "efficiency_min": 1}, {1: 0, 2: 0, 3: 8, 4: 0}),
        # And nothing is in order.
        (
            {"entropy_max": 1, "efficiency_min": 1, "cluster_entropy_max": 0.5},
            {1: 0, 2: 0, 3: 0, 4: 5},
        ),
        (
            {"entropy_max": 1, "efficiency_min": 0, "threshold": TOGETHER},
            {1: 1, 2: 0, 3: 0, 4: 4},
        ),
        (
            {"entropy_max": 1, "efficiency_min": 0, "winners_max": 6},
            {1: 6, 2: 0, 3: 0, 4: 0},
        ),
    ],
)
def test_thresholds_decide_the_stage(changes: dict[str, Any], expected: dict[int, int]) -> None:
    rule = ThresholdRelaxation(
        **{
            "winners_min": 5,
            "threshold": APART,
            "volatility_min": 0,
            "volatility_max": 1,
            **changes,
        }
    )
    noise = np.random.default_rng(1).normal(0, 0.01, (60, 8))
    assert (train_features(price_paths(noise))["entropy"] > 0.84).all()
    assert stages(rule.select(view_of(noise))) == expected


RULES = st.builds(
    ThresholdRelaxation,
    winners_min=st.integers(1, 8),
    winners_max=st.integers(8, 12),
    entropy_max=st.sampled_from([0.7, 0.85, 0.9, 0.95, 1.0]),
    efficiency_min=st.sampled_from([0.0, 0.05, 0.15, 0.3]),
    volatility_min=st.sampled_from([0.0, 0.001, 0.009]),
    volatility_max=st.sampled_from([0.01, 0.02, 1.0]),
    cluster_entropy_max=st.sampled_from([0.9, 0.95, 0.999]),
    threshold=st.sampled_from([0.3, 0.7, 1.2]),
    clusters=st.integers(1, 15),
    weights=st.sampled_from([ScoreWeights(), ScoreWeights(momentum=1, hurst=0, volatility=0)]),
    skip=st.sampled_from([0, 21, 40]),
    order=st.sampled_from([2, 3, 4]),
)


@settings(max_examples=60)
@given(RULES, st.integers(0, 10_000), st.integers(2, 20))
def test_what_each_winner_fulfils(rule: ThresholdRelaxation, seed: int, assets: int) -> None:
    returns = market(seed, assets)
    found = rule.select(view_of(returns))
    features = train_features(price_paths(returns), skip=rule.skip, order=rule.order)
    np.testing.assert_array_equal(found.score, scores(features, rule.weights))
    entropy, efficiency = features["entropy"], features["efficiency"]
    calm = features["volatility"] <= rule.volatility_max
    calm &= features["volatility"] >= rule.volatility_min
    strict = calm & (entropy <= rule.entropy_max) & (efficiency >= rule.efficiency_min)
    spectral = calm & (entropy <= min(1, rule.entropy_max * 1.2))
    spectral &= efficiency >= rule.efficiency_min * 0.8

    assert strict[found.stage == 1].all()
    assert (spectral & ~strict)[found.stage == 2].all()
    assert (~spectral & (entropy <= rule.cluster_entropy_max))[found.stage == 3].all()
    assert (found.chosen == (found.stage > 0)).all()
    assert [not veto for veto in found.vetoes] == strict.tolist()
    assert [not reason for reason in found.reason] == found.chosen.tolist()
    count = found.chosen.sum()
    assert min(rule.winners_min, assets) <= count <= rule.winners_max
    if (found.stage == 4).any():
        assert count == min(rule.winners_min, assets)
        open_to_all = found.stage[strict & (found.stage == 0)]
        assert not len(open_to_all) or strict[found.stage == 4].all()


@settings(max_examples=25)
@given(RULES, st.integers(0, 10_000), st.integers(2, 16), st.randoms(use_true_random=False))
def test_the_order_of_columns_decides_nothing(
    rule: ThresholdRelaxation, seed: int, assets: int, random: Any
) -> None:
    returns = market(seed, assets)
    returns[:, assets // 2] = returns[:, 0]  # equal in everything but the name
    whole = view_of(returns)
    order = list(range(assets))
    random.shuffle(order)
    correlation = whole.correlation()[np.ix_(order, order)]
    names = tuple(whole.symbols[at] for at in order)
    turned = rule.select(TrainView(names, returns[:, order], lambda: correlation))
    found = rule.select(whole)
    for name in ("chosen", "score", "cluster", "stage"):
        np.testing.assert_array_equal(getattr(turned, name), getattr(found, name)[order])
    assert turned.reason == tuple(found.reason[at] for at in order)
    assert turned.vetoes == tuple(found.vetoes[at] for at in order)
    if found.chosen[assets // 2] and found.stage[assets // 2] < 4:
        assert found.chosen[0]


def test_of_equal_ones_the_first_name_is_taken() -> None:
    series = np.random.default_rng(5).normal(0.001, 0.01, 60)
    returns = np.column_stack([series, series, series])
    rule = ThresholdRelaxation(winners_min=2, entropy_max=1, efficiency_min=0)
    found = rule.select(view_of(returns, ("C", "A", "B")))
    assert found.stage.tolist() == [0, 1, 4]
    assert found.reason == ("its cluster has a better representative", "", "")


def test_what_the_data_veto_is_never_taken_and_not_ranked() -> None:
    returns = market(3, 6)
    returns[:, 1] = 0.0
    returns[::9, 1] = 0.02  # seldom moves
    returns[30, 2] = -1.0
    returns[31:, 2] = 0.01
    with np.errstate(invalid="ignore"):
        found = ThresholdRelaxation().select(view_of(returns))
    assert found.stage[[1, 2]].tolist() == [0, 0]
    assert np.isnan(found.score).tolist() == [False, True, True, False, False, False]
    assert found.cluster[[1, 2]].tolist() == [-1, -1]
    assert found.vetoes[1:3] == (
        "price moved at less than 0.8 of the observations",
        "lost everything in the train period",
    )
    assert found.reason[1:3] == found.vetoes[1:3]
    # The others are judged as if they were alone.
    alone = ThresholdRelaxation().select(
        view_of(returns[:, [0, 3, 4, 5]], ("S000", "S003", "S004", "S005"))
    )
    assert found.score[[0, 3, 4, 5]].tolist() == alone.score.tolist()
    assert found.stage[[0, 3, 4, 5]].tolist() == alone.stage.tolist()


def test_a_market_of_what_the_data_veto_has_no_winner() -> None:
    returns = np.zeros((60, 3))
    returns[7] = [0.01, 0.02, 0.03]
    found = ThresholdRelaxation().select(view_of(returns))
    assert not found.chosen.any()
    assert set(found.reason) == {"price moved at less than 0.8 of the observations"}


def test_clusters_are_those_of_the_selection_of_that_name() -> None:
    returns = market(8, 18)
    found = ThresholdRelaxation(clusters=6).select(view_of(returns))
    assert found.cluster.tolist() == Clustered(clusters=6).select(view_of(returns)).cluster.tolist()
    assert len(set(found.cluster.tolist())) > 1


def test_reasons_of_those_left_out() -> None:
    rule = ThresholdRelaxation(
        winners_min=1, winners_max=1, entropy_max=1, efficiency_min=0, volatility_max=0.02,
        threshold=0.1,
    )  # fmt: skip
    drawn = np.random.default_rng(7).normal(0, 0.01, (60, 2))
    first = np.linspace(0.001, 0.012, 60)
    wild = drawn[:, 1] * 9
    found = rule.select(view_of(np.column_stack([first, first - 0.002, drawn[:, 0], wild])))
    assert found.reason == (
        "",
        "its cluster has a better representative",
        "enough winners with better scores",
        "volatility above 0.02",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"winners_min": 0},
        {"winners_min": 26},
        {"volatility_min": 0.06},
        {"entropy_max": 1.01},
        {"entropy_max": float("nan")},
        {"efficiency_min": -0.1},
        {"entropy_relaxation": 0.9},
        {"efficiency_relaxation": 1.1},
        {"cluster_entropy_max": 1.1},
        {"coverage_min": -1},
        {"clusters": 0},
        {"threshold": 0},
        {"skip": -1},
        {"order": 7},
        {"weights": {"beta": 1.0}},
    ],
)
def test_a_wrong_parameter_of_htr_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        ThresholdRelaxation.model_validate(wrong)


def test_what_the_specification_fixes() -> None:
    rule = ThresholdRelaxation()
    assert (rule.winners_min, rule.winners_max, rule.most) == (15, 25, 25)
    assert (rule.threshold, rule.clusters) == (0.7, 25)
    assert (rule.entropy_relaxation, rule.efficiency_relaxation) == (1.2, 0.8)
    assert rule.cluster_entropy_max == 0.999


def test_a_train_period_too_short_says_so() -> None:
    with pytest.raises(ConfigError, match=r"windows\.train: expected 7 to 9999"):
        ThresholdRelaxation().select(view_of(market(1, 3, rows=5)))


@pytest.mark.skipif(not RETURNS.exists(), reason="the shared market data are not here")
def test_real_returns_give_as_many_winners_as_asked_for() -> None:
    lines = np.loadtxt(RETURNS, delimiter=",", skiprows=1, usecols=range(1, 432))
    names = tuple(f"S{number:03d}" for number in range(431))
    seen = {}
    for last in (500, 1200, 2400):
        found = ThresholdRelaxation().select(view_of(lines[last - 252 : last], names))
        seen[last] = stages(found)
        assert 15 <= found.chosen.sum() <= 25
        assert len(set(found.cluster[found.chosen].tolist())) == found.chosen.sum()
    # Of calm markets the strict thresholds find enough.
    assert seen[2400][1] >= 15
