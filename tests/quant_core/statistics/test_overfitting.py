"""The probability of backtest overfitting: brute force, noise, the overfit and the good."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import linregress, rankdata

from quant_core.errors import DataError
from quant_core.statistics import probability_of_overfitting


def noise(seed: int, paths: int, days: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (paths, days))


def brute_force(paths: np.ndarray, blocks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bounds = [number * paths.shape[1] // blocks for number in range(blocks + 1)]
    rows = [np.arange(bounds[b], bounds[b + 1]) for b in range(blocks)]
    inside, outside, logits = [], [], []
    for half in combinations(range(blocks), blocks // 2):
        train = paths[:, np.concatenate([rows[b] for b in half])]
        test = paths[:, np.concatenate([rows[b] for b in range(blocks) if b not in half])]
        seen = train.mean(axis=1) / train.std(axis=1, ddof=1)
        unseen = test.mean(axis=1) / test.std(axis=1, ddof=1)
        best = int(np.argmax(seen))
        share = rankdata(unseen)[best] / (len(paths) + 1)
        inside.append(seen[best])
        outside.append(unseen[best])
        logits.append(np.log(share / (1.0 - share)))
    return np.array(inside), np.array(outside), np.array(logits)


@pytest.mark.parametrize(("blocks", "days"), [(2, 40), (4, 103), (8, 97), (16, 200)])
def test_it_equals_brute_force(blocks: int, days: int) -> None:
    paths = noise(blocks, 7, days) + 0.001
    found = probability_of_overfitting(paths, blocks=blocks)
    inside, outside, logits = brute_force(paths, blocks)
    # Splits come in pairs of a half and its complement: compare them as a set.
    order, other = np.argsort(found.in_sample), np.argsort(inside)
    np.testing.assert_allclose(found.in_sample[order], inside[other], rtol=1e-11)
    np.testing.assert_allclose(found.out_of_sample[order], outside[other], rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(found.logits[order], logits[other], rtol=1e-13, atol=1e-15)
    assert found.pbo == np.mean(logits <= 0.0)
    assert found.probability_of_loss == np.mean(outside < 0.0)
    line = linregress(inside, outside)
    np.testing.assert_allclose(
        [found.slope, found.intercept], [line.slope, line.intercept], rtol=1e-8
    )


def test_sixteen_blocks_have_all_their_splits() -> None:
    found = probability_of_overfitting(noise(0, 5, 64))
    assert len(found.logits) == 12_870


def test_noise_has_even_odds() -> None:
    found = [probability_of_overfitting(noise(s, 20, 160), blocks=8).pbo for s in range(60)]
    assert abs(float(np.mean(found)) - 0.5) < 0.06


def test_configurations_fitted_to_their_own_half_are_overfit() -> None:
    halves = list(combinations(range(8), 4))
    signs = np.array([[1.0 if block in half else -1.0 for block in range(8)] for half in halves])
    paths = 0.005 * np.repeat(signs, 30, axis=1) + noise(1, 70, 240) * 0.01
    found = probability_of_overfitting(paths, blocks=8)
    assert found.pbo == 1.0
    assert found.probability_of_loss == 1.0


def test_a_good_configuration_among_noise_is_not_overfit() -> None:
    paths = noise(2, 30, 480)
    paths[17] += 0.02
    found = probability_of_overfitting(paths)
    assert found.pbo == 0.0
    assert found.probability_of_loss == 0.0
    np.testing.assert_allclose(found.logits, np.log(30.0), rtol=1e-12)


def test_equal_configurations_share_their_rank() -> None:
    path = noise(3, 1, 80)
    found = probability_of_overfitting(np.repeat(path, 5, axis=0), blocks=4)
    assert found.logits.tolist() == [0.0] * 6
    assert found.pbo == 1.0


def test_the_order_of_configurations_does_not_count() -> None:
    paths = noise(4, 33, 200)
    order = np.random.default_rng(0).permutation(33)
    found = probability_of_overfitting(paths, blocks=8)
    permuted = probability_of_overfitting(paths[order], blocks=8)
    assert found.logits.tobytes() == permuted.logits.tobytes()
    assert found.out_of_sample.tobytes() == permuted.out_of_sample.tobytes()


def test_a_constant_configuration_is_never_the_best() -> None:
    paths = noise(5, 4, 80)
    with_constant = np.vstack([np.full(80, 0.001), np.zeros(80), paths - 0.01])
    found = probability_of_overfitting(with_constant, blocks=4)
    assert np.isfinite(found.in_sample).all()
    assert (found.in_sample < 0.0).all()


def test_the_histogram_counts_every_split() -> None:
    found = probability_of_overfitting(noise(6, 9, 80), blocks=6)
    counts, edges = found.histogram(10)
    assert counts.sum() == 20
    np.testing.assert_allclose(edges, -edges[::-1], atol=1e-12)
    flat = probability_of_overfitting(np.repeat(noise(7, 1, 80), 3, axis=0), blocks=4)
    assert flat.histogram()[0].sum() == 6


@pytest.mark.parametrize(
    ("shape", "blocks", "message"),
    [
        ((1, 100), 16, "at least 2 configurations"),
        ((100,), 16, "at least 2 configurations"),
        ((3, 31), 16, "at least 32 periods"),
        ((3, 100), 7, "even number"),
        ((3, 100), 0, "even number"),
        ((3, 100), 22, "even number"),
    ],
)
def test_wrong_input_is_refused(shape: tuple[int, ...], blocks: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        probability_of_overfitting(np.zeros(shape), blocks=blocks)


def test_a_missing_return_is_refused() -> None:
    paths = noise(8, 3, 100)
    paths[2, 7] = np.nan
    with pytest.raises(DataError, match="nan in path 2, row 7"):
        probability_of_overfitting(paths)
