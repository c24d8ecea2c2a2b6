from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.data import returns_from_prices
from quant_core.errors import DataError

NAN = float("nan")

CASES = [
    (["01-01", "01-02", "01-03"], [100, 110, 99], 10, [NAN, 0.1, -0.1]),
    (["01-01", "01-02", "01-03"], [NAN, 100, 110], 10, [NAN, NAN, 0.1]),
    (["01-01", "01-02", "01-03"], [100, NAN, 110], 10, [NAN, NAN, 0.1]),
    (["01-01", "01-11"], [100, 110], 10, [NAN, 0.1]),
    (["01-01", "01-12"], [100, 110], 10, [NAN, NAN]),
    (["01-01", "01-12"], [100, 110], 11, [NAN, 0.1]),
    (["01-01", "01-12", "01-13"], [100, 110, 121], 10, [NAN, NAN, 0.1]),
    (["01-01", "01-08", "01-12"], [100, NAN, 110], 10, [NAN, NAN, NAN]),
    (["01-01", "01-02", "01-03"], [100, 110, NAN], 10, [NAN, 0.1, NAN]),
    (["01-01", "01-02"], [NAN, NAN], 10, [NAN, NAN]),
    (["01-01"], [100], 10, [NAN]),
    ([], [], 10, []),
]


@pytest.mark.parametrize(("days", "prices", "gap", "expected"), CASES)
def test_returns_span_short_gaps_only(
    days: list[str], prices: list[float], gap: int, expected: list[float]
) -> None:
    dates = np.array([f"2020-{day}" for day in days], dtype="datetime64[us]")
    column = np.array(prices, dtype=np.float64).reshape(-1, 1)
    found = returns_from_prices(dates, column, max_gap_days=gap)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-12)


def test_dates_and_prices_must_match() -> None:
    with pytest.raises(DataError, match="2 dates for 1 rows"):
        returns_from_prices(
            np.array(["2020-01-01", "2020-01-02"], "datetime64[us]"), np.ones((1, 1))
        )


@settings(deadline=None)
@given(
    steps=st.lists(st.integers(1, 14), min_size=1, max_size=30),
    seed=st.integers(0, 1000),
    hole=st.floats(0, 0.9),
    gap=st.integers(1, 28),
)
def test_every_return_is_that_of_a_plain_loop(
    steps: list[int], seed: int, hole: float, gap: int
) -> None:
    random = np.random.default_rng(seed)
    days = np.cumsum(steps)
    dates = np.datetime64("2020-01-01", "us") + days.astype("timedelta64[D]")
    prices = random.uniform(1, 2, (len(days), 3))
    prices[random.random(prices.shape) < hole] = NAN
    expected = np.full(prices.shape, NAN)
    for column in range(3):
        last: int | None = None
        for row in range(len(days)):
            if np.isnan(prices[row, column]):
                continue
            if last is not None and days[row] - days[last] <= gap:
                expected[row, column] = prices[row, column] / prices[last, column] - 1.0
            last = row
    found = returns_from_prices(dates, prices, max_gap_days=gap)
    assert found.tobytes() == expected.tobytes()
