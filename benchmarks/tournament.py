"""Measure a tournament of about 1,000 configurations, cold and warm, serial and on Ray.

``python benchmarks/tournament.py [--returns FILE] [--configurations N]``: FILE is a wide table of
simple returns; without it the returns are synthetic, 2,517 days of 431 assets. Every run is a
process of its own, from its start to its end, that of Ray included. ``warm`` is the same run again
in the same folder, ``edit`` the run after one more profile was added.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from quant_core.canonical import digest
from quant_core.clock import clock
from quant_core.config import parse_config
from quant_core.tournament import run
from resources.ray_compute import RayCompute

OUTPUTS = ("leaderboard", "nav", "selected_atoms", "weights_cube", "window_metrics")
ESTIMATORS = ["sample", "ledoit_wolf", *({"name": "ewma", "halflife": h} for h in (21, 63, 126))]
CAPS = (None, 0.05, 0.1, 0.2)
SELECTIONS = [
    "all",
    {"name": "top_momentum", "count": 25},
    {"name": "low_volatility", "count": 25},
    {"name": "clustered", "clusters": 25},
]
REBALANCES = ["window", "daily", "daily_5pct"]
EXTRA = {"name": "mean_variance", "as": "one_more", "covariance": "sample", "risk_aversion": 7}


def profiles(configurations: int) -> list[Any]:
    """Return as many profiles as make a number of cells, or somewhat fewer."""
    found: list[Any] = ["equal_weight"]
    for estimator in ESTIMATORS:
        for name in ("min_variance", "max_diversification", "max_sharpe"):
            found += [{"name": name, "covariance": estimator, "cap": cap} for cap in CAPS]
        found += [{"name": name, "covariance": estimator} for name in ("risk_parity", "hrp")]
        found += [
            {"name": "mean_variance", "covariance": estimator, "risk_aversion": aversion}
            for aversion in (1, 4)
        ]
    wanted = configurations // (len(SELECTIONS) * len(REBALANCES))
    chosen = found[: max(1, wanted)]
    return [
        entry if isinstance(entry, str) else {**entry, "as": f"{entry['name']}_{number}"}
        for number, entry in enumerate(chosen)
    ]


def synthetic(path: Path) -> str:
    """Write returns with a market factor, and return the path of the file."""
    drawn = np.random.default_rng(0)
    dates = np.busday_offset("2007-01-03", np.arange(2517), roll="forward")
    market = drawn.normal(0.0003, 0.011, (2517, 1))
    values = market * drawn.uniform(0.5, 1.5, 431) + drawn.normal(0, 0.015, (2517, 431))
    names = [f"S{number:03d}" for number in range(431)]
    csv.write_csv(pa.table([dates, *values.T], names=["date", *names]), path)
    return str(path)


def run_here(config: dict[str, Any], out: str, backend: str) -> None:
    """Run a tournament in this process and print what it did as JSON."""
    compute = None
    if backend == "ray":
        compute = RayCompute(num_cpus=2)
    result = run(parse_config(config), out=out, compute=compute)
    if compute is not None:
        compute.close()
    user = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    told = {"counts": result.counts, "seconds": result.seconds, "user": user}
    print(json.dumps(told))


def measure(name: str, config: dict[str, Any], out: Path, backend: str) -> float:
    """Run a process, print its figures and return its seconds."""
    start = clock().seconds()
    command = [sys.executable, __file__, "--run", json.dumps(config), str(out), backend]
    environment = {key: os.environ[key] for key in os.environ if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(  # noqa: S603 - this very script
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    seconds = clock().seconds() - start
    told = json.loads(done.stdout)
    hits = sum(found for found, _ in told["counts"].values())
    computed = sum(count for _, count in told["counts"].values())
    stages = "  ".join(f"{stage} {spent:.2f}" for stage, spent in told["seconds"].items())
    print(
        f"{name:<12}{seconds:>8.1f} s {told['user']:>8.1f} s {hits:>8,} {computed:>8,}   {stages}"
    )
    return seconds


def digests(out: Path) -> dict[str, str]:
    """Return the digest of every output that the inputs determine."""
    return {name: digest((out / f"{name}.parquet").read_bytes()) for name in OUTPUTS}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--returns")
    parser.add_argument("--configurations", type=int, default=1000)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        config, out, backend = given.run
        run_here(json.loads(config), out, backend)
        return
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] - a text stream
    with TemporaryDirectory() as folder:
        here = Path(folder)
        chosen = profiles(given.configurations)
        config = {
            "data": {"returns": given.returns or synthetic(here / "returns.csv")},
            "selections": SELECTIONS,
            "profiles": chosen,
            "rebalances": REBALANCES,
        }
        edited = {**config, "profiles": [*chosen, EXTRA]}
        count = len(chosen) * len(SELECTIONS) * len(REBALANCES)
        print(f"{count} configurations; {os.cpu_count()} processors, {os.getloadavg()[0]:.1f} busy")
        print(f"{'':<12}{'process':>10} {'user CPU':>10} {'hits':>8} {'computed':>8}   stages (s)")
        found = {}
        for backend in ("serial", "ray"):
            out = here / backend
            cold = measure(f"{backend} cold", config, out, backend)
            found[backend] = digests(out)
            warm = measure(f"{backend} warm", config, out, backend)
            measure(f"{backend} edit", edited, out, backend)
            size = sum(path.stat().st_size for path in out.rglob("*.parquet")) / 1e6
            print(f"{'':<12}cold is {cold / warm:.0f} x warm; {size:.0f} MB of Parquet")
        print(f"equal bytes, serial and ray: {found['serial'] == found['ray']}")


if __name__ == "__main__":
    main()
