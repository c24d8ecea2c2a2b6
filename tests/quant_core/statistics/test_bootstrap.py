"""The stationary bootstrap: the resampled paths themselves, and the coverage of the interval."""

from __future__ import annotations

import numpy as np
import pytest

from quant_core.errors import DataError
from quant_core.statistics import bootstrap_sharpe_interval
from quant_core.statistics._bootstrap import _draw


def noise(seed: int, paths: int, days: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.01, (paths, days))


@pytest.mark.parametrize("mean_block", [1.0, 5.0, 300.0])
def test_it_equals_resampling_the_paths(mean_block: float) -> None:
    paths = noise(0, 3, 90, 0.0005)
    blocks = _draw(90, 40, mean_block, 7)
    ratios = []
    for draw in range(40):
        pieces = [
            (blocks.starts[b] + np.arange(blocks.lengths[b])) % 90
            for b in range(blocks.offsets[draw], blocks.offsets[draw + 1])
        ]
        sample = paths[:, np.concatenate(pieces)]
        assert sample.shape == (3, 90)
        ratios.append((sample.mean(axis=1) - 0.0001) / sample.std(axis=1, ddof=1))
    expected = np.quantile(ratios, [0.05, 0.95], axis=0) * np.sqrt(252)
    found = bootstrap_sharpe_interval(
        paths,
        periods_per_year=252,
        seed=7,
        risk_free=0.0001,
        draws=40,
        mean_block=mean_block,
        level=0.9,
    )
    np.testing.assert_allclose([found.low, found.high], expected, rtol=1e-10)


def test_blocks_have_the_mean_length_asked_for_and_start_anywhere() -> None:
    blocks = _draw(2000, 200, 20.0, 1)
    np.testing.assert_allclose(blocks.lengths.mean(), 20.0, rtol=0.05)
    np.testing.assert_allclose(blocks.starts.mean(), 1000.0, rtol=0.02)
    assert blocks.starts.min() >= 0
    assert blocks.starts.max() < 2000
    assert blocks.lengths.sum() == 200 * 2000


def test_the_interval_covers_the_true_ratio() -> None:
    paths = noise(1, 400, 500, 0.001)
    found = bootstrap_sharpe_interval(paths, periods_per_year=1.0, seed=3, draws=400, mean_block=5)
    coverage = float(np.mean((found.low <= 0.1) & (found.high >= 0.1)))
    assert 0.91 <= coverage <= 0.98


def test_blocks_widen_the_interval_of_a_trending_path() -> None:
    draw = np.random.default_rng(2).normal(0.0, 0.01, 2020)
    path = np.convolve(draw, np.ones(20) / 20.0, mode="valid")[None, :]
    width = {
        block: np.ptp(
            bootstrap_sharpe_interval(path, periods_per_year=252, seed=0, mean_block=block)
        )
        for block in (1.0, 40.0)
    }
    assert width[40.0] > 2.5 * width[1.0]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    paths = noise(4, 70, 120)
    one, again, other = (
        bootstrap_sharpe_interval(paths, periods_per_year=252, seed=seed, draws=50)
        for seed in (1, 1, 2)
    )
    assert one.low.tobytes() == again.low.tobytes()
    assert one.low.tobytes() != other.low.tobytes()


def test_one_path_alone_has_the_bits_it_has_among_many() -> None:
    paths = noise(5, 130, 120)
    found = bootstrap_sharpe_interval(paths, periods_per_year=252, seed=1, draws=60)
    for place in (0, 63, 64, 129):
        alone = bootstrap_sharpe_interval(
            paths[place : place + 1], periods_per_year=252, seed=1, draws=60
        )
        assert alone.low.tobytes() == found.low[place].tobytes()
        assert alone.high.tobytes() == found.high[place].tobytes()


def test_a_constant_path_has_no_interval() -> None:
    paths = np.vstack([np.zeros(137), np.full(137, 0.0123), noise(6, 1, 137)])
    found = bootstrap_sharpe_interval(paths, periods_per_year=252, seed=1, draws=50)
    assert np.isnan(found.low).tolist() == [True, True, False]
    assert np.isnan(found.high).tolist() == [True, True, False]


def test_no_path_gives_no_interval() -> None:
    found = bootstrap_sharpe_interval(np.empty((0, 10)), periods_per_year=252, seed=1, draws=5)
    assert found.low.shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"returns": np.zeros(10)}, "returns: expected shape"),
        ({"returns": np.zeros((2, 1))}, "T at least 2"),
        ({"returns": np.full((2, 5), np.nan)}, "nan in path 0, row 0"),
        ({"draws": 0}, "draws"),
        ({"mean_block": 0.5}, "mean_block"),
        ({"level": 1.0}, "level"),
    ],
)
def test_wrong_input_is_refused(change: dict[str, object], message: str) -> None:
    arguments = {"returns": np.zeros((2, 10)), "periods_per_year": 252, "seed": 1} | change
    with pytest.raises(DataError, match=message):
        bootstrap_sharpe_interval(**arguments)  # type: ignore[arg-type]
