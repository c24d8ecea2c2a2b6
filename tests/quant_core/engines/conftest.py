"""Real estimates to solve on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from quant_core.covariance import CovarianceSpec, RollingCovariance
from quant_core.profiles import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGE = Path(__file__).parents[4] / "shared/data/equities/sp431_returns_2007_2016.csv.gz"


class Market:
    """Monthly windows of 252 days over a matrix of real returns."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.values = frame.to_numpy()
        months = frame.index.to_numpy().astype("datetime64[M]").astype(np.int64)
        self._rolling = RollingCovariance(self.values, months)
        starts = np.flatnonzero(np.diff(months)) + 1
        self.stops = [int(stop) for stop in starts if stop >= 252]

    def problem(self, stop: int, covariance: str = "ledoit_wolf", n: int | None = None) -> Problem:
        columns = np.arange(n or self.values.shape[1])
        spec = CovarianceSpec.model_validate(covariance)
        estimate = self._rolling.estimate(spec, slice(stop - 252, stop), columns)
        return Problem(estimate.mean, estimate.covariance, 0.0, estimate.shrinkage)


@pytest.fixture(autouse=True)
def _one_blas_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def small() -> Market:
    """20 S&P stocks, 1990 to 2022, as skfolio carries them."""
    datasets = pytest.importorskip("skfolio.datasets", reason="skfolio carries the sample prices")
    return Market(datasets.load_sp500_dataset().pct_change().iloc[1:])


@pytest.fixture(scope="session")
def large() -> Market:
    """431 S&P stocks and cash, 2007 to 2016."""
    if not LARGE.exists():
        pytest.skip(f"no {LARGE.name} in a folder shared/data beside the repository")
    return Market(pd.read_csv(LARGE, index_col=0, parse_dates=True))


@pytest.fixture
def random_problem() -> Callable[[int, int], Problem]:
    def make(n: int, seed: int = 0) -> Problem:
        rng = np.random.default_rng(seed)
        sample = rng.standard_normal((3 * n, 1)) * 0.01 + rng.standard_normal((3 * n, n)) * 0.01
        return Problem(rng.standard_normal(n) * 1e-3, np.cov(sample, rowvar=False))

    return make
