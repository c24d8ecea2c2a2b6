"""Materialize the monthly assets of the sleeves in TV_SLEEVES, in a process of its own.

The partitions of the graph are made of the sleeves when it is imported.
"""

import json
import sys
from pathlib import Path

import dagster as dg

from quant_assets._resources import AuditTrail, ComputeBackend, LakehouseRoot
from quant_assets.definitions import definitions
from resources.ray_io_manager import RayIOManager


def main(root: Path, first: str, last: str) -> None:
    """Run the job ``research`` over a range and print the events of its partitions."""
    lake = str(root / "lakehouse")
    resources = {
        "io_manager": RayIOManager(lakehouse=lake),
        "lakehouse": LakehouseRoot(url=lake),
        "backend": ComputeBackend(backend="serial"),
        "trail": AuditTrail(folder=str(root / "audit")),
    }
    tags = {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions().resolve_job_def("research")
        result = job.execute_in_process(
            instance=instance, tags=tags, resources=resources, raise_on_error=True
        )
    events = [
        [
            event.asset_key.to_user_string(),
            str(event.partition),
            event.step_materialization_data.materialization.tags["dagster/data_version"],
        ]
        for event in result.get_asset_materialization_events()
    ]
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    (root / "events.json").write_text(json.dumps({"events": events, "checks": checks}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:4])
