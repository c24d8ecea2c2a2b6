from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.cluster.hierarchy import fcluster, ward

from quant_core.selection import (
    SELECTIONS,
    Clustered,
    Every,
    LowVolatility,
    Selection,
    TopMomentum,
    TrainView,
)


def view(returns: list[list[float]] | np.ndarray) -> TrainView:
    """Return the view of columns of returns, named A, B, C and so on."""
    values = np.array(returns, dtype=np.float64)
    names = tuple(chr(ord("A") + number) for number in range(values.shape[1]))
    return TrainView(names, values, lambda: np.corrcoef(values, rowvar=False))


def columns(*series: list[float]) -> TrainView:
    return view(np.array(series).T)


MOMENTUM = columns(
    [0.10, 0.10, -0.9],  # 0.21 without the last day, -0.879 with it
    [0.30, 0.00, 0.0],  # 0.30, 0.30
    [0.50, -0.5, 9.0],  # -0.25, 6.5
)
VOLATILITY = columns(
    [0.00, 0.02, 0.00, 0.02],
    [0.01, 0.01, 0.01, 0.03],
    [0.09, 0.00, 0.01, 0.01],
)


@pytest.mark.parametrize(
    ("rule", "given_view", "chosen", "score"),
    [
        (TopMomentum(count=1, skip=1), MOMENTUM, [False, True, False], [0.21, 0.3, -0.25]),
        (TopMomentum(count=2, skip=1), MOMENTUM, [True, True, False], [0.21, 0.3, -0.25]),
        (TopMomentum(count=1, skip=0), MOMENTUM, [False, False, True], [-0.879, 0.3, 6.5]),
        # The look-back counts from the end, and the skip is taken off it.
        (TopMomentum(count=1, skip=1, lookback=2), MOMENTUM, [True, False, False], [0.1, 0, -0.5]),
        # A skip that leaves nothing keeps one observation.
        (TopMomentum(count=1, skip=21), MOMENTUM, [False, False, True], [0.1, 0.3, 0.5]),
        (
            LowVolatility(count=1),
            VOLATILITY,
            [False, True, False],
            [-np.sqrt(4e-4 / 3), -np.sqrt(3e-4 / 3), -np.sqrt(5.275e-3 / 3)],
        ),
        (
            LowVolatility(count=1, lookback=2),
            VOLATILITY,
            [False, False, True],
            [-np.sqrt(2e-4), -np.sqrt(2e-4), 0.0],
        ),
    ],
)
def test_ranking_rules(
    rule: Selection, given_view: TrainView, chosen: list[bool], score: list[float]
) -> None:
    found = rule.select(given_view)
    assert found.chosen.tolist() == chosen
    np.testing.assert_allclose(found.score, score, rtol=1e-12, atol=1e-15)
    assert found.cluster.tolist() == [-1] * len(chosen)
    assert [not reason for reason in found.reason] == chosen
    assert found.stage.tolist() == [0] * len(chosen)
    assert found.vetoes == ("",) * len(chosen)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (TopMomentum(count=2, skip=0), "momentum below the winners'"),
        (LowVolatility(count=2), "volatility above the winners'"),
    ],
)
def test_of_equal_scores_the_first_names_win(rule: Selection, reason: str) -> None:
    found = rule.select(view(np.tile([[0.01], [-0.02], [0.03]], 4)))
    assert found.chosen.tolist() == [True, True, False, False]
    assert found.reason == ("", "", reason, reason)


@pytest.mark.parametrize("rule", [TopMomentum(count=20), LowVolatility(count=20), Every()])
def test_a_count_above_the_universe_takes_all(rule: Selection) -> None:
    found = rule.select(MOMENTUM)
    assert found.chosen.all()
    assert found.reason == ("", "", "")


@pytest.mark.parametrize("name", sorted(SELECTIONS))
@pytest.mark.parametrize("count", [0, 1])
def test_no_asset_and_one_asset(name: str, count: int) -> None:
    returns = np.array([[0.01], [0.03], [-0.02]] * 3)[:, :count]
    found = SELECTIONS[name]().select(TrainView(("A",)[:count], returns, lambda: np.eye(count)))
    assert found.chosen.tolist() == [True] * count
    assert found.reason == ("",) * count
    assert (len(found.score), len(found.cluster)) == (count, count)
    assert (len(found.stage), len(found.vetoes)) == (count, count)


def test_every_ranks_nothing() -> None:
    found = Every().select(VOLATILITY)
    assert np.isnan(found.score).all()
    assert found.cluster.tolist() == [-1, -1, -1]


