from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from quant_core.contracts import kolmogorov_smirnov, population_stability


@pytest.mark.parametrize(("m", "n", "shift"), [(500, 63, 0.0), (500, 63, 0.5), (80, 40, 3.0)])
def test_the_distance_of_scipy(m: int, n: int, shift: float) -> None:
    rng = np.random.default_rng(m + n)
    old, new = rng.normal(size=m), rng.normal(size=n) + shift
    peer = ks_2samp(old, new, method="asymp")
    distance, chance = kolmogorov_smirnov(old, new)
    assert distance == pytest.approx(peer.statistic, abs=1e-15)
    # Stephens' correction moves the p-value by a few per cent of itself at these sizes.
    assert chance == pytest.approx(peer.pvalue, rel=0.35, abs=1e-12)


def test_ties_and_the_same_sample() -> None:
    same = np.array([0.0, 0.0, 1.0, 2.0])
    assert kolmogorov_smirnov(same, same) == (0.0, 1.0)
    assert kolmogorov_smirnov(np.zeros(30), np.ones(30))[0] == 1.0


def test_the_stability_index_by_hand() -> None:
    # Two bins that hold one half each of the history, and 1/4 and 3/4 of the sample.
    history, sample = np.arange(8.0), np.array([0.0, 7.0, 6.0, 5.0])
    expected = (0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5)
    assert population_stability(history, sample, bins=2) == pytest.approx(expected, abs=1e-15)
    assert population_stability(history, history) == 0.0
    # An empty bin counts as 1e-4, so the index is finite.
    assert population_stability(history, np.full(4, 7.0), bins=2) == pytest.approx(
        (1e-4 - 0.5) * np.log(1e-4 / 0.5) + 0.5 * np.log(2.0), rel=1e-12
    )
