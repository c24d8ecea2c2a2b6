from __future__ import annotations

import numpy as np
import pytest

from quant_core.strategies import Panel, StrategyConfig, forward_returns
from tests.quant_core.strategies.conftest import STRATEGY

NAN = np.nan


@pytest.mark.parametrize(
    ("horizon", "expected"),
    [
        (1, [0.5, -0.5, 1.0, NAN]),
        (2, [-0.25, 0.0, NAN, NAN]),
        (3, [0.5, NAN, NAN, NAN]),
        (4, [NAN, NAN, NAN, NAN]),
        (9, [NAN, NAN, NAN, NAN]),
    ],
)
def test_a_label_is_the_return_of_the_next_rows(horizon: int, expected: list[float]) -> None:
    returns = np.array([[7.0], [0.5], [-0.5], [1.0]])
    np.testing.assert_allclose(forward_returns(returns, horizon)[:, 0], expected, rtol=1e-15)


def test_a_label_over_a_missing_return_is_missing() -> None:
    returns = np.array([[0.0], [0.1], [NAN], [0.1], [0.1]])
    found = forward_returns(returns, 2)[:, 0]
    np.testing.assert_array_equal(np.isnan(found), [True, True, False, True, True])


def panel_of(horizon: int, embargo: int, returns: np.ndarray) -> Panel:
    training = {"observations": 30, "validation": 8, "embargo": embargo}
    strategy = StrategyConfig(**{**STRATEGY, "horizon": horizon, "training": training})
    rows = np.arange(float(len(returns)))
    features = np.stack([rows, rows], axis=1)[:, None, :]
    return Panel.of(strategy, features, returns)


@pytest.mark.parametrize(
    ("horizon", "embargo", "last_train", "last_held"),
    [(1, 0, 20, 28), (1, 3, 17, 28), (3, 0, 18, 26), (5, 2, 14, 24)],
)
def test_no_label_reaches_what_is_held_out_nor_past_the_slice(
    horizon: int, embargo: int, last_train: int, last_held: int
) -> None:
    found = panel_of(horizon, embargo, np.zeros((30, 1)))
    np.testing.assert_array_equal(found.features[:, 0], np.arange(last_train + 1))
    np.testing.assert_array_equal(found.held_out[:, 0], np.arange(22, last_held + 1))
    assert last_train + horizon + embargo < 22
    assert last_held + horizon == 29


def test_what_is_held_out_changes_no_label_that_is_trained_on() -> None:
    drawn = np.random.default_rng(0).normal(0, 0.01, (30, 2))
    later = drawn.copy()
    later[22:] = 0.5
    one, other = (panel_of(3, 1, values[:, :1]) for values in (drawn, later))
    assert one.labels.tobytes() == other.labels.tobytes()
    assert one.outcomes.tobytes() != other.outcomes.tobytes()
