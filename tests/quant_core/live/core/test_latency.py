from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.live import Latencies


@given(
    st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=200),
    st.sampled_from([0.001, 0.5, 0.9, 0.99, 0.999, 1.0]),
)
def test_a_quantile_is_never_too_low_and_at_most_one_percent_too_high(
    seconds: list[float], share: float
) -> None:
    latencies = Latencies()
    for part in np.array_split(np.array(seconds), 3):
        latencies.add(part)
    exact = sorted(seconds)[max(1, math.ceil(share * len(seconds))) - 1]
    (found,) = latencies.quantiles([share])
    assert exact * (1 - 1e-6) <= found <= exact * 1.0101
    assert len(latencies) == len(seconds)
    assert latencies.longest == max(seconds)


def test_without_durations_there_is_no_quantile() -> None:
    assert math.isnan(Latencies().quantiles([0.5])[0])


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9, 1e9])
def test_durations_out_of_range_are_counted(seconds: float) -> None:
    latencies = Latencies()
    latencies.add(np.array([seconds]))
    assert len(latencies) == 1
    assert latencies.quantiles([1.0])[0] <= max(seconds, 1e-6)
