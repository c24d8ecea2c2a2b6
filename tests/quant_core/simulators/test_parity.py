"""Every simulator on the same weights: one path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.simulators import (
    Custom,
    Cvxportfolio,
    DailyRebalance,
    DriftRebalance,
    SimulatedPath,
    Simulator,
    Vectorbt,
    WindowRebalance,
    simulate,
)
from quant_core.simulators._reference import simulate_reference

if TYPE_CHECKING:
    from quant_core.simulators import Rebalance

REBALANCES = [WindowRebalance(), DailyRebalance(), DriftRebalance()]
OTHERS: list[Simulator] = [Vectorbt(), Cvxportfolio()]
NAN = np.nan


@dataclass(frozen=True)
class Scenario:
    """Returns of T days, and the weights of windows that begin at some rows."""

    name: str
    values: list[list[float]]
    weights: list[list[float]]
    rows: list[int]
    bankrupt: int | None = None


MOVES = [[0.02, -0.01, 0.03], [-0.04, 0.05, 0.01], [0.3, -0.2, 0.1], [0.01, 0.02, -0.15]]

SCENARIOS = [
    Scenario("drifting", MOVES * 2, [[0.2, 0.3, 0.5], [0.6, 0.0, 0.4]], [1, 5]),
    Scenario("fully invested in one asset", MOVES, [[0.0, 1.0, 0.0]], [0]),
    Scenario("long and short", MOVES * 2, [[0.5, -0.3, 0.1], [-0.2, 0.4, -0.4]], [0, 4]),
    Scenario("short only", MOVES * 2, [[-0.5, -0.3, -0.2]], [2]),
    Scenario("from long to short", MOVES * 2, [[1.0, 0, 0], [-1.0, 0, 0], [0, 0, 1.0]], [0, 3, 6]),
    Scenario("partly in cash", MOVES, [[0.1, 0.1, 0.0]], [0]),
    Scenario("windows in cash", MOVES * 2, [[0.5, 0.5, 0], [0, 0, 0], [0, 0.2, 0.7]], [0, 3, 6]),
    Scenario("cash alone", MOVES, [[0.0, 0.0, 0.0]], [1]),
    Scenario(
        "a total loss",
        [[0.1, 0.0, 0.0], [-1.0, 0.1, 0.0], [0.5, 0.1, 0.2], [0.1, -1.0, 0.1], [0.2, 0.3, 0.4]],
        [[0.3, 0.3, 0.3], [0.5, 0.2, 0.0]],
        [0, 3],
    ),
    Scenario("a short total gain", [[0.0], [-1.0], [0.5], [-0.1]], [[-0.6]], [0]),
    Scenario("a total loss of everything", [[0.0], [-1.0], [0.5]], [[1.0], [1.0]], [0, 2], 1),
    Scenario(
        "a total loss that rounding hides",
        [[0.0] * 3, [-1.0] * 3, [0.1] * 3],
        [[0.1, 0.2, 0.7]],
        [0],
        1,
    ),
    Scenario("a short loss of everything", [[0.0], [0.5], [3.0], [-0.9]], [[-0.6]], [0], 2),
    Scenario(
        "asset appears",
        [[0.1, NAN], [0.1, NAN], [0.1, 0.2], [0.1, -0.3], [-0.2, 0.1]],
        [[0.9, 0.0], [0.4, 0.6]],
        [0, 2],
    ),
    Scenario(
        "asset dies while held",
        [[0.1, 0.1], [0.1, 0.2], [0.1, NAN], [0.1, NAN], [-0.2, NAN], [0.1, NAN]],
        [[0.4, 0.6], [1.0, 0.0]],
        [0, 4],
    ),
    Scenario(
        "a billionth is left of an asset, again and again",
        MOVES * 3,
        [[0.5, 0.5, 0], [3e-10, 1 - 4e-10, 1e-10], [0.5, -4e-10, 0.4], [2e-10, 0.3, 3e-10]],
        [0, 3, 6, 9],
    ),
    Scenario("traded on the last day", MOVES, [[0.3, 0.3, -0.3]], [3]),
    Scenario("no window", MOVES, [], []),
]


def paths(
    rebalance: Rebalance, rate: float, **shape: np.ndarray
) -> tuple[SimulatedPath, list[SimulatedPath]]:
    expected = simulate_reference(rebalance, rate=rate, **shape)
    every: list[Simulator] = [Custom(), *OTHERS]
    return expected, [simulate(one, rebalance, rate=rate, **shape) for one in every]


def assert_same(found: SimulatedPath, expected: SimulatedPath) -> None:
    assert (found.nav <= 0.0).tolist() == (expected.nav <= 0.0).tolist()
    np.testing.assert_allclose(found.nav, expected.nav, rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.turnover, expected.turnover, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found.cost, expected.cost, rtol=0, atol=1e-12)


@pytest.fixture(autouse=True, scope="module")
def _engines() -> None:
    for name in ("vectorbt", "cvxportfolio"):
        pytest.importorskip(name, reason=f"{name} is not installed (extra simulators)")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("rebalance", REBALANCES, ids=lambda rebalance: rebalance.name)
def test_scenario(scenario: Scenario, rebalance: Rebalance) -> None:
    columns = len(scenario.values[0])
    expected, found = paths(
        rebalance,
        0.01,
        values=np.array(scenario.values),
        weights=np.array(scenario.weights).reshape(-1, columns),
        rows=np.array(scenario.rows, dtype=np.int64),
    )
    for path in found:
        assert_same(path, expected)
    ruined = np.flatnonzero(expected.nav <= 0.0)
    assert (int(ruined[0]) if len(ruined) else None) == scenario.bankrupt


@pytest.mark.parametrize("rebalance", REBALANCES, ids=lambda rebalance: rebalance.name)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rate=st.sampled_from([0.0, 0.001, 0.05, 0.3]),
    volatility=st.sampled_from([0.02, 0.3]),
    shorts=st.sampled_from([0.0, 0.5]),
    losses=st.sampled_from([0.0, 0.03]),
)
def test_random_paths(
    rebalance: Rebalance, seed: int, rate: float, volatility: float, shorts: float, losses: float
) -> None:
    draw = np.random.default_rng(seed)
    days, columns, windows = draw.integers(5, 40), draw.integers(1, 7), draw.integers(1, 5)
    values = draw.normal(0.0, volatility, (days, columns)).clip(-0.95, 5.0)
    values[draw.random(values.shape) < 0.05] = NAN
    values[draw.random(values.shape) < losses] = -1.0
    weights = draw.dirichlet(np.ones(columns), windows) * draw.choice([0.5, 1.0], (windows, 1))
    weights[draw.random(weights.shape) < 0.3] = 0.0
    weights[draw.random(weights.shape) < shorts] *= -1.0
    rows = np.sort(draw.choice(days, windows, replace=False))
    expected, found = paths(rebalance, rate, values=values, weights=weights, rows=rows)
    for path in found:
        assert_same(path, expected)
