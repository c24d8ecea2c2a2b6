from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from quant_core.covariance._estimate import condition_number


def covariance(n: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(252, n))
    return 0.9 * np.atleast_2d(np.cov(drawn, rowvar=False)) + 0.1 * np.eye(n)


@pytest.mark.parametrize("n", [1, 2, 25, 200])
def test_the_estimate_is_that_of_lapack(n: int) -> None:
    matrix = covariance(n, n)
    factor, _ = lapack.dpotrf(matrix, lower=0)
    reciprocal, _ = lapack.dpocon(factor, np.abs(matrix).sum(axis=0).max())
    assert condition_number(matrix) == pytest.approx(1 / reciprocal, rel=1e-12)


@pytest.mark.parametrize("n", [25, 200, 431])
def test_where_memory_lies_moves_no_bit(n: int) -> None:
    drawn, matrix, found = np.random.default_rng(1), covariance(n, 7), set()
    with threadpool_limits(1):
        for _ in range(60):
            kept = [np.empty(size) for size in drawn.integers(1, 2000, 12)]
            found.add(condition_number(matrix.copy()))
            kept.clear()
    assert len(found) == 1
