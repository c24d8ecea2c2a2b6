"""Measure the path metrics and statistics against empyrical and quantstats, in the same run.

``python benchmarks/metrics.py [--returns FILE] [--paths N] [--days T]``: FILE is a wide table of
simple returns (CSV or Parquet, dates first), whose random portfolios are the paths; without it
they are synthetic.
"""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from quant_core.clock import clock
from quant_core.metrics import path_metrics
from quant_core.statistics import bootstrap_sharpe_interval, probability_of_overfitting

if TYPE_CHECKING:
    from collections.abc import Callable

YEAR = 252
LIMIT = 60.0  # seconds; a peer that would take longer runs on fewer paths and is scaled


def read_paths(file: str | None, paths: int, days: int) -> np.ndarray:
    """Return simple returns of paths, shape (P, T)."""
    draw = np.random.default_rng(0)
    if file is None:
        return draw.standard_t(4, (paths, days)) * 0.008 + 0.0003
    frame = pd.read_parquet(file) if file.endswith(".parquet") else pd.read_csv(file, index_col=0)
    values = frame.select_dtypes("number").dropna(axis=1).to_numpy(dtype=np.float64)
    weights = draw.dirichlet(np.full(values.shape[1], 0.05), paths)
    return np.ascontiguousarray((values @ weights.T).T[:, :days])


def seconds(function: Callable[[], Any], repeats: int = 1) -> float:
    """Return the shortest of several runs."""
    durations = []
    for _ in range(repeats):
        start = clock().seconds()
        function()
        durations.append(clock().seconds() - start)
    return min(durations)


def empyrical_figures(path: np.ndarray) -> list[float]:
    """Return the figures that empyrical has, on an array."""
    import empyrical as peer  # noqa: PLC0415 - a peer, of the bench group

    return [
        peer.sharpe_ratio(path),
        peer.sortino_ratio(path),
        peer.calmar_ratio(path),
        peer.annual_return(path),
        peer.annual_volatility(path),
        peer.max_drawdown(path),
        peer.cum_returns_final(path),
        peer.value_at_risk(path),
        peer.conditional_value_at_risk(path),
    ]


def empyrical_together(paths: np.ndarray) -> list[Any]:
    """Return the figures that empyrical computes on a (T, P) array at once, the rest one by one."""
    import empyrical as peer  # noqa: PLC0415 - a peer, of the bench group

    columns = np.ascontiguousarray(paths.T)
    together = (
        peer.sharpe_ratio,
        peer.sortino_ratio,
        peer.annual_return,
        peer.annual_volatility,
        peer.max_drawdown,
        peer.cum_returns_final,
    )
    alone = (peer.calmar_ratio, peer.value_at_risk, peer.conditional_value_at_risk)
    found: list[Any] = [figure(columns) for figure in together]
    return found + [[figure(path) for path in paths] for figure in alone]


def quantstats_figures(path: pd.Series) -> list[float]:
    """Return the figures that quantstats has, on a series."""
    from quantstats import stats as peer  # noqa: PLC0415 - a peer, of the bench group

    return [
        peer.sharpe(path),
        peer.sortino(path),
        peer.calmar(path),
        peer.cagr(path),
        peer.volatility(path),
        peer.max_drawdown(path),
        peer.comp(path),
        peer.value_at_risk(path),
        peer.conditional_value_at_risk(path),
        peer.win_rate(path),
        peer.skew(path),
        peer.kurtosis(path),
    ]


def scaled(function: Callable[[int], Any], paths: int) -> tuple[float, str]:
    """Time a peer on all paths, or on a sample of them when all would take over a minute."""
    function(0)  # imports and compiles
    sample = min(20, paths)
    some = seconds(lambda: [function(path) for path in range(sample)])
    if some / sample * paths > LIMIT:
        return some / sample * paths, f" ({sample} paths, scaled)"
    return seconds(lambda: [function(path) for path in range(paths)]), ""


def line(what: str, duration: float, own: float | None = None) -> None:
    """Print a row of the table."""
    ratio = "" if own is None else f"{duration / own:,.1f}x"
    print(f"{what:<56}{1e3 * duration:>12,.1f}{ratio:>10}")


def measure(paths: np.ndarray) -> None:
    """Print the table."""
    count = len(paths)
    dates = pd.date_range("2010-01-01", periods=paths.shape[1], freq="B")
    series = [pd.Series(path, dates) for path in paths]
    path_metrics(paths[:1], periods_per_year=YEAR)
    own = seconds(lambda: path_metrics(paths, periods_per_year=YEAR), 10)
    line("path_metrics, 13 figures", own)
    duration, note = scaled(lambda path: empyrical_figures(paths[path]), count)
    line(f"empyrical, 9 figures, path by path{note}", duration, own)
    line(
        "empyrical, 9 figures, matrix where it can", seconds(lambda: empyrical_together(paths)), own
    )
    duration, note = scaled(lambda path: quantstats_figures(series[path]), count)
    line(f"quantstats, 12 figures, series by series{note}", duration, own)
    probability_of_overfitting(paths[:2])
    line(
        "probability of overfitting, 12,870 splits",
        seconds(lambda: probability_of_overfitting(paths)),
    )
    bootstrap_sharpe_interval(paths[:1], periods_per_year=YEAR, seed=0, draws=2)
    line(
        "bootstrap interval, 1,000 draws",
        seconds(lambda: bootstrap_sharpe_interval(paths, periods_per_year=YEAR, seed=0)),
    )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--returns", help="wide table of simple returns, CSV or Parquet")
    parser.add_argument("--paths", type=int, default=1000)
    parser.add_argument("--days", type=int, default=2520)
    arguments = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peers warn of pandas' future
        paths = read_paths(arguments.returns, arguments.paths, arguments.days)
        print(f"{paths.shape[0]:,} paths, {paths.shape[1]:,} days")
        print(f"{'':<56}{'ms':>12}{'ratio':>10}")
        measure(paths)


if __name__ == "__main__":
    main()
