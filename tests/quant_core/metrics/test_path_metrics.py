"""Path metrics: figures by hand, plain numpy and empyrical; undefined is NaN."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.errors import DataError
from quant_core.metrics import (
    DEFINITIONS,
    concentration,
    fragility,
    path_metrics,
    window_metrics,
)

YEAR = 252.0
NAMES = set(path_metrics(np.zeros((0, 3)), periods_per_year=YEAR))


def random_paths(seed: int, paths: int, days: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(4, (paths, days)) * 0.01


def spelled_out(r: np.ndarray, free: float) -> dict[str, float]:
    """The definitions in plain numpy, one path at a time."""
    nav = np.cumprod(1.0 + r)
    centred = r - r.mean()
    second = np.mean(centred**2)
    ordered = np.sort(r)
    cagr = nav[-1] ** (YEAR / len(r)) - 1.0
    deepest = np.min(nav / np.maximum.accumulate(np.maximum(nav, 1.0)) - 1.0, initial=0.0)
    ratio = (r.mean() - free) / r.std(ddof=1)
    return {
        "sharpe": ratio * np.sqrt(YEAR),
        "sharpe_period": ratio,
        "sortino": (r.mean() - free)
        / np.sqrt(np.mean(np.minimum(r - free, 0.0) ** 2))
        * np.sqrt(YEAR),
        "calmar": cagr / abs(deepest),
        "cagr": cagr,
        "volatility": r.std(ddof=1) * np.sqrt(YEAR),
        "max_drawdown": deepest,
        "total_return": nav[-1] - 1.0,
        "var_95": np.quantile(r, 0.05),
        "cvar_95": ordered[: int(0.05 * (len(r) - 1)) + 1].mean(),
        "hit_rate": np.sum(r > 0) / np.sum(r != 0),
        "skewness": np.mean(centred**3) / second**1.5,
        "kurtosis": np.mean(centred**4) / second**2,
    }


def test_figures_by_hand() -> None:
    found = path_metrics(np.array([[0.1, -0.5, 0.2, 0.0]]), periods_per_year=4)
    expected = {
        "total_return": 1.1 * 0.5 * 1.2 - 1.0,
        "cagr": 1.1 * 0.5 * 1.2 - 1.0,
        "max_drawdown": -0.5,
        "calmar": -0.34 / 0.5,
        "volatility": 2.0 * np.sqrt((0.15**2 + 0.45**2 + 0.25**2 + 0.05**2) / 3.0),
        "var_95": -0.5 + 0.15 * 0.5,
        "cvar_95": -0.5,
        "hit_rate": 2.0 / 3.0,
        "sortino": -0.05 / 0.25 * 2.0,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], [value], rtol=1e-13, err_msg=name)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), days=st.integers(3, 400), free=st.sampled_from([0.0, 0.0002])
)
def test_figures_equal_plain_numpy(seed: int, days: int, free: float) -> None:
    paths = random_paths(seed, 3, days)
    paths[:, 0] = -0.01  # a loss in every path, so that every ratio is defined
    found = path_metrics(paths, periods_per_year=YEAR, risk_free=free)
    for place, path in enumerate(paths):
        for name, value in spelled_out(path, free).items():
            np.testing.assert_allclose(
                found[name][place], value, rtol=1e-9, atol=1e-13, err_msg=name
            )


def test_figures_equal_empyrical() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns at import about what is not installed
        import empyrical  # noqa: PLC0415 - the filter comes first
    paths = random_paths(1, 20, 1000)
    found = path_metrics(paths, periods_per_year=YEAR, risk_free=0.0001)
    peers = {
        "sharpe": lambda r: empyrical.sharpe_ratio(r, risk_free=0.0001),
        "sortino": lambda r: empyrical.sortino_ratio(r, required_return=0.0001),
        "calmar": empyrical.calmar_ratio,
        "cagr": empyrical.annual_return,
        "volatility": empyrical.annual_volatility,
        "max_drawdown": empyrical.max_drawdown,
        "total_return": empyrical.cum_returns_final,
        "var_95": empyrical.value_at_risk,
        "cvar_95": empyrical.conditional_value_at_risk,
    }
    for name, peer in peers.items():
        expected = [peer(path) for path in paths]
        np.testing.assert_allclose(found[name], expected, rtol=1e-11, err_msg=name)


@pytest.mark.parametrize("value", [0.0, 0.001, -0.001, 0.1])
def test_a_constant_path_has_no_ratios_over_its_spread(value: float) -> None:
    found = path_metrics(np.full((1, 50), value), periods_per_year=YEAR)
    assert found["volatility"].tolist() == [0.0]
    for name in ("sharpe", "sharpe_period", "skewness", "kurtosis"):
        assert np.isnan(found[name]).all(), name
    assert found["var_95"].tolist() == [value]
    np.testing.assert_allclose(found["cvar_95"], value, rtol=1e-15)


def test_a_path_of_zeros_has_no_drawdown_and_no_ratio_to_it() -> None:
    found = path_metrics(np.zeros((1, 10)), periods_per_year=YEAR)
    assert found["max_drawdown"].tolist() == [0.0]
    assert found["cagr"].tolist() == [0.0]
    for name in ("calmar", "sortino", "hit_rate"):
        assert np.isnan(found[name]).all(), name


def test_one_observation_defines_levels_and_no_spread() -> None:
    found = path_metrics(np.array([[-0.02]]), periods_per_year=1.0)
    for name in ("sharpe", "sharpe_period", "volatility", "skewness", "kurtosis"):
        assert np.isnan(found[name]).all(), name
    for name in ("total_return", "cagr", "max_drawdown", "var_95", "cvar_95"):
        np.testing.assert_allclose(found[name], -0.02, rtol=1e-13, err_msg=name)


def test_no_observation_defines_nothing() -> None:
    found = path_metrics(np.empty((2, 0)), periods_per_year=YEAR)
    assert all(np.isnan(values).all() and values.shape == (2,) for values in found.values())


def test_ruin_is_a_loss_of_everything_and_below_it_no_rate_of_growth() -> None:
    ruined = path_metrics(np.array([[0.1, -1.0, 0.0]]), periods_per_year=YEAR)
    assert ruined["cagr"].tolist() == [-1.0]
    assert ruined["max_drawdown"].tolist() == [-1.0]
    below = path_metrics(np.array([[0.1, -1.5, 0.0]]), periods_per_year=YEAR)
    assert np.isnan(below["cagr"]).all()
    assert np.isnan(below["calmar"]).all()


def test_a_figure_too_large_for_a_float_is_nan_and_not_infinite() -> None:
    found = path_metrics(np.array([[4.0, 4.0, 3.0]]), periods_per_year=1e6)
    assert np.isnan(found["cagr"]).all()


def test_ties_at_the_quantile_count_once_each() -> None:
    path = np.array([-0.03] * 5 + [0.01] * 95)
    found = path_metrics(path[None, :], periods_per_year=YEAR)
    np.testing.assert_allclose(found["var_95"], np.quantile(path, 0.05), rtol=1e-13)
    np.testing.assert_allclose(found["cvar_95"], -0.03, rtol=1e-13)


@pytest.mark.parametrize("days", [1, 2, 20, 21, 22, 41, 1000])
@pytest.mark.parametrize("shape", ["rising", "falling", "spike", "two_values"])
def test_the_quantile_of_awkward_paths(days: int, shape: str) -> None:
    line = np.linspace(-0.1, 0.1, days)
    path = {
        "rising": line,
        "falling": line[::-1],
        "spike": np.where(np.arange(days) == days // 2, -0.9, 0.001),
        "two_values": np.where(np.arange(days) % 2 == 0, -0.01, 0.01),
    }[shape]
    found = path_metrics(path[None, :], periods_per_year=YEAR)
    count = int(0.05 * (days - 1)) + 1
    np.testing.assert_allclose(found["var_95"], np.quantile(path, 0.05), rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(
        found["cvar_95"], np.sort(path)[:count].mean(), rtol=1e-12, atol=1e-16
    )


def test_permuting_the_paths_permutes_the_bits() -> None:
    paths = random_paths(2, 40, 333)
    order = np.random.default_rng(0).permutation(40)
    found = path_metrics(paths, periods_per_year=YEAR)
    permuted = path_metrics(paths[order], periods_per_year=YEAR)
    for name, values in found.items():
        assert values[order].tobytes() == permuted[name].tobytes(), name


def test_one_path_alone_has_the_bits_it_has_among_many() -> None:
    paths = random_paths(3, 12, 251)
    found = path_metrics(paths, periods_per_year=YEAR)
    for place, path in enumerate(paths):
        alone = path_metrics(path[None, :], periods_per_year=YEAR)
        for name, values in found.items():
            assert values[place].tobytes() == alone[name][0].tobytes(), name


def test_a_window_has_the_bits_of_its_own_rows() -> None:
    paths = random_paths(4, 5, 100)
    starts = np.array([3, 20, 41, 99])
    found = window_metrics(paths, starts, periods_per_year=YEAR, risk_free=0.0001)
    for window, (first, last) in enumerate([(3, 20), (20, 41), (41, 99), (99, 100)]):
        alone = path_metrics(paths[:, first:last], periods_per_year=YEAR, risk_free=0.0001)
        for name, values in found.items():
            assert values.shape == (5, 4)
            assert values[:, window].tobytes() == alone[name].tobytes(), name


def test_a_window_behind_the_last_row_is_undefined() -> None:
    found = window_metrics(np.zeros((2, 10)), np.array([0, 10]), periods_per_year=YEAR)
    assert np.isnan(found["total_return"][:, 1]).all()
    assert found["total_return"][:, 0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_return_that_is_not_finite_is_refused(value: float) -> None:
    paths = np.zeros((3, 4))
    paths[1, 2] = value
    with pytest.raises(DataError, match="in path 1, row 2"):
        path_metrics(paths, periods_per_year=YEAR)


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        (np.array([3, 3]), "strictly increasing"),
        (np.array([-1, 3]), "strictly increasing"),
        (np.array([3, 11]), r"in \[0, 10\]"),
        (np.array([1.0]), "integers"),
    ],
)
def test_wrong_starts_are_refused(starts: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        window_metrics(np.zeros((2, 10)), starts, periods_per_year=YEAR)


def test_wrong_parameters_are_refused() -> None:
    with pytest.raises(DataError, match="returns: expected shape"):
        path_metrics(np.zeros(4), periods_per_year=YEAR)
    with pytest.raises(DataError, match="periods_per_year"):
        path_metrics(np.zeros((1, 4)), periods_per_year=0.0)
    with pytest.raises(DataError, match="risk_free"):
        path_metrics(np.zeros((1, 4)), periods_per_year=YEAR, risk_free=np.nan)


def test_every_figure_is_defined_in_words() -> None:
    assert set(DEFINITIONS) >= NAMES
    assert len(NAMES) == 13
    for definition in DEFINITIONS.values():
        assert definition.formula
        assert definition.unit
        assert definition.source


def test_concentration_and_fragility() -> None:
    assert concentration(np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]])) == 0.5
    assert np.isnan(concentration(np.empty((0, 2))))
    sharpe = np.array([[1.0, 3.0, np.nan], [1.0, -1.0, np.nan], [1.0, np.nan, np.nan]])
    found = fragility(sharpe)
    np.testing.assert_allclose(found[0], np.sqrt(2.0) / 2.0, rtol=1e-15)
    assert np.isnan(found[1:]).all()


def test_reading_the_definitions_brings_no_compiler() -> None:
    code = "import sys, quant_core.metrics; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
