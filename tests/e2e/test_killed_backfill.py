"""A backfill that is killed again and again, and still ends with the bytes of a quiet one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import psutil
import pyarrow.parquet as pq
import pytest

from tests.e2e._platform import BIN, ROOT, SLEEVE, launch_tags, wait_for

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("QUANT_KILLS", "3"))
MONTHLY = (
    "raw_prices",
    "returns_matrix",
    "feature_matrix",
    "strategy_models",
    "atom_returns",
    "universe",
    "selected_atoms",
    "weights_cube",
)
KEPT = ("strategy_models", "selected_atoms", "weights_cube")
MONTHS = 24


class Backfill:
    """A data folder, and the process that fills it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "dagster").mkdir(parents=True)
        (home / "sleeves").mkdir()
        (home / "sleeves" / "small.yaml").write_text(SLEEVE)
        shutil.copy(ROOT / "dagster.yaml", home / "dagster")
        self.env = {**os.environ, "PYTHONWARNINGS": "ignore", "DAGSTER_HOME": f"{home}/dagster"}
        self.env |= {"TV_HOME": str(home), "TV_SLEEVES": f"{home}/sleeves"}
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)

    def start(self) -> subprocess.Popen[bytes]:
        tags = launch_tags("2006-01|small", "2007-12|small")
        job = ["job", "execute", "-m", "quant_assets.definitions", "-j", "research"]
        with (self.home / "run.log").open("ab") as log:
            return subprocess.Popen(
                [BIN / "dagster", *job, "--tags", tags],
                cwd=self.home,
                env=self.env,
                stdout=log,
                stderr=log,
            )

    def files(self) -> dict[str, Path]:
        lake = self.home / "lakehouse"
        return {str(path.relative_to(lake)): path for path in sorted(lake.rglob("*.parquet"))}

    def contents(self) -> dict[str, bytes]:
        return {name: path.read_bytes() for name, path in self.files().items()}

    def ray_processes(self) -> list[psutil.Process]:
        """Return the processes of Ray that carry the data folder in their environment."""
        found = []
        for process in psutil.process_iter(["name", "cmdline"]):
            try:
                if process.environ().get("TV_HOME") == str(self.home):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Backfill:
    backfill = Backfill(tmp_path_factory.mktemp("quiet") / "home")
    assert backfill.start().wait(timeout=600) == 0
    return backfill


def test_a_killed_backfill_resumes_to_the_bytes_of_a_quiet_one(
    quiet: Backfill, tmp_path: Path
) -> None:
    backfill = Backfill(tmp_path / "home")
    moments = random.Random(20_061)  # noqa: S311 - moments to kill at, not secrets
    total = len(MONTHLY) * MONTHS
    wanted = quiet.contents()
    assert len(wanted) == total

    for target in sorted(moments.sample(range(1, total), KILLS)):
        process = backfill.start()
        wait_for(
            lambda goal=target, run=process: (
                len(backfill.files()) >= goal or run.poll() is not None
            ),
            seconds=600,
            what=f"{target} partitions",
            every=0.002,
        )
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for path in backfill.files().values():
            pq.read_table(path)
        stored = backfill.contents()
        assert stored.items() <= wanted.items(), "what is stored is whole, and final"
        wait_for(lambda: not backfill.ray_processes(), seconds=60, what="Ray to be gone")

    before = {name: path.stat().st_mtime_ns for name, path in backfill.files().items()}
    assert backfill.start().wait(timeout=600) == 0
    assert backfill.contents() == wanted
    after = {name: path.stat().st_mtime_ns for name, path in backfill.files().items()}
    cells = [name for name in before if name.startswith(KEPT)]
    assert [name for name in cells if before[name] != after[name]] == [], "computed cells are kept"
    assert not list(tmp_path.rglob("*.unfinished"))
