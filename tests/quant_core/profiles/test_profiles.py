"""The profiles as a configuration writes them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from quant_core.profiles import PROFILES, Adaptive, Barbell, MeanVariance


def test_registry_is_sorted_and_names_agree() -> None:
    assert list(PROFILES) == [
        "adaptive",
        "barbell",
        "equal_weight",
        "hrp",
        "market",
        "market_neutral",
        "max_diversification",
        "max_sharpe",
        "mean_variance",
        "min_variance",
        "risk_parity",
    ]
    assert all(a < b for a, b in pairwise(PROFILES))
    assert [kind().name for kind in PROFILES.values()] == list(PROFILES)


@pytest.mark.parametrize("name", PROFILES)
def test_what_each_profile_needs(name: str) -> None:
    profile = PROFILES[name]()
    assert profile.needs_covariance == (name not in {"equal_weight", "market"})
    assert profile.needs_benchmark == (name == "market")
    assert profile.needs_market == (name in {"adaptive", "market_neutral"})
    assert hasattr(profile, "cap") == (name != "market")


@pytest.mark.parametrize("name", PROFILES)
def test_round_trip_and_frozen(name: str) -> None:
    profile = PROFILES[name]()
    assert PROFILES[name].model_validate(profile.model_dump(mode="json")) == profile
    with pytest.raises(ValidationError, match="frozen"):
        profile.name = "other"


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("min_variance", {"cap": 0}, "greater than 0"),
        ("min_variance", {"cap": 1.5}, "less than or equal to 1"),
        ("min_variance", {"cap": float("nan")}, "cap"),
        ("min_variance", {"capp": 0.1}, "Extra inputs"),
        ("market", {"cap": 0.1}, "Extra inputs"),
        ("hrp", {"minimum": 1.0}, "less than 1"),
        ("hrp", {"turnover": 0.0}, "greater than 0"),
        ("hrp", {"groups": [{"name": "a", "symbols": []}]}, "at least 1 item"),
        ("hrp", {"groups": [{"name": "a", "symbols": ["A", "A"]}]}, "each symbol once"),
        ("hrp", {"groups": [{"name": "a", "symbols": ["A"], "least": 0.5, "most": 0.4}]}, "above"),
        ("barbell", {"aggressive": 1.0}, "less than 1"),
        ("market_neutral", {"tolerance": -0.1}, "greater than or equal to 0"),
        ("adaptive", {"rising": "market"}, "min_variance"),
        ("mean_variance", {"risk_aversion": 0}, "greater than 0"),
        ("mean_variance", {"risk_aversion": float("inf")}, "finite"),
        ("hrp", {"name": "risk_parity"}, "hrp"),
        ("hrp", {"covariance": "shrunk"}, "ledoit_wolf"),
    ],
)
def test_wrong_fields_are_refused(name: str, fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        PROFILES[name].model_validate(fields)


def test_covariance_is_written_as_a_name() -> None:
    profile = MeanVariance.model_validate({"covariance": "sample", "cap": 0.1})
    assert (profile.covariance.name, profile.cap, profile.risk_aversion) == ("sample", 0.1, 5.0)


def test_bounds_are_the_constraints_that_were_given() -> None:
    profile = MeanVariance.model_validate({"cap": 0.1, "risk_aversion": 2, "turnover": 0.2})
    assert dict(profile.bounds) == {"cap": 0.1, "turnover": 0.2}
    assert dict(MeanVariance().bounds) == {}


@pytest.mark.parametrize(
    ("n", "riskiest", "expected"),
    [
        (1, 0.2, []),
        (2, 0.2, [1]),
        (5, 0.2, [4]),
        (6, 0.2, [4, 5]),
        (10, 0.3, [7, 8, 9]),
        (3, 0.9, [1, 2]),
    ],
)
def test_satellites_are_the_most_volatile(n: int, riskiest: float, expected: list[int]) -> None:
    chosen = Barbell(riskiest=riskiest).satellites(np.arange(1.0, n + 1))
    assert np.flatnonzero(chosen).tolist() == expected


def test_equal_volatilities_rank_in_the_order_of_the_atoms() -> None:
    assert Barbell(riskiest=0.5).satellites(np.ones(4)).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("market", "expected"),
    [
        ([0.01, -0.005] * 30, "rising"),
        ([-0.01, 0.005] * 30, "falling"),
        ([0.001, -0.001] * 25 + [0.05, -0.05] * 5, "turbulent"),
        ([0.05, -0.01] * 25 + [0.001, -0.001] * 5, "rising"),
        # Nothing won and nothing lost is no rise.
        ([0.0] * 30, "falling"),
        ([0.01] * 10, None),
    ],
)
def test_regimes_by_hand(market: list[float], expected: str | None) -> None:
    profile = Adaptive(recent=10)
    assert profile.regime(np.array(market)) == expected
    assert profile.regime(None) is None


def test_an_adaptive_profile_hands_its_constraints_on() -> None:
    profile = Adaptive.model_validate(
        {"cap": 0.3, "turnover": 0.5, "covariance": "sample", "falling": "equal_weight"}
    )
    inner = profile.within("turbulent")
    assert inner == PROFILES["min_variance"].model_validate(
        {"cap": 0.3, "turnover": 0.5, "covariance": "sample"}
    )
    assert profile.within("falling") == PROFILES["equal_weight"].model_validate(
        {"cap": 0.3, "turnover": 0.5, "covariance": "sample"}
    )


def test_equal_weights_are_estimated_for_a_target_volatility_alone() -> None:
    assert PROFILES["equal_weight"]().estimator is None
    aimed = PROFILES["equal_weight"].model_validate({"target_volatility": 0.1})
    assert aimed.estimator is not None
    assert PROFILES["market"]().estimator is None
