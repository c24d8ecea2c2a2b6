"""Measure how many records a second the audit trail takes, and how fast frames are hashed.

Appends are durable; reading verifies.

Run it from the root of the repository: ``python benchmarks/ledger.py [FOLDER]``. FOLDER says which
disk is measured; a temporary folder by default.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from quant_core.clock import clock
from quant_core.frames import digest_frame
from quant_core.ledger import Ledger, verify

RECORDS = 4000
WRITERS = 8
DAYS, SYMBOLS = 2520, 500
BODY = {
    "phase": "success",
    "name": "solve",
    "context": {"cell": "9f" * 16, "window": "2020-02-01"},
    "inputs": {"returns": "3c" * 16},
    "outputs": {"cube": "77" * 16},
}
GENESIS = {
    "run_id": "bench",
    "config_hash": "0",
    "data_version": "0",
    "code_versions": {},
    "seed": 0,
}
CHILD = "--child"


def append_many(ledger: Ledger, count: int) -> None:
    """Append ``count`` records, one after the other."""
    for _ in range(count):
        ledger.append("action", BODY)


def single(path: Path) -> float:
    """Append from one thread."""
    start = clock().seconds()
    with Ledger(path) as ledger:
        append_many(ledger, RECORDS)
    return clock().seconds() - start


def threads(path: Path) -> float:
    """Append from threads, which share their fsyncs."""
    start = clock().seconds()
    with Ledger(path) as ledger, ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda _: append_many(ledger, RECORDS // WRITERS), range(WRITERS)))
    return clock().seconds() - start


def processes(path: Path) -> float:
    """Let processes take turns, once all of them have started."""
    command = [sys.executable, __file__, CHILD, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    children = [
        subprocess.Popen(  # noqa: S603 - this very file
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(WRITERS)
    ]
    for child in children:
        child.stdout.readline()
    start = clock().seconds()
    for child in children:
        child.stdin.close()
    if any([child.wait() != 0 for child in children]):  # noqa: C419 - wait for all of them
        raise SystemExit("a writer failed")
    return clock().seconds() - start


def fsync_seconds(folder: Path) -> float:
    """Return the seconds of one bare write and fsync, the floor of a single append."""
    line = b"x" * 400 + b"\n"
    with (folder / "bare").open("ab", buffering=0) as file:
        start = clock().seconds()
        for _ in range(500):
            file.write(line)
            os.fsync(file.fileno())
        return (clock().seconds() - start) / 500


def digests() -> None:
    """Print how fast frames are hashed, against pandas' own hash of the same frame."""
    values = np.random.default_rng(7).normal(size=(DAYS, SYMBOLS))
    names = [f"S{number:04d}" for number in range(SYMBOLS)]
    wide = pd.DataFrame(values, pd.date_range("2007-01-01", periods=DAYS, tz="UTC"), names)
    long = pa.table(
        {
            "symbol": pa.array(np.repeat(names, DAYS)),
            "value": pa.array(values.T.ravel()),
        }
    )
    for name, frame in (("pandas, wide", wide), ("Arrow, long, with text", long)):
        start = clock().seconds()
        digest_frame(frame)
        seconds = clock().seconds() - start
        start = clock().seconds()
        pd.util.hash_pandas_object(frame if frame is wide else frame.to_pandas())
        other = clock().seconds() - start
        print(f"{name:<24}{frame.shape[0]:>10,} rows {seconds * 1e3:>8.1f} ms", end="")
        print(f"{other * 1e3:>12.1f} ms by pandas.util.hash_pandas_object")


def main(folder: Path) -> None:
    """Print the tables."""
    digests()
    print(f"{'bare write + fsync':<24}{1 / fsync_seconds(folder):>10,.0f} a second")
    for name, measure in [
        ("1 thread", single),
        (f"{WRITERS} threads, grouped", threads),
        (f"{WRITERS} processes", processes),
    ]:
        path = folder / f"{measure.__name__}.jsonl"
        with Ledger(path) as ledger:
            ledger.genesis(**GENESIS)
        seconds = measure(path)
        start = clock().seconds()
        found = verify(path)
        reading = clock().seconds() - start
        if not found.ok or found.records != RECORDS + 1:
            raise SystemExit(f"{name}: {found}")
        print(f"{name:<24}{RECORDS / seconds:>10,.0f} appends a second", end="")
        print(f"{found.records / reading:>12,.0f} verified a second")


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        with Ledger(sys.argv[2]) as shared:
            print("ready", flush=True)
            sys.stdin.read()
            append_many(shared, RECORDS // WRITERS)
    else:
        with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as name:
            main(Path(name))
