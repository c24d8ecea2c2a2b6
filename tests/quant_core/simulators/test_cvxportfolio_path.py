"""The adapter of cvxportfolio: by hand, against its own back-test, and where it is missing."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from quant_core.errors import UnavailableError
from quant_core.simulators import Cvxportfolio, DailyRebalance, WindowRebalance, simulate

RATE = 0.01


@pytest.fixture(autouse=True)
def _engine() -> None:
    pytest.importorskip("cvxportfolio", reason="cvxportfolio is not installed (extra simulators)")


def test_a_path_by_hand() -> None:
    path = simulate(
        Cvxportfolio(),
        WindowRebalance(),
        values=np.array([[0.5, 0.5], [0.10, -0.1], [0.0, 0.0]]),
        weights=np.array([[0.5, -0.25], [0.0, 1.0]]),
        rows=np.array([0, 2]),
        rate=RATE,
    )
    # Day 0: buys 0.5 and sells 0.25, cash 0.7425. Day 1: 0.55 - 0.225 + 0.7425.
    # Day 2: sells 0.55, buys 1.0675 + 0.225.
    np.testing.assert_allclose(path.nav, [0.9925, 1.0675, 1.0675 - 0.018425], rtol=1e-14)
    np.testing.assert_allclose(path.turnover, [0.375, 0, 1.8425 / 1.0675 / 2], rtol=1e-14)
    np.testing.assert_allclose(path.cost, [0.0075, 0, 0.018425 / 1.0675], rtol=1e-14)


@pytest.mark.filterwarnings("ignore:'d' is deprecated")  # how cvxportfolio spells a day
def test_rows_that_trade_alone_give_the_path_of_its_back_test() -> None:
    import cvxportfolio as cvx

    draw = np.random.default_rng(2)
    values = draw.normal(0.0, 0.05, (25, 3))
    weights, rows = np.array([[0.5, 0.3, -0.2], [0.0, 0.4, 0.6]]), np.array([0, 11])
    times = pd.date_range("2000-01-01", periods=25, freq="D")
    names = ["a", "b", "c", "cash"]
    forward = np.zeros((25, 4))
    forward[:-1, :3] = values[1:]
    targets = np.column_stack([weights, 1.0 - weights.sum(axis=1)])
    back_test = cvx.MarketSimulator(
        market_data=cvx.UserProvidedMarketData(
            returns=pd.DataFrame(forward, times, names),
            cash_key="cash",
            min_history=pd.Timedelta(0, "D"),
        ),
        costs=[cvx.TransactionCost(a=RATE)],
        round_trades=False,
    ).backtest(cvx.FixedWeights(pd.DataFrame(targets, times[rows], names)), initial_value=1)
    path = simulate(
        Cvxportfolio(), WindowRebalance(), values=values, weights=weights, rows=rows, rate=RATE
    )
    # Its value on a row that trades is that before costs.
    before_costs = path.nav / (1.0 - path.cost)
    np.testing.assert_allclose(before_costs, back_test.v.to_numpy(), rtol=1e-13)


def test_estimates_grow_with_the_rows_that_trade() -> None:
    shape = {"days": 2_500, "windows": 100, "atoms": 25}
    window, daily = (
        Cvxportfolio().seconds(one, **shape) for one in (WindowRebalance(), DailyRebalance())
    )
    assert 10 * window < daily


def test_without_it_the_error_says_which_extra_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Cvxportfolio().lack == ""
    assert Cvxportfolio().release
    monkeypatch.setitem(sys.modules, "cvxportfolio", None)
    assert Cvxportfolio().release == ""
    given = {"values": np.ones((2, 1)), "weights": np.ones((1, 1)), "rows": np.array([0])}
    with pytest.raises(UnavailableError, match=r"install quant-assets\[simulators\]"):
        simulate(Cvxportfolio(), WindowRebalance(), rate=0.0, **given)
