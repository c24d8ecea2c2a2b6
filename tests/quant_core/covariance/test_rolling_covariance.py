"""Rolling estimates: equal to a fresh one to the byte, and to the textbook."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_core.covariance import CovarianceSpec, RollingCovariance
from quant_core.errors import DataError

SPECS = [
    CovarianceSpec(name="sample"),
    CovarianceSpec(name="ledoit_wolf"),
    CovarianceSpec(name="ewma", halflife=21.0),
]


def market(rows: int = 400, n: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((rows, 1)) * 0.01
    values = common * rng.uniform(0.5, 1.5, n) + rng.standard_normal((rows, n)) * 0.01
    return values, np.sort(rng.integers(-3, rows // 20, rows))


def textbook(spec: CovarianceSpec, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Each definition as its paper states it."""
    rows, n = x.shape
    centred = x - x.mean(axis=0)
    if spec.name == "sample":
        return centred.T @ centred / (rows - 1), 0.0
    if spec.name == "ewma":
        assert spec.halflife is not None
        weights = 0.5 ** (np.arange(rows)[::-1] / spec.halflife)
        weights /= weights.sum()
        centred = x - weights @ x
        return (weights[:, None] * centred).T @ centred, 0.0
    sample = centred.T @ centred / rows
    target = np.trace(sample) / n * np.eye(n)
    noise = sum(((np.outer(row, row) - sample) ** 2).sum() for row in centred) / rows**2
    distance = ((sample - target) ** 2).sum()
    shrinkage = min(noise, distance) / distance
    return (1 - shrinkage) * sample + shrinkage * target, shrinkage


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_equals_the_textbook(spec: CovarianceSpec) -> None:
    values, blocks = market()
    rolling = RollingCovariance(values, blocks)
    for start, stop in [(0, 400), (17, 269), (399 - 60, 399), (3, 5)]:
        estimate = rolling.estimate(spec, slice(start, stop), np.arange(12))
        covariance, shrinkage = textbook(spec, values[start:stop])
        np.testing.assert_allclose(estimate.covariance, covariance, rtol=1e-11, atol=1e-17)
        np.testing.assert_allclose(estimate.mean, values[start:stop].mean(axis=0), atol=1e-17)
        assert estimate.shrinkage == pytest.approx(shrinkage, abs=1e-13)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_rolling_equals_fresh_to_the_byte(spec: CovarianceSpec) -> None:
    values, blocks = market()
    rolling = RollingCovariance(values, blocks)
    stops = [*range(130, 400, 7), 200, 399, 131, 400, 130]
    for stop in stops:
        train, chosen = slice(stop - 126, stop), np.array([0, 3, 4, 11])
        kept = rolling.estimate(spec, train, chosen)
        fresh = RollingCovariance(values, blocks).estimate(spec, train, chosen)
        # Only the slice and the columns asked for: no history, no future, no neighbours.
        alone = RollingCovariance(values[train][:, chosen], blocks[train]).estimate(
            spec, slice(0, 126), np.arange(4)
        )
        for other in (fresh, alone):
            assert kept.covariance.tobytes() == other.covariance.tobytes()
            assert kept.mean.tobytes() == other.mean.tobytes()
            assert kept.shrinkage == other.shrinkage


@settings(max_examples=40, deadline=None)
@given(
    blocks=st.lists(st.integers(-40, 40), min_size=4, max_size=60).map(sorted),
    cut=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    seed=st.integers(0, 99),
)
def test_any_calendar_and_any_slice(blocks: list[int], cut: tuple[int, int], seed: int) -> None:
    rows = len(blocks)
    start = cut[0] % (rows - 1)
    stop = start + 2 + cut[1] % (rows - start - 1)
    values = np.random.default_rng(seed).standard_normal((rows, 3))
    rolling = RollingCovariance(values, np.array(blocks))
    rolling.estimate(SPECS[0], slice(0, rows), np.arange(3))
    kept = rolling.estimate(SPECS[0], slice(start, stop), np.arange(3))
    alone = RollingCovariance(values[start:stop], np.array(blocks[start:stop])).estimate(
        SPECS[0], slice(0, stop - start), np.arange(3)
    )
    assert kept.covariance.tobytes() == alone.covariance.tobytes()
    np.testing.assert_allclose(
        kept.covariance, np.cov(values[start:stop], rowvar=False), rtol=1e-11, atol=1e-14
    )


