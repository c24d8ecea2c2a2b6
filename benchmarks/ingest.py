"""Ingest of a long file of prices against plain pandas, and what tier 1 costs of it.

    python benchmarks/ingest.py --prices FILE [--rounds 7]

pandas reads the file and pivots it: ``read_parquet(FILE).pivot(...)``, and once more with only the
three columns that a pivot needs, and ``pct_change``. Ours reads, filters and logs, pivots, makes
returns and digests them. Times are processor seconds of one process, the middle of the rounds,
taken in turns. Peak memory is that of a fresh process above what it held before it read.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from quant_core.data import DataConfig, ingest, open_source

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 2**20


def ours(file: str, columns: dict[str, str]) -> None:
    """Ingest."""
    config = DataConfig(prices=file, date=columns["date"], symbol=columns["symbol"])
    ingest(open_source(config), config)


def plain(file: str, columns: dict[str, str]) -> pd.DataFrame:
    """Read and pivot by pandas."""
    date, symbol, value = columns.values()
    return pd.read_parquet(file).pivot(index=date, columns=symbol, values=value)  # noqa: PD010 - the peer


def narrow(file: str, columns: dict[str, str]) -> pd.DataFrame:
    """Read three columns, pivot, and make returns by pandas."""
    date, symbol, value = columns.values()
    frame = pd.read_parquet(file, columns=[date, symbol, value])
    wide = frame.pivot(index=date, columns=symbol, values=value)  # noqa: PD010 - the peer
    return wide.pct_change(fill_method=None)


WAYS: dict[str, Callable[..., object]] = {"ours": ours, "pandas": plain, "pandas narrow": narrow}


def resident(field: str) -> float:
    """Return a figure of ``/proc/self/status`` in megabytes."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def peak(way: str, file: str, columns: dict[str, str]) -> float:
    """Return the peak memory of one call above what the process held before it."""
    warm = pd.DataFrame({"a": [1.0]})
    warm.pivot(columns="a")  # noqa: PD010 - imports what a pivot imports
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", "utf-8")
    WAYS[way](file, columns)
    return resident("VmHWM") - before


def child(way: str, file: str) -> float:
    """Measure the peak in a process of its own."""
    command = [sys.executable, __file__, "--prices", file, "--peak", way]
    found = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
    return float(found.stdout)


def names(file: str) -> dict[str, str]:
    """Return the columns of the file by the part that they play."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - only for the names

    found = pq.read_schema(file).names
    usual = {"date": ("date", "time"), "symbol": ("Name", "asset"), "value": ("close", "PriceUSD")}
    return {part: next(n for n in found if n in known) for part, known in usual.items()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prices", required=True, help="long Parquet file of prices")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peak", choices=list(WAYS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    columns = names(arguments.prices)
    if arguments.peak:
        print(peak(arguments.peak, arguments.prices, columns))
        return
    pa.set_cpu_count(1)
    frame = pd.read_parquet(arguments.prices)
    size, rows = frame.memory_usage(deep=True).sum() / MEGABYTE, len(frame)
    del frame
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(arguments.rounds + 1):
        for way, call in WAYS.items():
            began = time.process_time()
            call(arguments.prices, columns)
            seconds[way].append(time.process_time() - began)
    print(f"{rows:,} rows; the frame takes {size:.1f} MB")
    for way, found in seconds.items():
        middle, memory = median(found[1:]), child(way, arguments.prices)
        ratio = median(seconds["pandas"][1:]) / middle
        print(
            f"  {way:<14}{rows / middle:>12,.0f} rows/s{ratio:>7.2f} x pandas"
            f"{memory:>9.1f} MB{memory / size:>6.2f} x the frame"
        )


if __name__ == "__main__":
    main()
