"""Probabilistic and deflated Sharpe ratio: published examples and closed forms."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from quant_core.errors import DataError
from quant_core.statistics import (
    deflated_sharpe,
    expected_maximum_sharpe,
    probabilistic_sharpe,
)
from quant_core.statistics._normal import cumulative, quantile


def test_the_example_of_the_deflated_sharpe_paper() -> None:
    threshold = expected_maximum_sharpe(variance=0.5 / 250, trials=100)
    assert round(threshold, 4) == 0.1132
    probability = deflated_sharpe(
        2.5 / np.sqrt(250),
        observations=1250,
        skewness=-3.0,
        kurtosis=10.0,
        variance=0.5 / 250,
        trials=100,
    )
    assert round(float(probability), 4) == 0.9004


def test_under_normality_the_ratio_at_the_benchmark_has_even_odds() -> None:
    found = probabilistic_sharpe(
        [0.1, 0.1, 0.1],
        observations=101,
        skewness=0.0,
        kurtosis=3.0,
        benchmark=[0.1, 0.0, 0.2],
    )
    score = 0.1 * 10.0 / np.sqrt(1.0 + 0.5 * 0.01)
    np.testing.assert_allclose(found, [0.5, ndtr(score), ndtr(-score)], rtol=1e-14)


def test_negative_skewness_and_fat_tails_lower_the_probability() -> None:
    found = probabilistic_sharpe(
        0.1, observations=250, skewness=[0.0, -2.0, 0.0], kurtosis=[3.0, 3.0, 12.0]
    )
    assert found[1] < found[0]
    assert found[2] < found[0]


def test_one_trial_is_not_deflated() -> None:
    assert expected_maximum_sharpe(variance=0.3, trials=1) == 0.0
    arguments = {"observations": 300, "skewness": [-0.5], "kurtosis": [4.0]}
    np.testing.assert_array_equal(
        deflated_sharpe([0.05], variance=0.3, trials=1, **arguments),  # type: ignore[arg-type]
        probabilistic_sharpe([0.05], **arguments),  # type: ignore[arg-type]
    )


def test_more_trials_deflate_more() -> None:
    maxima = [expected_maximum_sharpe(variance=1.0, trials=n) for n in (1, 2, 10, 1000, 10**6)]
    assert maxima == sorted(maxima)
    # The expected maximum of 1,000 standard normals is 3.2414.
    np.testing.assert_allclose(maxima[3], 3.2414, atol=0.02)


def test_the_expected_maximum_is_what_worthless_trials_show() -> None:
    draws = np.random.default_rng(0).normal(0.0, 0.5, (4000, 50)).max(axis=1)
    found = expected_maximum_sharpe(variance=0.25, trials=50)
    np.testing.assert_allclose(found, draws.mean(), rtol=0.02)


@pytest.mark.parametrize(
    ("sharpe", "observations", "skewness", "kurtosis"),
    [
        (np.nan, 100, 0.0, 3.0),
        (0.1, 100, np.nan, 3.0),
        (0.1, 1, 0.0, 3.0),
        (0.1, 0, 0.0, 3.0),
        (2.0, 100, 3.0, 1.0),  # the estimated variance is negative
    ],
)
def test_undefined_is_nan(
    sharpe: float, observations: int, skewness: float, kurtosis: float
) -> None:
    found = probabilistic_sharpe(
        [sharpe, 0.1],
        observations=[observations, 100],
        skewness=[skewness, 0.0],
        kurtosis=[kurtosis, 3.0],
    )
    assert np.isnan(found).tolist() == [True, False]


@pytest.mark.parametrize(
    ("variance", "trials", "message"),
    [(0.1, 0, "trials"), (-0.1, 5, "variance"), (np.nan, 5, "variance"), (np.inf, 5, "variance")],
)
def test_wrong_parameters_are_refused(variance: float, trials: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        expected_maximum_sharpe(variance=variance, trials=trials)


def test_the_normal_distribution_equals_scipy() -> None:
    values = np.linspace(-8.0, 8.0, 161).reshape(7, 23)
    np.testing.assert_allclose(cumulative(values), ndtr(values), rtol=1e-13)
    for probability in (1e-6, 0.025, 0.5, 0.9, 1.0 - 1e-6):
        np.testing.assert_allclose(
            quantile(probability), ndtri(probability), rtol=1e-12, atol=1e-15
        )


def test_reading_the_statistics_brings_neither_compiler_nor_scipy() -> None:
    code = "import sys, quant_core.statistics; print(sorted({'numba', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