def test_ledoit_wolf_equals_scikit_learn() -> None:
    from sklearn.covariance import LedoitWolf

    for n in (5, 40, 300):
        values, blocks = market(n=n)
        estimate = RollingCovariance(values, blocks).estimate(
            SPECS[1], slice(100, 352), np.arange(n)
        )
        expected = LedoitWolf().fit(values[100:352])
        scale = np.abs(expected.covariance_).max()
        assert np.abs(estimate.covariance - expected.covariance_).max() < 1e-14 * scale
        assert estimate.shrinkage == pytest.approx(expected.shrinkage_, abs=1e-14)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_scale_and_large_means_do_not_cancel(scale: float, offset: float) -> None:
    values, blocks = market()
    plain = RollingCovariance(values, blocks).estimate(SPECS[1], slice(0, 252), np.arange(12))
    moved = RollingCovariance((values + offset) * scale, blocks).estimate(
        SPECS[1], slice(0, 252), np.arange(12)
    )
    # Adding the offset rounds the returns themselves: 1e6 * 2.2e-16 against a spread of 0.01.
    tolerance = 1e-7 if offset else 1e-12
    error = np.abs(moved.covariance / scale**2 - plain.covariance).max()
    assert error < tolerance * np.abs(plain.covariance).max()


@pytest.mark.parametrize("spec", SPECS[::2], ids=lambda spec: spec.name)
def test_a_constant_column_has_no_variance_at_all(spec: CovarianceSpec) -> None:
    values, blocks = market()
    values[:, 5] = 0.1
    estimate = RollingCovariance(values, blocks).estimate(spec, slice(3, 300), np.arange(12))
    assert (estimate.covariance[5] == 0).all()
    assert estimate.mean[5] == 0.1
    assert estimate.condition_number == np.inf


def test_all_constant_is_finite() -> None:
    rolling = RollingCovariance(np.full((30, 3), 0.2), np.arange(30) // 10)
    for spec in SPECS:
        estimate = rolling.estimate(spec, slice(0, 30), np.arange(3))
        assert (estimate.covariance == 0).all()
        assert estimate.shrinkage == 0.0


def test_a_gap_in_a_neighbour_changes_nothing() -> None:
    values, blocks = market()
    holed = values.copy()
    holed[::3, 7] = np.nan
    columns = np.array([0, 1, 2, 11])
    for spec in SPECS:
        clean = RollingCovariance(values, blocks).estimate(spec, slice(9, 261), columns)
        beside = RollingCovariance(holed, blocks).estimate(spec, slice(9, 261), columns)
        assert clean.covariance.tobytes() == beside.covariance.tobytes()


def test_condition_number_is_that_of_the_1_norm() -> None:
    values, blocks = market()
    estimate = RollingCovariance(values, blocks).estimate(SPECS[0], slice(0, 252), np.arange(12))
    assert estimate.condition_number == pytest.approx(
        np.linalg.cond(estimate.covariance, 1), rel=0.2
    )


def test_more_columns_than_rows_is_singular() -> None:
    values, blocks = market(n=80)
    estimate = RollingCovariance(values, blocks).estimate(SPECS[0], slice(0, 40), np.arange(80))
    assert estimate.condition_number == np.inf


def test_nodes_kept_are_bounded_by_the_window() -> None:
    values, _ = market(rows=2000)
    rolling = RollingCovariance(values, np.arange(2000) // 21)
    for stop in [*range(252, 2000, 21), *range(1990, 252, -50)]:
        rolling.estimate(SPECS[0], slice(stop - 252, stop), np.arange(12))
        assert len(rolling._trees[1.0]._nodes) <= 26  # noqa: SLF001 - the bound is the point


@pytest.mark.parametrize(
    ("train", "columns", "words"),
    [
        (slice(0, 1), [0], "at least 2"),
        (slice(0, 401), [0], "of the 400 rows"),
        (slice(-5, 20), [0], r"found \[-5, 20\)"),
        (slice(0, 20), [12], "below 12"),
        (slice(0, 20), [3, 2], "increasing"),
        (slice(0, 20), [], "increasing"),
    ],
)
def test_wrong_slices_are_refused(train: slice, columns: list[int], words: str) -> None:
    rolling = RollingCovariance(*market())
    with pytest.raises(DataError, match=words):
        rolling.estimate(SPECS[0], train, np.array(columns, dtype=np.int64))


def test_wrong_calendars_are_refused() -> None:
    values, blocks = market()
    with pytest.raises(DataError, match="must not decrease"):
        RollingCovariance(values, blocks[::-1])
    with pytest.raises(DataError, match=r"found \(400, 12\) and \(399,\)"):
        RollingCovariance(values, blocks[1:])
