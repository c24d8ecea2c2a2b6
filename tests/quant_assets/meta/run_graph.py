"""Materialize two sleeves and the portfolio of them, in a process of its own.

The partitions of the graph are made of the files in TV_SLEEVES when it is imported.
"""

import json
import sys
from pathlib import Path

import dagster as dg

from quant_assets._resources import AuditTrail, ComputeBackend, LakehouseRoot
from quant_assets.definitions import definitions
from resources.ray_io_manager import RayIOManager

RUNS = (
    ("research", "2019-01|coins", "2019-08|stocks"),
    ("simulation", "custom|coins", None),
    ("simulation", "custom|stocks", None),
    ("ranking", "coins", "stocks"),
    ("portfolios", "both", None),
    ("portfolios", "nest", None),
    ("portfolios", "both", None),
)


def tags_of(first: str, last: str | None) -> dict[str, str]:
    """Return the tags of a range."""
    if last is None:
        return {}
    return {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }


def plain(made: dg.AssetMaterialization) -> dict[str, object]:
    """Return what a materialization says, as JSON holds it."""
    told = {name: value.value for name, value in made.metadata.items()}
    return {
        "partition": str(made.partition),
        "version": made.tags["dagster/data_version"],
        "metadata": {
            name: value
            for name, value in told.items()
            if isinstance(value, str | int | float | list | dict)
        },
    }


def main(root: Path) -> None:
    """Run the jobs and write what they say."""
    lake = str(root / "lakehouse")
    resources = {
        "io_manager": RayIOManager(lakehouse=lake),
        "lakehouse": LakehouseRoot(url=lake),
        "backend": ComputeBackend(backend="serial"),
        "trail": AuditTrail(folder=str(root / "audit")),
    }
    told = []
    with dg.DagsterInstance.ephemeral() as instance:
        for job, first, last in RUNS:
            result = (
                definitions()
                .resolve_job_def(job)
                .execute_in_process(
                    instance=instance,
                    partition_key=None if last else first,
                    tags=tags_of(first, last),
                    resources=resources,
                )
            )
            events = [
                plain(event.step_materialization_data.materialization)
                for event in result.get_asset_materialization_events()
                if event.asset_key.to_user_string() == "meta_portfolio"
            ]
            checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
            told.append({"job": job, "events": events, "checks": checks})
    (root / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
