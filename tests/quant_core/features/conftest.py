from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_core.features import Feature

REAL = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(scope="session")
def every_kind() -> tuple[Feature, ...]:
    return (
        Feature(kind="return", window=1),
        Feature(kind="return", window=7),
        Feature(kind="sma", window=20),
        Feature(kind="sma", window=5, relative=True),
        Feature(kind="ema", window=4),
        Feature(kind="ema", window=3, relative=True),
        Feature(kind="rsi", window=3),
        Feature(kind="volatility", window=10),
        Feature(kind="zscore", window=20),
        Feature(kind="momentum", window=12, lag=3),
        Feature(kind="bollinger", window=15),
        Feature(kind="permutation_entropy", window=30),
        Feature(kind="permutation_entropy", window=30, order=4, lag=2),
        Feature(kind="efficiency_ratio", window=9),
        Feature(kind="hurst", window=33),
    )


@pytest.fixture(scope="session")
def real() -> Path:
    if not REAL.is_dir():
        pytest.skip(f"the real market data are not beside the repository, in {REAL}")
    return REAL


@pytest.fixture(scope="session")
def closes(real: Path) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Names, nanoseconds and closing prices without inner gaps; NaN before a late starter's."""
    frame = pd.read_parquet(real / "equities/sp500_ohlcv_2013_2018.parquet")
    wide = frame.pivot_table(index="date", columns="Name", values="close")
    ends = wide.isna().to_numpy()
    late = np.minimum.accumulate(ends, axis=0)
    wide = wide.loc[:, (ends == late).all(axis=0)]
    dates = wide.index.to_numpy().astype("datetime64[ns]").astype(np.int64)
    return tuple(wide.columns), dates, wide.to_numpy()


@pytest.fixture(scope="session")
def quotes(real: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middle prices of three instruments in order of time: instrument, nanoseconds, price."""
    parts = []
    for code, name in enumerate(("eurusd", "nzdusd", "xauusd")):
        part = pd.read_parquet(real / f"ticks/oanda_{name}_quotes_201405.parquet")[:20_000]
        ts = part["ts"].astype("datetime64[ns, UTC]").astype("int64")
        price = (part["bid"] + part["ask"]) / 2
        parts.append(pd.DataFrame({"ts": ts, "instrument": code, "price": price}))
    joined = pd.concat(parts).sort_values("ts", kind="stable")
    return tuple(joined[name].to_numpy() for name in ("instrument", "ts", "price"))
