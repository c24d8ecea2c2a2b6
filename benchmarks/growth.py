"""Measure how estimates, solves, paths, metrics and whole runs grow with assets, windows and cells.

``python benchmarks/growth.py [--full] [--into docs/performance.md]``: the returns are synthetic,
with a market factor. Each row is CPU time at several sizes, the least of a few runs, and the
exponent that fits it best, ``seconds ~ size**exponent``, by least squares of logarithms over the
upper half of the sizes, where fixed costs show least. The table is Markdown; ``--into`` writes it
between the marks of a page. ``--full`` goes to 2,000 assets and takes minutes.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv
from scipy import linalg as _loaded  # noqa: F401 - or its BLAS escapes the limit of threads
from threadpoolctl import threadpool_limits

from quant_core.config import parse_config
from quant_core.covariance import CovarianceSpec, RollingCovariance, condition_number
from quant_core.engines import NativeEngine
from quant_core.metrics import path_metrics
from quant_core.profiles import PROFILES, Problem
from quant_core.simulators import Custom, DailyRebalance, WindowRebalance, simulate
from quant_core.tournament import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BEGIN, END = "<!-- growth -->", "<!-- end of growth -->"
TRAIN, DAYS, MONTH = 252, 1008, 21
SPEC = CovarianceSpec(name="ledoit_wolf")
ASSETS, ALL_ASSETS = (20, 50, 100, 200, 400), (20, 50, 100, 200, 500, 1000, 2000)
SOLVES: dict[str, dict[str, float]] = {
    "min_variance": {},
    "max_sharpe": {},
    "max_diversification": {},
    "mean_variance": {"risk_aversion": 4.0},
    "risk_parity": {},
    "hrp": {},
}
BOUNDED: dict[str, dict[str, float]] = {
    "min_variance": {"cap": 0.06},
    "max_sharpe": {"cap": 0.06},
    "max_diversification": {"cap": 0.06},
}


class Row(NamedTuple):
    """CPU seconds at each size."""

    what: str
    unit: str
    seconds: dict[int, float]

    @property
    def exponent(self) -> float:
        """Return the slope of the logarithms over the upper half of the sizes."""
        sizes = sorted(self.seconds)[len(self.seconds) // 2 - (len(self.seconds) < 4) :]  # noqa: PLR2004 - a line needs two
        taken = [self.seconds[size] for size in sizes]
        return float(np.polyfit(np.log(sizes), np.log(taken), 1)[0])


def returns(days: int, assets: int) -> np.ndarray:
    """Return simple returns with a market factor, shape (days, assets)."""
    drawn = np.random.default_rng(0)
    market = drawn.normal(0.0003, 0.011, (days, 1))
    noise = drawn.normal(0.0001, 0.015, (days, assets))
    return np.asarray(market * drawn.uniform(0.5, 1.5, assets) + noise)


def cpu(function: Callable[[], object], repeats: int) -> float:
    """Return the least CPU time of several calls, after one that compiles and warms."""
    function()
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        function()
        taken.append(time.process_time() - began)
    return min(taken)


def per_window(values: np.ndarray, repeats: int) -> Iterator[tuple[str, float]]:
    """Yield what one more window costs, by what is done."""
    blocks = np.arange(len(values)) // MONTH
    stops = range(TRAIN, len(values), MONTH)
    columns = np.arange(values.shape[1])
    rolling = RollingCovariance(values, blocks)
    slices = [slice(stop - TRAIN, stop) for stop in stops][: repeats + 2]
    taken = []
    for train in slices:
        began = time.process_time()
        estimate = rolling.estimate(SPEC, train, columns)
        taken.append(time.process_time() - began)
    yield "covariance, Ledoit-Wolf", min(taken[1:])
    yield "condition number", cpu(partial(condition_number, estimate.covariance), repeats)
    problem = Problem(estimate.mean, estimate.covariance, sound=True)
    engine = NativeEngine()
    for label, chosen in (("", SOLVES), (", cap 6 %", BOUNDED)):
        for name, fields in chosen.items():
            profile = PROFILES[name].model_validate(fields)
            solve = partial(engine.solve, profile, problem)
            yield f"solve, {name}{label}", cpu(solve, repeats)


def per_path(values: np.ndarray, repeats: int) -> Iterator[tuple[str, float]]:
    """Yield what a path costs."""
    rows = np.arange(TRAIN, len(values), MONTH)
    weights = np.full((len(rows), values.shape[1]), 1.0 / values.shape[1])
    for rebalance in (WindowRebalance(), DailyRebalance()):
        path = partial(
            simulate, Custom(), rebalance, values=values, weights=weights, rows=rows, rate=0.001
        )
        yield f"path, rebalanced {rebalance.name}", cpu(path, repeats)


def by_assets(sizes: tuple[int, ...]) -> Iterator[Row]:
    """Yield the rows that grow with the assets."""
    found: dict[str, dict[int, float]] = {}
    for size in sizes:
        values, repeats = returns(DAYS, size), 3 if size > max(ASSETS) else 7
        for measure in (per_window, per_path):
            for what, seconds in measure(values, repeats):
                found.setdefault(what, {})[size] = seconds
    for what, taken in found.items():
        yield Row(what, "assets", taken)


def by_paths(sizes: tuple[int, ...]) -> Row:
    """Return the row of the metrics."""
    drawn = np.random.default_rng(0).standard_t(4, (max(sizes), 2520)) * 0.008
    figures = partial(path_metrics, periods_per_year=252)
    seconds = {size: cpu(partial(figures, drawn[:size]), 5) for size in sizes}
    return Row("metrics of paths of 2,520 days", "paths", seconds)


def tournament(folder: Path, windows: int, profiles: int) -> float:
    """Return the CPU seconds of a cold run of 100 assets, three rebalances."""
    file, days = folder / f"{windows}.csv", TRAIN + (windows + 2) * MONTH
    dates = np.busday_offset("2007-01-03", np.arange(days), roll="forward")
    names = ["date", *(f"S{number:03d}" for number in range(100))]
    csv.write_csv(pa.table([dates, *returns(days, 100).T], names=names), file)
    config = parse_config(
        {
            "data": {"returns": str(file)},
            "selections": ["all", {"name": "top_momentum", "count": 25}],
            "profiles": [
                {"name": "mean_variance", "risk_aversion": 1 + number, "as": f"p{number}"}
                for number in range(profiles)
            ],
            "rebalances": ["window", "daily", "daily_5pct"],
        }
    )
    began = time.process_time()
    run(config, out=folder / f"{windows}-{profiles}")
    return time.process_time() - began


def by_run(most: int) -> Iterator[Row]:
    """Yield the rows of whole tournaments."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        tournament(folder, 3, 1)
        windows = [most // 4, most // 2, most]
        taken = {count: tournament(folder, count, 10) for count in windows}
        yield Row("tournament of 60 cells, 100 assets", "windows", taken)
        profiles = [2 * most // 3, 4 * most // 3, 8 * most // 3]
        taken = {6 * count: tournament(folder, 12, count) for count in profiles}
        yield Row("tournament of 12 windows, 100 assets", "cells", taken)


def markdown(rows: list[Row]) -> str:
    """Return one table for each kind of size."""
    told = []
    for unit in dict.fromkeys(row.unit for row in rows):
        own = [row for row in rows if row.unit == unit]
        sizes = sorted(own[0].seconds)
        told += [
            "",
            f"| CPU time, ms, by {unit} | {' | '.join(f'{s:,}' for s in sizes)} | exponent |",
        ]
        told.append(f"|---|{'---:|' * (len(sizes) + 1)}")
        for row in own:
            times = " | ".join(f"{1e3 * row.seconds[size]:,.3g}" for size in sizes)
            told.append(f"| {row.what} | {times} | {row.exponent:.2f} |")
    return "\n".join(told[1:])


def main() -> None:
    """Print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="to 2,000 assets and 96 windows")
    parser.add_argument("--into", type=Path, help="page that holds the tables between marks")
    given = parser.parse_args()
    with threadpool_limits(1):
        rows = list(by_assets(ALL_ASSETS if given.full else ASSETS))
        rows.append(by_paths((125, 250, 500, 1000)))
        rows += by_run(96 if given.full else 24)
    table = markdown(rows)
    print(table)
    if given.into:
        head, _, rest = given.into.read_text().partition(BEGIN)
        _, _, tail = rest.partition(END)
        given.into.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}")


if __name__ == "__main__":
    main()
