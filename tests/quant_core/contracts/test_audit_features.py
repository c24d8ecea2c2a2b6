from __future__ import annotations

from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest

from quant_core.contracts import AuditRules, feature_drift

DAYS = np.datetime64("2021-01-01", "us") + np.arange(200).astype("timedelta64[D]")


def months(values: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return 200 days of two symbols in four parts, one of them empty."""
    dates = np.repeat(DAYS, 2)
    cuts = [0, 60, 60, 200, 400]
    return [(dates[first:after], values[first:after]) for first, after in pairwise(cuts)]


def noise() -> np.ndarray:
    return np.random.default_rng(3).normal(size=400)


def test_a_feature_like_its_history_is_a_note() -> None:
    found = feature_drift("momentum", months(noise()))
    assert found is not None
    assert (found.severity, found.symbol, found.count) == ("note", "momentum", 126)
    assert (found.first, found.last) == ("2021-05-18", "2021-07-19")


def test_a_feature_that_moves_away_is_a_warning() -> None:
    values = noise()
    values[-126:] += 2.0
    found = feature_drift("momentum", months(values))
    assert found is not None
    assert found.severity == "warn"
    assert found.value is not None
    assert found.value > 1.0
    assert found.text.startswith("momentum: stability index")
    assert found.text.endswith("against 274 values before")


def test_what_is_missing_is_no_value() -> None:
    values = noise()
    values[0], values[-1] = nan, inf
    found = feature_drift("momentum", months(values))
    assert found is not None
    assert found.count == 125


@pytest.mark.parametrize("recent", [100, 101])
def test_too_few_dates_say_nothing(recent: int) -> None:
    found = feature_drift("momentum", months(noise()), rules=AuditRules(recent=recent))
    assert (found is None) == (recent == 101)
    assert feature_drift("momentum", []) is None
    assert feature_drift("momentum", months(np.full(400, nan))) is None
