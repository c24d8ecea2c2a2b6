from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_core.champion import (
    Figure,
    friction_decay,
    mean_overlap,
    returns_before_costs,
    times_benchmark,
    widest_gap,
    widest_ratio,
    yearly_fragility,
)
from quant_core.simulators import Custom, DailyRebalance, WindowRebalance, simulate

NAN = math.nan
ANY = st.floats()


def days(first: str, count: int) -> np.ndarray:
    return np.datetime64(first, "D") + np.arange(count)


def with_sharpe(sharpe: float, count: int, periods: int) -> np.ndarray:
    """Return returns of an exact annual Sharpe ratio: mean +- 1 sample standard deviation."""
    swings = np.tile([0.01, -0.01], count // 2)
    return swings + sharpe / math.sqrt(periods) * swings.std(ddof=1)


@pytest.mark.parametrize(
    ("real", "ideal", "value", "why"),
    [
        (0.8, 1.0, 0.2, ""),
        (1.0, 1.0, 0.0, ""),
        (-0.5, 1.0, 1.5, ""),
        (1.1, 1.0, -0.1, ""),
        (0.1, 0.0, None, "undefined: the Sharpe ratio before costs is 0, not above 0"),
        (-0.2, -0.1, None, "undefined: the Sharpe ratio before costs is -0.1, not above 0"),
        (NAN, 1.0, None, "undefined: the Sharpe ratio is nan after costs, 1.0 before"),
        (1.0, math.inf, None, "undefined: the Sharpe ratio is 1.0 after costs, inf before"),
    ],
)
def test_friction_decay(real: float, ideal: float, value: float | None, why: str) -> None:
    found = friction_decay(real, ideal)
    assert found.missing == why
    assert found.value == (None if value is None else pytest.approx(value))


def test_fragility_counts_calendar_years() -> None:
    # 2000 is a leap year: Sharpe ratios 1 and 3 a year have mean 2 and deviation sqrt(2).
    returns = np.concatenate([with_sharpe(1.0, 366, 365), with_sharpe(3.0, 364, 365)])
    found = yearly_fragility(days("2000-01-01", 730), returns, periods_per_year=365)
    assert found.value == pytest.approx(math.sqrt(2) / 2, rel=1e-12)


def test_fragility_leaves_out_years_that_have_just_begun() -> None:
    years = [with_sharpe(9.0, 124, 365), with_sharpe(1.0, 366, 365), with_sharpe(3.0, 364, 365)]
    dates = np.concatenate([days("1999-08-30", 124), days("2000-01-01", 730)])
    found = yearly_fragility(dates, np.concatenate(years), periods_per_year=365)
    assert found.value == pytest.approx(math.sqrt(2) / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("returns", "why"),
    [
        (np.full(700, 0.01), "undefined: the returns of 2000 have no Sharpe ratio"),
        (np.zeros(0), "found 0"),
        (with_sharpe(1.0, 490, 365), "2 calendar years of 126 observations or more, found 1"),
    ],
)
def test_fragility_that_is_not_defined(returns: np.ndarray, why: str) -> None:
    found = yearly_fragility(days("2000-01-01", len(returns)), returns, periods_per_year=365)
    assert found.value is None
    assert why in found.missing


@pytest.mark.parametrize(
    ("windows", "value", "why"),
    [
        (["ab", "ab"], 1.0, ""),
        (["ab", "bc"], 1 / 3, ""),
        (["ab", "bc", "bc"], 2 / 3, ""),
        (["ab", "cd"], 0.0, ""),
        (["ab", ""], 0.0, ""),
        (["ab", "", ""], None, "undefined: windows 1 and 2 select nothing"),
        (["ab"], None, "undefined: expected at least two windows, found 1"),
    ],
)
def test_overlap_of_selections(windows: list[str], value: float | None, why: str) -> None:
    found = mean_overlap([(str(number), set(atoms)) for number, atoms in enumerate(windows)])
    assert found.missing == why
    assert found.value == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("own", "benchmark", "value", "why"),
    [
        (-0.03, -0.02, 1.5, ""),
        (-0.02, -0.02, 1.0, ""),
        (0.01, -0.02, -0.5, ""),
        (-0.03, None, None, "there is none"),
        (-0.03, 0.0, None, "undefined: -0.03, and the benchmark's is 0"),
        (-0.03, NAN, None, "undefined: -0.03, and the benchmark's is nan"),
        (NAN, -0.02, None, "undefined: nan, and the benchmark's is -0.02"),
    ],
)
def test_losses_beside_the_benchmark(
    own: float, benchmark: float | None, value: float | None, why: str
) -> None:
    found = times_benchmark(own, benchmark, "there is none")
    assert found.missing == why
    assert found.value == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("others", "value", "why"),
    [
        ({"one": Figure(0.11)}, 0.01, ""),
        ({"one": Figure(0.11), "two": Figure(0.08)}, 0.02, ""),
        ({}, None, "no other simulator is configured to agree with it"),
        ({"one": Figure(0.1), "two": Figure(None, "not installed")}, None, "two: not installed"),
        ({"one": Figure(NAN)}, None, "undefined: 0.1 and, by one, nan"),
    ],
)
def test_gap_between_simulators(others: dict[str, Figure], value: float | None, why: str) -> None:
    found = widest_gap(0.10, others)
    assert found.missing == why
    assert found.value == (None if value is None else pytest.approx(value))


@given(one=ANY, other=ANY)
def test_a_figure_is_finite_or_says_why_not(one: float, other: float) -> None:
    for found in (
        friction_decay(one, other),
        times_benchmark(one, other, "none"),
        widest_gap(one, {"other": Figure(other)}),
    ):
        assert (found.value is None) == bool(found.missing)


@pytest.mark.parametrize(
    ("others", "value", "why"),
    [
        ({}, None, "no other simulator is configured to agree with it"),
        ({"a": Figure(0.2), "b": Figure(0.7)}, 0.7, ""),
        ({"a": Figure(0.2), "b": Figure(None, "missing")}, None, "b: missing"),
        ({"a": Figure(1.2), "b": Figure(None, "missing")}, 1.2, ""),
    ],
)
def test_widest_ratio(others: dict[str, Figure], value: float | None, why: str) -> None:
    assert widest_ratio(others) == Figure(value, why)


@pytest.mark.parametrize("daily", [False, True])
def test_returns_before_costs_are_those_of_a_free_simulation(*, daily: bool) -> None:
    rng = np.random.default_rng(3)
    values, weights = rng.normal(0, 0.05, (60, 4)), rng.dirichlet(np.ones(4), 3) * 0.8
    rebalance = DailyRebalance() if daily else WindowRebalance()
    given = {"values": values, "weights": weights, "rows": np.array([0, 20, 41])}
    dear, free = (simulate(Custom(), rebalance, rate=rate, **given) for rate in (0.02, 0.0))
    found = returns_before_costs(dear.nav[None], dear.turnover[None], dear.cost[None])
    np.testing.assert_allclose(found[0], free.period_returns, rtol=0, atol=1e-14)
    assert not np.allclose(dear.period_returns, free.period_returns, rtol=0, atol=1e-6)


def test_nothing_is_earned_after_a_bankruptcy() -> None:
    nav, zero = np.array([[1.0, 0.0, 0.0]]), np.zeros((1, 3))
    assert returns_before_costs(nav, zero, zero).tolist() == [[0.0, -1.0, 0.0]]
