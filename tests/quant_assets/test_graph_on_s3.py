"""The asset graph over a bucket of a real S3 server makes what it makes over a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from quant_assets._resources import AuditTrail, ComputeBackend, LakehouseRoot
from quant_assets.definitions import definitions
from quant_core.cli import app
from quant_core.objects._s3_client import request
from resources.lakehouse import Lakehouse
from resources.ray_io_manager import RayIOManager
from tests.resources._s3 import BUCKET, environment, running_moto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, LAST = "1990-01", "1991-04"
ASSETS = (
    "raw_prices",
    "universe",
    "returns_matrix",
    "feature_matrix",
    "strategy_models",
    "atom_returns",
    "selected_atoms",
    "weights_cube",
)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with running_moto() as endpoint:
        for name, value in environment(endpoint, patience=300.0).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TV_HOME", str(tmp_path))
        monkeypatch.setenv("TV_LAKEHOUSE", f"s3://{BUCKET}/prefix")
        request("create_bucket", Bucket=BUCKET)
        yield f"s3://{BUCKET}/prefix"


def test_a_bucket_holds_what_a_folder_holds(
    graph: tuple[Any, Any], lake: str, tmp_path: Path
) -> None:
    made, _ = graph
    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            definitions()
            .resolve_job_def("research")
            .execute_in_process(
                instance=instance,
                tags={
                    "dagster/asset_partition_range_start": f"{FIRST}|us_equity",
                    "dagster/asset_partition_range_end": f"{LAST}|us_equity",
                },
                resources={
                    "io_manager": RayIOManager(),
                    "lakehouse": LakehouseRoot(),
                    "backend": ComputeBackend(backend="serial"),
                    "trail": AuditTrail(folder=str(tmp_path / "audit")),
                },
            )
        )
        assert result.success
    for asset in ASSETS:
        bucket, folder = Lakehouse(lake).store(asset, "us_equity"), made.store(asset)
        names = folder.partitions()
        assert bucket.partitions() == names
        assert len(names) > 3
        for name in names:
            found, expected = bucket.receipt(name), folder.receipt(name)
            assert found is not None
            assert (found.digest, found.size) == (expected.digest, expected.size)
    found = CliRunner().invoke(app, ["lakehouse", "verify", "--json"])
    assert found.exit_code == 0, found.output
