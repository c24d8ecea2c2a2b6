from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quant_core.config import TournamentConfig
from quant_core.errors import UnavailableError
from quant_core.simulators import (
    REBALANCES,
    Custom,
    DailyRebalance,
    DriftRebalance,
    SimulatedPath,
    Vectorbt,
    WindowRebalance,
    simulate,
)
from quant_core.tournament import Prepared

if TYPE_CHECKING:
    from quant_core.simulators import Rebalance

RATE = 0.0006


@pytest.fixture(autouse=True)
def _engine() -> None:
    pytest.importorskip("vectorbt", reason="vectorbt is not installed (extra simulators)")


def paths(rebalance: Rebalance, rate: float, **given: np.ndarray) -> list[SimulatedPath]:
    return [simulate(one, rebalance, rate=rate, **given) for one in (Custom(), Vectorbt())]


def assert_same(found: SimulatedPath, expected: SimulatedPath) -> None:
    np.testing.assert_allclose(found.nav, expected.nav, rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.turnover, expected.turnover, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.cost, expected.cost, rtol=0, atol=1e-14)


@pytest.fixture(scope="module")
def real() -> dict[str, np.ndarray]:
    """Thirty years of twenty stocks, and weights that jump from month to month."""
    prepared = Prepared.of(TournamentConfig(data="sample"))
    windows = prepared.windows
    first = windows[0].test.start
    columns = prepared.inputs.investable[:20]
    values = prepared.inputs.matrix.values[first : windows[-1].test.stop, columns]
    weights = np.random.default_rng(0).dirichlet(np.full(20, 0.3), size=len(windows))
    weights[weights < 0.01] = 0.0
    return {
        "values": values,
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "rows": np.array([window.test.start - first for window in windows]),
    }


@pytest.mark.parametrize("rate", [0.0, RATE, 0.01])
@pytest.mark.parametrize("rebalance", REBALANCES)
def test_fully_invested_paths_are_those_of_the_custom_simulator(
    real: dict[str, np.ndarray], rebalance: str, rate: float
) -> None:
    expected, found = paths(REBALANCES[rebalance](), rate, **real)
    assert_same(found, expected)


def test_a_path_by_hand() -> None:
    _, path = paths(
        WindowRebalance(),
        0.01,
        values=np.array([[0.5, 0.5], [0.10, 0.0], [0.0, 0.0]]),
        weights=np.array([[0.5, 0.25], [0.0, 1.0]]),
        rows=np.array([0, 2]),
    )
    # Day 0: buys 0.75 at 1 %. Day 1: 0.55 + 0.25 + 0.2425. Day 2: sells 0.55, buys 0.7925.
    np.testing.assert_allclose(path.nav, [0.9925, 1.0425, 1.0425 - 0.013425], rtol=1e-12)
    np.testing.assert_allclose(path.turnover, [0.375, 0, 1.3425 / 1.0425 / 2], rtol=1e-12)
    np.testing.assert_allclose(path.cost, [0.0075, 0, 0.013425 / 1.0425], rtol=1e-12)


@pytest.mark.parametrize("rebalance", [WindowRebalance(), DailyRebalance(), DriftRebalance()])
def test_missing_observations_total_losses_and_windows_in_cash(rebalance: Rebalance) -> None:
    values = np.array([[np.nan, 0.0], [0.1, -1.0], [np.nan, 0.0], [0.2, 0.5], [0.1, 0.1]])
    weights = np.array([[0.4, 0.2], [0.0, 0.0], [0.5, 0.5]])
    expected, found = paths(rebalance, RATE, values=values, weights=weights, rows=np.arange(1, 4))
    np.testing.assert_allclose(found.nav, expected.nav, rtol=1e-10, atol=0)
    expected, found = paths(
        rebalance, RATE, values=values, weights=weights, rows=np.array([0, 2, 3])
    )
    np.testing.assert_allclose(found.nav, expected.nav, rtol=1e-10, atol=0)


def test_before_the_first_window_there_is_cash() -> None:
    _, path = paths(
        DailyRebalance(),
        RATE,
        values=np.full((3, 1), 0.1),
        weights=np.ones((0, 1)),
        rows=np.arange(0),
    )
    assert path.nav.tolist() == [1.0, 1.0, 1.0]


def test_without_vectorbt_it_says_which_extra_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Vectorbt().lack == ""
    monkeypatch.setitem(sys.modules, "vectorbt", None)
    given = {"values": np.ones((2, 1)), "weights": np.ones((1, 1)), "rows": np.array([0])}
    with pytest.raises(UnavailableError, match=r"install quant-assets\[simulators\]"):
        simulate(Vectorbt(), WindowRebalance(), rate=0.0, **given)
