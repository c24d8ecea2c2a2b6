"""Features of a stream and of a history, against rolling windows of pandas in the same run.

``python benchmarks/features.py [--returns FILE] [--ticks FILE] [--rows N]``: FILE of returns is a
wide table of simple returns (CSV or Parquet, dates first), FILE of ticks a Parquet of ``ts, bid,
ask``; without them prices are a random walk. pandas is timed with what it has compiled code for,
over the same prices; it keeps running sums, so its values differ in the last digits and its time
does not grow with the window.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from quant_core.clock import clock
from quant_core.features import Feature, FeatureBank, FeatureSet

if TYPE_CHECKING:
    from collections.abc import Callable

STREAM = FeatureSet(
    features=(
        *(Feature(kind="return", window=window) for window in (1, 10, 100)),
        *(Feature(kind="sma", window=window, relative=True) for window in (20, 100)),
        *(Feature(kind="ema", window=window, relative=True) for window in (12, 26)),
        *(Feature(kind="rsi", window=window) for window in (7, 14)),
        *(Feature(kind="volatility", window=window) for window in (20, 100)),
        *(Feature(kind="zscore", window=window) for window in (20, 100)),
        *(Feature(kind="momentum", window=window) for window in (50, 100)),
        *(Feature(kind="bollinger", window=window) for window in (20, 100)),
        Feature(kind="permutation_entropy", window=100),
        Feature(kind="efficiency_ratio", window=100),
        Feature(kind="hurst", window=100),
    )
)


def rsi_of_pandas(prices: pd.DataFrame) -> pd.DataFrame:
    """Return the relative strength index with endless weights."""
    change = prices.diff()
    gain = change.clip(lower=0).ewm(alpha=1 / 14).mean()
    return 100 * gain / (gain + (-change).clip(lower=0).ewm(alpha=1 / 14).mean())


PEERS: dict[Feature, Callable[[pd.DataFrame], Any]] = {
    Feature(kind="return", window=10): lambda p: p.pct_change(10),
    Feature(kind="sma", window=20): lambda p: p.rolling(20).mean(),
    Feature(kind="sma", window=100): lambda p: p.rolling(100).mean(),
    Feature(kind="ema", window=12): lambda p: p.ewm(span=12).mean(),
    Feature(kind="rsi", window=14): rsi_of_pandas,
    Feature(kind="volatility", window=20): lambda p: p.pct_change().rolling(20).std(),
    Feature(kind="zscore", window=20): lambda p: (p - p.rolling(20).mean()) / p.rolling(20).std(),
    Feature(kind="bollinger", window=20): lambda p: (
        0.5 + (p - p.rolling(20).mean()) / (4 * p.rolling(20).std(ddof=0))
    ),
    Feature(kind="efficiency_ratio", window=20): lambda p: (
        p.diff(20).abs() / p.diff().abs().rolling(20).sum()
    ),
}


def matrix(file: str | None, rows: int) -> np.ndarray:
    """Return prices, shape (T, n)."""
    if file is None:
        changes = np.random.default_rng(0).standard_t(4, (rows, 100)) * 0.008
    else:
        frame = (
            pd.read_parquet(file) if file.endswith(".parquet") else pd.read_csv(file, index_col=0)
        )
        changes = frame.select_dtypes("number").dropna(axis=1).to_numpy(np.float64)[:rows, :100]
    return np.asarray((1 + np.clip(changes, -0.5, 1)).cumprod(axis=0))


def ticks(file: str | None, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return instants in nanoseconds and prices."""
    if file is None:
        draw = np.random.default_rng(1)
        return (
            draw.integers(0, 10**9, count).cumsum(),
            np.exp(draw.normal(0, 1e-5, count).cumsum()),
        )
    frame = pd.read_parquet(file)[:count]
    ts = frame["ts"].astype("datetime64[ns, UTC]").astype("int64").to_numpy()
    return ts, ((frame["bid"] + frame["ask"]) / 2).to_numpy()


def seconds(function: Callable[[], Any], repeats: int = 3) -> float:
    """Return the shortest of several runs."""
    durations = []
    for _ in range(repeats):
        start = clock().seconds()
        function()
        durations.append(clock().seconds() - start)
    return min(durations)


def stream(chosen: FeatureSet, ts: np.ndarray, price: np.ndarray, size: int) -> None:
    """Push ticks in batches of a size."""
    bank, names, code = FeatureBank([chosen]), ("a",), np.zeros(size, dtype=np.int32)
    for start in range(0, len(ts), size):
        piece = slice(start, start + size)
        bank.push(names, code[: len(ts[piece])], ts[piece], price[piece])


def measure_stream(ts: np.ndarray, price: np.ndarray) -> None:
    """Print what a tick costs."""
    count = len(STREAM.features)
    print(f"stream: {len(ts):,} ticks of one instrument, {count} features, windows to 100")
    STREAM.batch(price[:2, None])
    stream(STREAM, ts[:2], price[:2], 2)
    whole = seconds(lambda: STREAM.batch(price[:, None])) / len(ts)
    print(f"  {'history at once':<28}{1e6 * whole:>10.2f} us a tick")
    for size in (1, 16, 512):
        some = slice(0, min(len(ts), 200 * size))
        each = seconds(lambda size=size, some=some: stream(STREAM, ts[some], price[some], size))
        each /= len(ts[some])
        print(f"  {f'batches of {size}':<28}{1e6 * each:>10.2f} us a tick{each / whole:>9.1f}x")


def measure_history(prices: np.ndarray) -> None:
    """Print each feature beside pandas."""
    frame = pd.DataFrame(prices)
    print(f"history: {prices.shape[0]:,} rows, {prices.shape[1]} columns; ms, and pandas over ours")
    for feature, peer in PEERS.items():
        chosen = FeatureSet(features=(feature,))
        ours = seconds(lambda chosen=chosen: chosen.batch(prices))
        theirs = seconds(lambda peer=peer: peer(frame))
        print(f"  {feature.name:<28}{1e3 * ours:>10.2f}{1e3 * theirs:>10.2f}{theirs / ours:>9.1f}x")
    together = seconds(lambda: FeatureSet(features=tuple(PEERS)).batch(prices))
    apart = seconds(lambda: [peer(frame) for peer in PEERS.values()])
    print(
        f"  {'all of them':<28}{1e3 * together:>10.2f}{1e3 * apart:>10.2f}{apart / together:>9.1f}x"
    )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--returns", help="wide table of simple returns, CSV or Parquet")
    parser.add_argument("--ticks", nargs="*", default=[], help="Parquet of ts, bid, ask; the first")
    parser.add_argument("--rows", type=int, default=2520, help="rows of the history")
    parser.add_argument("--count", type=int, default=100_000, help="ticks of the stream")
    arguments = parser.parse_args()
    measure_stream(*ticks(next(iter(arguments.ticks), None), arguments.count))
    measure_history(matrix(arguments.returns, arguments.rows))


if __name__ == "__main__":
    main()
