"""The nautilus simulator: figures worked out by hand, and the custom one on other input."""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import pytest

from quant_core.errors import DataError, SimulationError, UnavailableError
from quant_core.simulators import (
    Custom,
    DailyRebalance,
    DriftRebalance,
    Nautilus,
    Rebalance,
    SimulatedPath,
    WindowRebalance,
    simulate,
    simulate_apart,
)

REBALANCES = [WindowRebalance(), DailyRebalance(), DriftRebalance(threshold=0.02)]
FORMS = [Nautilus(), Nautilus(every_bar=True)]
NAN = np.nan


@pytest.fixture(autouse=True)
def _engine(request: pytest.FixtureRequest) -> None:
    if "absent" not in request.node.name:
        pytest.importorskip(
            "nautilus_trader", reason="nautilus_trader is not installed (extra simulators)"
        )


def path_of(
    values: list[list[float]],
    weights: list[list[float]],
    rows: list[int],
    rebalance: Rebalance | None = None,
    rate: float = 0.0,
) -> SimulatedPath:
    return simulate(
        Nautilus(),
        rebalance or WindowRebalance(),
        values=np.array(values),
        weights=np.array(weights),
        rows=np.array(rows),
        rate=rate,
    )


def random_case(seed: int, days: int = 90, columns: int = 5) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    values = draw.normal(0.0005, 0.03, (days, columns))
    values[draw.random(values.shape) < 0.05] = NAN
    rows = np.arange(4, days, 9)
    weights = draw.dirichlet(np.ones(columns), len(rows)) * draw.choice([0.6, 1.0], (len(rows), 1))
    weights[draw.random(weights.shape) < 0.3] = 0.0
    weights[draw.random(weights.shape) < 0.3] *= -1.0
    return {"values": values, "weights": weights, "rows": rows}


def assert_same(found: SimulatedPath, expected: SimulatedPath) -> None:
    assert (found.nav <= 0.0).tolist() == (expected.nav <= 0.0).tolist()
    np.testing.assert_allclose(found.nav, expected.nav, rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.turnover, expected.turnover, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.cost, expected.cost, rtol=0, atol=1e-14)


def test_a_path_by_hand() -> None:
    path = path_of(
        [[0.5, 0.5], [0.10, 0.0], [0.0, 0.0]], [[0.5, 0.25], [0.0, 1.0]], [0, 2], rate=0.01
    )
    # Day 0: buys 0.75 at 1 %. Day 1: 0.55 + 0.25 + 0.2425. Day 2: sells 0.55, buys 0.7925.
    np.testing.assert_allclose(path.nav, [0.9925, 1.0425, 1.0425 - 0.013425], rtol=1e-14)
    np.testing.assert_allclose(path.turnover, [0.375, 0, 1.3425 / 1.0425 / 2], rtol=1e-14)
    np.testing.assert_allclose(path.cost, [0.0075, 0, 0.013425 / 1.0425], rtol=1e-14)


def test_a_short_position_by_hand() -> None:
    path = path_of([[0.0], [-0.2], [0.5]], [[-0.5]], [0], rate=0.01)
    # Sells 0.5: cash 1.495, owing 0.5, then 0.4, then 0.6.
    np.testing.assert_allclose(path.nav, [0.995, 1.095, 0.895], rtol=1e-14)
    np.testing.assert_allclose(path.turnover, [0.25, 0.0, 0.0], rtol=1e-14)


def test_from_long_to_short_is_one_order() -> None:
    path = path_of([[0.0], [0.25], [0.2]], [[0.8], [-0.8]], [0, 1], rate=0.01)
    # V is 1.192 at row 1: from 1.0 to -0.9536 trades 1.9536; cash 0.192 + 1.9536 - 0.019536.
    np.testing.assert_allclose(path.nav[1:], [1.172464, 2.126064 - 0.9536 * 1.2], rtol=1e-14)


def test_daily_trades_by_hand() -> None:
    path = path_of([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]], [[0.5, 0.5]], [0], DailyRebalance(), 0.1)
    # Row 1: holdings 1.0 and 0.5, cash -0.1, so V = 1.4; trades to 0.7 each cost 0.1 * 0.5.
    np.testing.assert_allclose(path.cost[:2], [0.1, 0.05 / 1.4], rtol=1e-14)
    np.testing.assert_allclose(path.nav[:2], [0.9, 1.35], rtol=1e-14)


def test_what_is_bought_at_the_close_of_a_total_loss_earns_the_next_return() -> None:
    path = path_of([[0.0], [-1.0], [0.5]], [[0.5]], [0], DailyRebalance(), 0.01)
    # V is 0.495 at row 1, of which half is bought; 0.616275 at row 2, of which half is kept.
    np.testing.assert_allclose(
        path.nav, [0.995, 0.495 - 0.002475, 0.616275 - 0.01 * 0.0631125], rtol=1e-14
    )


