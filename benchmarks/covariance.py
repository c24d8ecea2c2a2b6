"""Rolling Ledoit-Wolf against scikit-learn, on the same windows in one run.

    python benchmarks/covariance.py --returns FILE [--columns 500]

FILE is a wide CSV or Parquet of daily returns with the dates in front. Missing columns up to the
number asked for are noisy copies of the first ones. scikit-learn is timed twice: ``LedoitWolf()
.fit`` as it comes, which also inverts, and the bare ``ledoit_wolf`` function.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.covariance import LedoitWolf, ledoit_wolf  # noqa: TID253 - the peer is the point
from threadpoolctl import threadpool_limits

from quant_core.covariance import CovarianceSpec, RollingCovariance

if TYPE_CHECKING:
    from collections.abc import Callable

DAYS = 252
PEER_WINDOWS = 8
SPEC = CovarianceSpec(name="ledoit_wolf")


def read(path: Path, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values and months, widened to the columns asked for."""
    frame = (
        pd.read_parquet(path)
        if path.suffix == ".parquet"
        else pd.read_csv(path, index_col=0, parse_dates=True)
    )
    values = frame.to_numpy()[:, :columns]
    missing = columns - values.shape[1]
    noise = np.random.default_rng(0).standard_normal((len(values), max(missing, 0))) * 0.01
    months = frame.index.to_numpy().astype("datetime64[M]").astype(np.int64)
    return np.ascontiguousarray(np.hstack([values, values[:, : noise.shape[1]] + noise])), months


def timed[R](function: Callable[[], R]) -> tuple[float, R]:
    """Return the seconds that a call took, and its result."""
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--returns", type=Path, required=True, help="wide daily returns")
    parser.add_argument("--columns", type=int, default=500)
    arguments: Any = parser.parse_args()
    values, months = read(arguments.returns, arguments.columns)
    stops = [int(stop) for stop in np.flatnonzero(np.diff(months)) + 1 if stop >= DAYS]
    columns = np.arange(values.shape[1])
    rolling = RollingCovariance(values, months)
    ours, fresh, conditioned, fitted, bare, error = [], [], [], [], [], 0.0
    with threadpool_limits(1):
        rolling.estimate(SPEC, slice(stops[0] - DAYS, stops[0]), columns)
        _ = rolling.estimate(SPEC, slice(stops[0] - DAYS, stops[0]), columns).condition_number
        for number, stop in enumerate(stops[1:]):
            train = slice(stop - DAYS, stop)
            seconds, mine = timed(lambda train=train: rolling.estimate(SPEC, train, columns))
            ours.append(seconds)
            conditioned.append(timed(lambda mine=mine: mine.condition_number)[0])
            if number < PEER_WINDOWS:
                window = values[train]
                alone = RollingCovariance(values, months)
                fresh.append(timed(lambda t=train, a=alone: a.estimate(SPEC, t, columns))[0])
                seconds, peer = timed(lambda window=window: LedoitWolf().fit(window))
                fitted.append(seconds)
                bare.append(timed(lambda window=window: ledoit_wolf(window))[0])
                scale = np.abs(peer.covariance_).max()
                error = max(error, float(np.abs(peer.covariance_ - mine.covariance).max() / scale))
    base = float(np.median(ours))
    print(
        f"Ledoit-Wolf, n = {len(columns)}, {DAYS} days, {len(stops) - 1} monthly windows, medians"
    )
    for name, seconds_each in [
        ("rolling", ours),
        ("fresh (same bytes)", fresh),
        ("condition number", conditioned),
        ("LedoitWolf().fit", fitted),
        ("ledoit_wolf function", bare),
    ]:
        middle = float(np.median(seconds_each))
        print(f"  {name:<22}{middle * 1e3:>9.2f} ms{middle / base:>8.1f} x rolling")
    print(f"  largest difference, relative to the largest entry: {error:.1e}")


if __name__ == "__main__":
    main()
