"""Minimum variance, solved natively and by the peers, on the same windows in one run.

    python benchmarks/solvers.py --returns FILE [--seconds 20]

FILE is a wide CSV or Parquet of daily returns with the dates in front. Every solver gets the same
Ledoit-Wolf covariance of 252 days; skfolio's ``fit`` estimates its own, so native is also printed
with its rolling estimate included. BLAS has one thread for all. Peers that are not installed are
named and left out.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from quant_core.covariance import CovarianceSpec, RollingCovariance
from quant_core.engines import NativeEngine
from quant_core.profiles import MinVariance, Problem

DAYS = 252
SIZES = (20, 100, 431)
SPEC = CovarianceSpec(name="ledoit_wolf")

type Solve = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass
class Timing:
    """Seconds of each solve, and how good the weights were."""

    seconds: list[float] = field(default_factory=list)
    gap: float = 0.0
    kkt: float = 0.0

    def record(
        self, seconds: float, weights: np.ndarray, covariance: np.ndarray, best: float
    ) -> None:
        """Add one solve."""
        self.seconds.append(seconds)
        slope = covariance @ weights
        variance = float(weights @ slope)
        # Not held, or the marginal variance is the portfolio's: the lesser violation.
        natural = np.minimum(weights / weights.max(), slope / variance - 1)
        self.gap = max(self.gap, variance / best - 1)
        self.kkt = max(self.kkt, float(np.abs(natural).max()))


def read(path: Path) -> pd.DataFrame:
    """Return a wide table of returns."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, index_col=0, parse_dates=True)


def timed(function: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    """Return what a call returns, and its seconds."""
    began = time.perf_counter()
    result = function()
    return result, time.perf_counter() - began


def skfolio_fit() -> Solve:
    """Return skfolio's estimator, default solver."""
    from skfolio.moments import LedoitWolf
    from skfolio.optimization import MeanRisk
    from skfolio.prior import EmpiricalPrior

    def solve(values: np.ndarray, _: np.ndarray) -> np.ndarray:
        model = MeanRisk(prior_estimator=EmpiricalPrior(covariance_estimator=LedoitWolf()))
        return np.asarray(model.fit(values).weights_)

    return solve


def piqp_dense() -> Solve:
    """Return PIQP on the dense problem, set up and solved."""
    import piqp  # noqa: PLC0415 - a peer

    def solve(_: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        n = len(covariance)
        solver = piqp.DenseSolver()
        scaled = covariance / np.diag(covariance).mean()
        ones, nothing = np.ones((1, n)), np.zeros(n)
        solver.setup(P=scaled, c=nothing, A=ones, b=np.ones(1), x_l=nothing, x_u=np.ones(n))
        solver.solve()
        return np.asarray(solver.result.x)

    return solve


def cvxpy_parametrised(n: int) -> Solve:
    """Return a cvxpy problem, compiled once, with the factor as its parameter."""
    import cvxpy

    x, factor = cvxpy.Variable(n, nonneg=True), cvxpy.Parameter((n, n))
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(factor @ x)), [cvxpy.sum(x) == 1])

    def solve(_: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        factor.value = np.linalg.cholesky(covariance / np.diag(covariance).mean()).T
        problem.solve(solver="CLARABEL")
        return np.asarray(x.value)

    return solve


def peers(n: int) -> dict[str, Solve]:
    """Return the peers that are installed."""
    makers: dict[str, tuple[str, Callable[[], Solve]]] = {
        "skfolio MeanRisk.fit": ("skfolio", skfolio_fit),
        "PIQP dense": ("piqp", piqp_dense),
        "cvxpy DPP, Clarabel": ("cvxpy", lambda: cvxpy_parametrised(n)),
    }
    found = {}
    for name, (module, make) in makers.items():
        if find_spec(module) is None:
            print(f"  {name}: not installed, left out")
        else:
            found[name] = make()
    return found


def measure(values: np.ndarray, months: np.ndarray, seconds: float) -> dict[str, Timing]:
    """Solve window after window with everyone."""
    n = values.shape[1]
    others = peers(n)
    timings = {
        name: Timing() for name in ("native, warm", "native, cold", "native + estimate", *others)
    }
    engine, profile, warm = NativeEngine(), MinVariance(), None
    rolling, columns = RollingCovariance(values, months), np.arange(n)
    stops = [int(stop) for stop in np.flatnonzero(np.diff(months)) + 1 if stop >= DAYS]
    spent = dict.fromkeys(others, 0.0)
    for number, stop in enumerate(stops):
        train = slice(stop - DAYS, stop)
        began = time.perf_counter()
        estimate = rolling.estimate(SPEC, train, columns)
        problem = Problem(estimate.mean, estimate.covariance, sound=True)
        estimated = time.perf_counter()
        solution = engine.solve(profile, problem, warm=warm)
        solved = time.perf_counter()
        cold, took = timed(lambda problem=problem: engine.solve(profile, problem).weights)
        warm, best = solution.weights, solution.objective
        if number < 2:  # noqa: PLR2004 - compiling, and filling the cache of blocks
            continue
        matrix = estimate.covariance
        timings["native, warm"].record(solved - estimated, warm, matrix, best)
        timings["native, cold"].record(took, cold, matrix, best)
        timings["native + estimate"].record(solved - began, warm, matrix, best)
        for name, solve in others.items():
            if spent[name] < seconds / len(SIZES) / len(others):
                weights, took = timed(lambda s=solve, x=values[train], m=matrix: s(x, m))
                spent[name] += took
                timings[name].record(took, weights, matrix, best)
    return timings


def show(n: int, timings: dict[str, Timing]) -> None:
    """Print one table."""
    base = float(np.median(timings["native, warm"].seconds))
    print(f"\nminimum variance, n = {n}, {DAYS} days, medians")
    print(f"  {'':<22}{'ms':>10}{'x native':>10}{'worst gap':>12}{'worst KKT':>12}{'windows':>9}")
    for name, one in timings.items():
        middle = float(np.median(one.seconds))
        print(
            f"  {name:<22}{middle * 1e3:>10.3f}{middle / base:>10.1f}{one.gap:>12.1e}"
            f"{one.kkt:>12.1e}{len(one.seconds):>9}"
        )


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--returns", type=Path, required=True, help="wide daily returns")
    parser.add_argument("--seconds", type=float, default=30.0, help="budget of the peers")
    arguments: Any = parser.parse_args()
    frame = read(arguments.returns)
    months = frame.index.to_numpy().astype("datetime64[M]").astype(np.int64)
    warnings.simplefilter("ignore")  # the peers warn about accuracy; it is printed instead
    with threadpool_limits(1):
        for n in SIZES:
            if n <= frame.shape[1]:
                values = np.ascontiguousarray(frame.to_numpy()[:, :n])
                show(n, measure(values, months, arguments.seconds))


if __name__ == "__main__":
    main()