@pytest.mark.parametrize("form", FORMS, ids=["rows that trade", "every bar"])
@pytest.mark.parametrize(
    ("values", "weights", "rows", "nav"),
    [
        ([[0.0], [-1.0], [0.5]], [[1.0], [1.0]], [0, 2], [1.0, 0.0, 0.0]),
        ([[0.0], [0.5], [3.0], [-0.9]], [[-0.6]], [0], [1.0, 0.7, 0.0, 0.0]),
        ([[0.1], [NAN], [0.2]], [[0.0]], [1], [1.0, 1.0, 1.0]),
        ([[NAN, 0.1], [0.1, NAN], [0.5, NAN]], [[0.5, 0.5]], [0], [1.0, 1.05, 1.325]),
    ],
    ids=["total loss", "short loss", "cash", "appears and dies"],
)
def test_paths_that_end_or_stand_still(
    form: Nautilus,
    values: list[list[float]],
    weights: list[list[float]],
    rows: list[int],
    nav: list[float],
) -> None:
    path = simulate(
        form,
        WindowRebalance(),
        values=np.array(values),
        weights=np.array(weights),
        rows=np.array(rows),
        rate=0.0,
    )
    np.testing.assert_allclose(path.nav, nav, rtol=1e-14)


@pytest.mark.parametrize("form", FORMS, ids=["rows that trade", "every bar"])
@pytest.mark.parametrize("rebalance", REBALANCES, ids=lambda rebalance: rebalance.name)
@pytest.mark.parametrize("rate", [0.0, 0.002])
def test_the_path_is_that_of_the_custom_simulator(
    form: Nautilus, rebalance: Rebalance, rate: float
) -> None:
    given = random_case(3)
    assert_same(
        simulate(form, rebalance, rate=rate, **given),
        simulate(Custom(), rebalance, rate=rate, **given),
    )


def test_prices_that_move_far_are_not_rounded() -> None:
    values = np.array([[0.0, 0.0], [1e12, -0.9999], [-0.99, 0.5], [1e5, -0.999], [0.1, 2.0]])
    given = {"values": values, "weights": np.array([[1e-6, 0.5]]), "rows": np.array([0])}
    for rebalance in REBALANCES:
        assert_same(
            simulate(Nautilus(), rebalance, rate=0.001, **given),
            simulate(Custom(), rebalance, rate=0.001, **given),
        )


def test_a_repeated_path_has_the_same_bytes_here_and_in_a_process_of_its_own() -> None:
    given = random_case(5, columns=12)
    digests = {
        hashlib.sha256(path.nav.tobytes() + path.cost.tobytes()).hexdigest()
        for path in (
            simulate(Nautilus(), DailyRebalance(), rate=0.001, **given),
            simulate(Nautilus(), DailyRebalance(), rate=0.001, **given),
            simulate_apart(Nautilus(), DailyRebalance(), rate=0.001, **given),
        )
    }
    assert len(digests) == 1


def test_it_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    path_of([[0.0], [0.1]], [[1.0]], [0], rate=0.001)
    assert capfd.readouterr() == ("", "")


def test_an_infinite_return_that_is_held_is_refused() -> None:
    with pytest.raises(DataError, match=r"infinite one at row 2 among the atoms held"):
        path_of([[0.0], [0.1], [np.inf]], [[1.0]], [0], DailyRebalance())


def test_an_infinite_return_that_is_not_held_moves_nothing() -> None:
    path = path_of([[0.0, np.inf], [0.1, np.inf], [0.1, 0.0]], [[0.5, 0.0]], [0], DailyRebalance())
    np.testing.assert_allclose(path.nav, [1.0, 1.05, 1.1025], rtol=1e-14)


def test_an_order_that_a_bar_without_volume_does_not_fill_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("quant_core.simulators._nautilus_session._VOLUME", 0.0)
    with pytest.raises(SimulationError, match=r"expected 1000.0 units .* found 0.0"):
        path_of([[0.0], [0.1]], [[1.0]], [0])


def test_what_the_engine_raises_is_a_failure_of_the_simulation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("quant_core.simulators._nautilus_session._VOLUME", -1.0)
    with pytest.raises(SimulationError, match="nautilus: ValueError: "):
        path_of([[0.0], [0.1]], [[1.0]], [0])


def test_absent_it_says_which_extra_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "quant_core.simulators._nautilus_session", None)
    with pytest.raises(UnavailableError, match="nautilus"):
        path_of([[0.0], [0.1]], [[1.0]], [0])
