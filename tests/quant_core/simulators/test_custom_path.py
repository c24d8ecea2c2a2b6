"""The custom simulator: figures worked out by hand, and the reference on random input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.simulators import (
    Custom,
    DailyRebalance,
    DriftRebalance,
    Rebalance,
    SimulatedPath,
    WindowRebalance,
    simulate,
)
from quant_core.simulators._reference import simulate_reference

REBALANCES = [WindowRebalance(), DailyRebalance(), DriftRebalance(), DriftRebalance(threshold=0.0)]


def path_of(
    values: list[list[float]],
    weights: list[list[float]],
    rows: list[int],
    rebalance: Rebalance | None = None,
    rate: float = 0.0,
) -> SimulatedPath:
    return simulate(
        Custom(),
        rebalance or WindowRebalance(),
        values=np.array(values),
        weights=np.array(weights),
        rows=np.array(rows),
        rate=rate,
    )


def random_case(
    seed: int, days: int, columns: int, windows: int, shorts: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    values = draw.normal(0.0003, 0.02, (days, columns))
    values[draw.random(values.shape) < 0.05] = np.nan
    weights = draw.dirichlet(np.ones(columns), windows) * draw.choice([0.6, 1.0], (windows, 1))
    weights[draw.random(weights.shape) < 0.4] = 0.0
    weights[draw.random(weights.shape) < shorts] *= -1.0
    rows = np.sort(draw.choice(days, windows, replace=False))
    return values, weights, rows


def test_the_first_row_of_a_window_is_earned_by_what_was_held_before() -> None:
    path = path_of([[0.5], [0.1], [0.2]], [[1.0]], [1])
    np.testing.assert_allclose(path.nav, [1.0, 1.0, 1.2], rtol=1e-15)
    np.testing.assert_allclose(path.turnover, [0.0, 0.5, 0.0], rtol=1e-15)


def test_holdings_carry_over_and_the_old_ones_earn_the_first_row_of_the_next_window() -> None:
    path = path_of([[0.0, 0.0], [0.1, 0.5], [0.5, 0.2]], [[1.0, 0.0], [0.0, 1.0]], [0, 1])
    np.testing.assert_allclose(path.nav, [1.0, 1.1, 1.1 * 1.2], rtol=1e-15)
    np.testing.assert_allclose(path.turnover, [0.5, 1.0, 0.0], rtol=1e-15)


def test_cost_is_sized_on_the_value_before_it_and_paid_from_cash() -> None:
    path = path_of([[0.0], [0.1], [0.1]], [[1.0]], [0], rate=0.01)
    # 1 is invested, cash is -0.01, and the holding alone earns.
    np.testing.assert_allclose(path.nav, [0.99, 1.1 - 0.01, 1.21 - 0.01], rtol=1e-15)
    np.testing.assert_allclose(path.cost, [0.01, 0.0, 0.0], rtol=1e-15)


def test_weights_below_one_leave_cash_without_interest() -> None:
    path = path_of([[0.0], [0.5]], [[0.4]], [0])
    np.testing.assert_allclose(path.nav, [1.0, 0.6 + 0.4 * 1.5], rtol=1e-15)


def test_daily_trades_back_to_the_weights_at_every_close() -> None:
    path = path_of([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]], [[0.5, 0.5]], [0], DailyRebalance(), 0.1)
    # Row 1: holdings 1.0 and 0.5, cash -0.1, so V = 1.4; trades to 0.7 each cost 0.1 * 0.5.
    np.testing.assert_allclose(path.cost[:2], [0.1, 0.05 / 1.4], rtol=1e-14)
    np.testing.assert_allclose(path.turnover[:2], [0.5, 0.25 / 1.4], rtol=1e-14)
    np.testing.assert_allclose(path.nav[:2], [0.9, 1.35], rtol=1e-14)


@pytest.mark.parametrize(
    ("jump", "trades"),
    [(0.10, False), (0.22, False), (0.23, True)],  # drift .0238, .0495, .0516
)
def test_drift_trades_only_beyond_the_threshold(jump: float, *, trades: bool) -> None:
    path = path_of([[0.0, 0.0], [jump, 0.0]], [[0.5, 0.5]], [0], DriftRebalance())
    assert bool(path.turnover[1] > 0.0) is trades


def test_a_missing_observation_leaves_the_holding_where_it_is() -> None:
    path = path_of([[0.0], [np.nan], [0.1]], [[1.0]], [0])
    np.testing.assert_allclose(path.nav, [1.0, 1.0, 1.1], rtol=1e-15)


def test_a_bankrupt_path_stays_at_zero() -> None:
    path = path_of([[0.0], [-1.0], [0.5], [0.1]], [[1.0], [1.0]], [0, 2], DailyRebalance(), 0.001)
    assert path.nav.tolist() == [0.999, 0.0, 0.0, 0.0]
    assert path.turnover.tolist() == [0.5, 0.0, 0.0, 0.0]
    np.testing.assert_allclose(path.period_returns, [-0.001, -1.0, 0.0, 0.0], rtol=1e-13)


def test_a_cost_that_takes_everything_is_a_bankruptcy() -> None:
    path = path_of([[0.0], [0.5]], [[1.0]], [0], rate=1.0)
    assert path.nav.tolist() == [0.0, 0.0]


def test_no_window_is_a_path_of_cash() -> None:
    path = simulate(
        Custom(),
        DailyRebalance(),
        values=np.full((3, 2), 0.1),
        weights=np.empty((0, 2)),
        rows=np.empty(0, np.int64),
        rate=0.01,
    )
    assert path.nav.tolist() == [1.0, 1.0, 1.0]
    assert path.cost.tolist() == [0.0, 0.0, 0.0]


def test_a_short_position_earns_what_the_asset_loses() -> None:
    path = path_of([[0.0], [-0.2], [0.5]], [[-0.5]], [0], rate=0.01)
    # Sells 0.5: cash 1.495, owing 0.5, then 0.4, then 0.6.
    np.testing.assert_allclose(path.nav, [0.995, 1.095, 0.895], rtol=1e-15)
    np.testing.assert_allclose(path.turnover, [0.25, 0.0, 0.0], rtol=1e-15)


def test_a_short_position_is_traded_back_to_its_weight() -> None:
    path = path_of([[0.0, 0.0], [0.5, 0.1]], [[-0.4, 0.5]], [0], DailyRebalance(), 0.1)
    # Row 1: owing 0.6, holding 0.55, cash 0.9 - 0.09 = 0.81, so V = 0.76; targets -0.304, 0.38.
    np.testing.assert_allclose(path.nav, [0.91, 0.76 - 0.1 * (0.296 + 0.17)], rtol=1e-14)
    np.testing.assert_allclose(path.cost, [0.09, 0.0466 / 0.76], rtol=1e-14)


def test_a_short_position_may_lose_more_than_everything() -> None:
    path = path_of([[0.0], [0.5], [3.0], [-0.9]], [[-0.6], [0.5]], [0, 3], rate=0.001)
    # Owing 0.6, 0.9, then 3.6 against cash of 1.5994: nothing is left, and nothing is traded.
    np.testing.assert_allclose(path.nav, [0.9994, 0.6994, 0.0, 0.0], rtol=1e-14)
    assert path.turnover.tolist() == [0.3, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("left", [0.0, 1e-17, -1e-17, 1e-10])
def test_a_residue_of_rounding_is_a_bankruptcy(left: float) -> None:
    values = [[0.0, 0.0, 0.0], [-1.0, -1.0, -1.0 + left], [0.5, 0.5, 0.5]]
    path = path_of(values, [[0.1, 0.2, 0.7]], [0], DailyRebalance())
    assert path.nav[1:].tolist() == [0.0, 0.0]


def test_what_is_bought_at_the_close_of_a_total_loss_earns_the_next_return() -> None:
    path = path_of([[0.0], [-1.0], [0.5]], [[0.5]], [0], DailyRebalance(), 0.01)
    # V is 0.495 at row 1 and 0.2475 is bought: cash 0.495 - 0.2475 - 0.002475.
    np.testing.assert_allclose(path.nav[:2], [0.995, 0.495 - 0.002475], rtol=1e-14)
    np.testing.assert_allclose(path.turnover[1], 0.25, rtol=1e-14)
    # Row 2: 0.37125 + 0.245025 = 0.616275, of which half is kept.
    np.testing.assert_allclose(path.nav[2], 0.616275 - 0.01 * 0.0631125, rtol=1e-14)


@pytest.mark.parametrize("rebalance", REBALANCES, ids=repr)
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    days=st.integers(20, 150),
    columns=st.integers(1, 40),
    windows=st.integers(1, 8),
    rate=st.sampled_from([0.0, 0.001, 0.02]),
    shorts=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_the_kernel_equals_the_reference(
    rebalance: Rebalance,
    seed: int,
    days: int,
    columns: int,
    windows: int,
    rate: float,
    shorts: float,
) -> None:
    values, weights, rows = random_case(seed, days, columns, windows, shorts)
    found = simulate(Custom(), rebalance, values=values, weights=weights, rows=rows, rate=rate)
    expected = simulate_reference(rebalance, values=values, weights=weights, rows=rows, rate=rate)
    np.testing.assert_allclose(found.nav, expected.nav, rtol=1e-12)
    np.testing.assert_allclose(found.turnover, expected.turnover, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found.cost, expected.cost, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rebalance", REBALANCES, ids=repr)
def test_a_column_never_held_moves_no_bit(rebalance: Rebalance) -> None:
    values, weights, rows = random_case(7, 300, 37, 10)
    alone = simulate(Custom(), rebalance, values=values, weights=weights, rows=rows, rate=0.001)
    places = [0, 5, 5, 20, 37]
    wide = simulate(
        Custom(),
        rebalance,
        values=np.insert(values, places, 0.7, axis=1),
        weights=np.insert(weights, places, 0.0, axis=1),
        rows=rows,
        rate=0.001,
    )
    assert alone.nav.tobytes() == wide.nav.tobytes()
    assert alone.cost.tobytes() == wide.cost.tobytes()


@pytest.mark.parametrize("rebalance", REBALANCES, ids=repr)
def test_later_rows_move_no_bit_of_earlier_ones(rebalance: Rebalance) -> None:
    values, weights, rows = random_case(11, 300, 37, 10)
    whole = simulate(Custom(), rebalance, values=values, weights=weights, rows=rows, rate=0.001)
    known = rows < 200
    part = simulate(
        Custom(),
        rebalance,
        values=values[:200],
        weights=weights[known],
        rows=rows[known],
        rate=0.001,
    )
    assert whole.nav[:200].tobytes() == part.nav.tobytes()


def test_read_only_and_fortran_ordered_input_give_the_same_path() -> None:
    values, weights, rows = random_case(3, 100, 12, 4)
    frozen = values.copy()
    frozen.flags.writeable = False
    plain = simulate(
        Custom(), DailyRebalance(), values=values, weights=weights, rows=rows, rate=0.001
    )
    other = simulate(
        Custom(),
        DailyRebalance(),
        values=frozen,
        weights=np.asfortranarray(weights),
        rows=rows.astype(np.int32),
        rate=0.001,
    )
    assert plain.nav.tobytes() == other.nav.tobytes()


@pytest.mark.parametrize("rebalance", REBALANCES, ids=repr)
def test_value_is_conserved_without_costs_and_returns(rebalance: Rebalance) -> None:
    _, weights, rows = random_case(5, 60, 9, 6)
    path = simulate(
        Custom(), rebalance, values=np.zeros((60, 9)), weights=weights, rows=rows, rate=0.0
    )
    np.testing.assert_allclose(path.nav, 1.0, rtol=1e-14)


def test_period_returns_compound_to_the_nav() -> None:
    values, weights, rows = random_case(9, 80, 6, 5)
    path = simulate(
        Custom(), WindowRebalance(), values=values, weights=weights, rows=rows, rate=0.002
    )
    np.testing.assert_allclose(np.cumprod(1.0 + path.period_returns), path.nav, rtol=1e-13)
