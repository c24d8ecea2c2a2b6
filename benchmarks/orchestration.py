"""What the asset graph costs over the plain library, on the same tournament.

The packaged sleeve (20 stocks, 384 windows, 108 cells) is run into a folder by the library and
into a lakehouse by the jobs ``research``, ``simulation`` and ``ranking``, each in a process of its
own, start-up included, on the same backend.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIBRARY = """
from quant_core.tournament import run
from quant_assets._sleeves import sleeves
from quant_assets._resources import ComputeBackend
sleeve = sleeves()["us_equity"]
compute = ComputeBackend(backend="{backend}").compute
run(sleeve.config, out="{out}", compute=compute)
compute.close()
"""
GRAPH = """
import dagster as dg
from quant_assets._resources import AuditTrail, ComputeBackend, LakehouseRoot
from quant_assets.definitions import definitions
from resources.ray_io_manager import RayIOManager
lake = "{out}/lakehouse"
resources = {{
    "io_manager": RayIOManager(lakehouse=lake),
    "lakehouse": LakehouseRoot(url=lake),
    "backend": ComputeBackend(backend="{backend}"),
    "trail": AuditTrail(folder="{out}/audit"),
}}
first, last = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
defs = definitions()
with dg.DagsterInstance.get() as instance:
    for job, key, tags in (
        ("research", None, {{first: "1990-01|us_equity", last: "2022-12|us_equity"}}),
        ("simulation", "custom|us_equity", {{}}),
        ("ranking", "us_equity", {{}}),
    ):
        run = defs.resolve_job_def(job).execute_in_process(
            instance=instance, partition_key=key, tags=tags, resources=resources
        )
        assert run.success
"""


def seconds(script: str, backend: str, folder: Path) -> float:
    """Return how long a script takes in a process of its own."""
    home = folder / "dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_bytes(Path("dagster.yaml").read_bytes())
    env = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    code = script.format(backend=backend, out=folder / "out")
    subprocess.run([sys.executable, "-c", code], check=True, env=env, capture_output=True)  # noqa: S603 - our own script
    return time.perf_counter() - started


def main() -> None:
    """Print the seconds of both and what the graph costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--returns", help="ignored: the sleeve brings its data")
    parser.add_argument("--backend", choices=["serial", "ray"], default="serial")
    backend = parser.parse_args().backend
    with tempfile.TemporaryDirectory() as name:
        library = seconds(LIBRARY, backend, Path(name) / "library")
        graph = seconds(GRAPH, backend, Path(name) / "graph")
    print(f"backend {backend}; 396 months, 5 monthly assets, 108 cells")
    print(f"{'library':<10}{library:>8.1f} s")
    print(f"{'graph':<10}{graph:>8.1f} s   {graph / library:.2f}x, {graph - library:+.1f} s")


if __name__ == "__main__":
    main()
