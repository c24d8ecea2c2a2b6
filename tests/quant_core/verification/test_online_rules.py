from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quant_core.engines import NativeEngine
from quant_core.profiles import Status
from quant_core.verification import _log_optimal
from quant_core.verification._exponential_gradient import exponential_gradient
from quant_core.verification._log_optimal import log_optimal

RELATIVES = arrays(np.float64, (30, 4), elements=st.floats(0.5, 2.0, width=32))


def growth(relatives: np.ndarray, weights: np.ndarray) -> float:
    return float(np.log(relatives @ weights).mean())


@pytest.mark.parametrize(
    ("relatives", "weights"),
    [
        # Cover's pair: cash, and a stock that doubles and halves in turns.
        ([[1.0, 2.0], [1.0, 0.5]], [0.5, 0.5]),
        # A bet at even odds that is won two times in three: the surplus is the stake (Kelly).
        ([[1.0, 2.0], [1.0, 2.0], [1.0, 0.0]], [2 / 3, 1 / 3]),
        # One that is always better is held alone.
        ([[1.1, 1.0, 0.9], [1.2, 1.0, 1.1]], [1.0, 0.0, 0.0]),
    ],
)
def test_the_best_constant_portfolio_of_a_small_past(
    relatives: list[list[float]], weights: list[float]
) -> None:
    found = log_optimal(np.array(relatives))
    np.testing.assert_allclose(found.weights, weights, atol=1e-9)
    assert found.residual <= 1e-12


@settings(max_examples=25, deadline=None)
@given(RELATIVES)
def test_no_constant_portfolio_grows_more(relatives: np.ndarray) -> None:
    found = log_optimal(relatives)
    assert found.residual <= 1e-9
    assert found.weights.min() >= 0.0
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)
    best = growth(relatives, found.weights)
    others = [*np.eye(4), np.full(4, 0.25), *np.random.default_rng(3).dirichlet(np.ones(4), 20)]
    assert max(growth(relatives, other) for other in others) <= best + 1e-9


def test_a_solve_without_an_answer_leaves_the_residual_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Failing(NativeEngine):
        def solve(self, profile, problem, *, warm=None):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            answer = super().solve(profile, problem, warm=warm)
            return type(answer)(answer.weights, Status.FAILED, "none")

    monkeypatch.setattr(_log_optimal, "NativeEngine", Failing)
    found = log_optimal(np.array([[1.0, 2.0], [1.0, 0.6]]))
    assert (found.steps, found.weights.tolist()) == (0, [0.5, 0.5])
    assert found.residual > 1e-3


def test_the_exponentiated_gradient_by_hand() -> None:
    found = exponential_gradient(np.array([[1.2, 0.8]]), rate=0.5)
    up, down = 0.5 * np.exp(0.5 * 1.2), 0.5 * np.exp(0.5 * 0.8)
    assert found[0].tolist() == [0.5, 0.5]
    np.testing.assert_allclose(found[1], [up / (up + down), down / (up + down)], rtol=1e-15)


def test_the_exponentiated_gradient_sees_nothing_of_the_future() -> None:
    relatives = np.random.default_rng(5).uniform(0.8, 1.2, (20, 3))
    other = relatives.copy()
    other[11:] = 1.0
    found, changed = (exponential_gradient(past, rate=0.05) for past in (relatives, other))
    np.testing.assert_array_equal(found[:12], changed[:12])
    assert (found[12] != changed[12]).any()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-14)
