"""The profiles as a configuration writes them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pydantic import ValidationError

from quant_core.profiles import PROFILES, MeanVariance


def test_registry_is_sorted_and_names_agree() -> None:
    assert list(PROFILES) == [
        "equal_weight",
        "hrp",
        "market",
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
    assert hasattr(profile, "cap") == profile.needs_covariance


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
        ("equal_weight", {"cap": 0.1}, "Extra inputs"),
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