# Two pairs that move together and one that does not: distances 0 within a pair.
UP, DOWN, ODD = [0.01, -0.01, 0.02, 0.0], [-0.03, 0.01, 0.0, 0.02], [0.0, 0.01, 0.01, -0.05]


def shifted(series: list[float], by: float) -> list[float]:
    return [value + by for value in series]


def test_clustered_keeps_the_best_ratio_of_each_cluster() -> None:
    found = Clustered(threshold=0.1).select(
        columns(DOWN, UP, shifted(UP, 0.01), shifted(DOWN, 0.02), ODD)
    )
    # Numbered by first appearance.
    assert found.cluster.tolist() == [0, 1, 1, 0, 2]
    assert found.chosen.tolist() == [False, False, True, True, True]
    assert found.reason == (
        "cluster 0 has a better representative",
        "cluster 1 has a better representative",
        "",
        "",
        "",
    )
    series = np.array(shifted(UP, 0.01))
    assert found.score[2] == pytest.approx(series.mean() / series.std(ddof=1), rel=1e-12)


@pytest.mark.parametrize(
    ("rule", "clusters", "chosen"),
    [
        (Clustered(threshold=0.1, clusters=1), [0, 0, 0], [False, True, False]),
        (Clustered(threshold=0.1, clusters=2), [0, 0, 1], [False, True, True]),
        (Clustered(threshold=0.1, clusters=2, per_cluster=2), [0, 0, 1], [True, True, True]),
        (Clustered(threshold=9.0, clusters=3), [0, 0, 0], [False, True, False]),
        (Clustered(threshold=9.0, per_cluster=2), [0, 0, 0], [True, True, False]),
    ],
)
def test_clustered_cuts_at_the_threshold_or_the_count(
    rule: Clustered, clusters: list[int], chosen: list[bool]
) -> None:
    found = rule.select(columns(UP, shifted(UP, 0.001), DOWN))
    assert found.cluster.tolist() == clusters
    assert found.chosen.tolist() == chosen


def test_equal_representatives_of_a_cluster_go_by_name() -> None:
    found = Clustered(threshold=0.1).select(columns(UP, UP, UP))
    assert found.chosen.tolist() == [True, False, False]


@given(
    seed=st.integers(0, 2**32 - 1),
    assets=st.integers(2, 12),
    threshold=st.floats(0.1, 1.5),
    most=st.integers(1, 6),
)
def test_clusters_are_those_of_ward_by_hand(
    seed: int, assets: int, threshold: float, most: int
) -> None:
    returns = np.random.default_rng(seed).normal(0, 0.01, (30, assets))
    found = Clustered(threshold=threshold, clusters=most).select(view(returns))
    correlation = np.corrcoef(returns, rowvar=False)
    pairs = [
        np.sqrt((1 - correlation[i, j]) / 2) for i in range(assets) for j in range(i + 1, assets)
    ]
    tree = ward(np.array(pairs))
    labels = fcluster(tree, threshold, "distance")
    if len(set(labels)) > most:
        labels = fcluster(tree, most, "maxclust")
    together = labels[:, None] == labels[None, :]
    assert (together == (found.cluster[:, None] == found.cluster[None, :])).all()
    assert found.chosen.sum() == len(set(labels)) <= most
    first = [found.cluster.tolist().index(number) for number in range(len(set(labels)))]
    assert all(before < after for before, after in pairwise(first))


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        (Every(), None),
        (TopMomentum(count=7), 7),
        (LowVolatility(count=8), 8),
        (Clustered(clusters=9, per_cluster=2), 18),
    ],
)
def test_the_most_that_a_rule_can_choose(rule: Selection, most: int | None) -> None:
    assert rule.most == most


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("all", {"count": 3}),
        ("top_momentum", {"count": 0}),
        ("top_momentum", {"skip": -1}),
        ("top_momentum", {"lookback": 1}),
        ("low_volatility", {"count": 0}),
        ("clustered", {"threshold": 0.0}),
        ("clustered", {"clusters": 0}),
        ("clustered", {"per_cluster": 3}),
    ],
)
def test_a_wrong_parameter_is_refused(name: str, wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        SELECTIONS[name].model_validate(wrong)


@pytest.mark.parametrize("name", sorted(SELECTIONS))
def test_a_rule_is_frozen_and_names_its_module(name: str) -> None:
    rule = SELECTIONS[name]()
    assert rule.code_module == type(rule).__module__
    with pytest.raises(ValidationError, match="frozen"):
        rule.name = "other"  # type: ignore[attr-defined] - the base has no name of its own
