from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from quant_assets._resources import AuditTrail, ComputeBackend, LakehouseRoot
from quant_assets.definitions import definitions
from resources.lakehouse import Lakehouse
from resources.ray_io_manager import RayIOManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, LAST = "1990-01", "1991-04"


@dataclass
class Graph:
    """The asset graph over a lakehouse of its own."""

    root: Path
    instance: Any

    def run(
        self,
        job: str,
        first: str,
        last: str | None = None,
        config: dict[str, Any] | None = None,
    ) -> Any:
        lake = str(self.root / "lakehouse")
        tags = {
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
        }
        assets = {"simulation": "simulation_results", "ranking": "leaderboard"}
        return (
            definitions()
            .resolve_job_def(job)
            .execute_in_process(
                run_config={"ops": {assets[job]: {"config": config}}} if config else None,
                instance=self.instance,
                partition_key=None if last else first,
                tags=tags if last else {},
                resources={
                    "io_manager": RayIOManager(lakehouse=lake),
                    "lakehouse": LakehouseRoot(url=lake),
                    "backend": ComputeBackend(backend="serial"),
                    "trail": AuditTrail(folder=str(self.root / "audit")),
                },
            )
        )

    def research(self, first: str, last: str) -> Any:
        return self.run("research", f"{first}|us_equity", f"{last}|us_equity")

    def copy(self, folder: Path) -> Graph:
        shutil.copytree(self.root, folder, dirs_exist_ok=True)
        return Graph(folder, self.instance)

    def store(self, asset: str) -> Any:
        return Lakehouse(str(self.root / "lakehouse")).store(asset, "us_equity")

    def files(self) -> dict[str, bytes]:
        lake = self.root / "lakehouse"
        return {
            str(path.relative_to(lake)): path.read_bytes()
            for path in sorted(lake.rglob("*.parquet"))
        }


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the manifests of runs out of the checkout."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("TV_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Graph, Any]]:
    """The graph with sixteen months, four of them with a window, and the run that made them."""
    with dg.DagsterInstance.ephemeral() as instance:
        made = Graph(tmp_path_factory.mktemp("graph"), instance)
        yield made, made.research(FIRST, LAST)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Graph]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Graph(tmp_path, instance)
