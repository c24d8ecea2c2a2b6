"""A model that becomes champion reaches a running strategy runner, and a rollback does too.

Everything that the platform keeps in tables is on a PostgreSQL server.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import psutil
import pyarrow.parquet as pq
import pytest

from quant_core.data import DataConfig, ingest, open_source
from quant_core.strategies import write_ticks
from resources._postgres import locked, within
from tests.e2e._platform import (
    BIN,
    ROOT,
    Platform,
    launch_tags,
    running_platform,
    unfinished,
    wait_for,
)
from tests.resources._postgres import MissingServerError, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from resources.strategy_database import StrategyDatabase

STRATEGY = "small-ridge"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        with running_postgres() as url:
            yield url
    except MissingServerError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def platform(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("platform") / "home"
    with running_platform(home, postgres=server) as found:
        yield found


@pytest.fixture(scope="module")
def database(server: str) -> Iterator[StrategyDatabase]:
    from resources.strategy_database import StrategyDatabase  # noqa: PLC0415 - brings SQLAlchemy

    with StrategyDatabase(server) as opened:
        yield opened


@pytest.fixture(scope="module")
def researched(platform: Platform) -> None:
    tags = launch_tags("2006-01|small", "2007-12|small")
    workspace = ["--workspace", str(ROOT / "workspace.yaml")]
    command = [str(BIN / "dagster"), "job", "launch", *workspace, "--job", "research"]
    subprocess.run(
        [*command, "--tags", tags], check=True, env=platform.env, cwd=platform.home, timeout=300
    )


@dataclass(frozen=True)
class Runner:
    process: subprocess.Popen[bytes]
    folder: Path
    url: str


@pytest.fixture(scope="module")
def runner(
    platform: Platform, server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runner]:
    """A runner on thirty years of closes, ten of them a second."""
    folder = tmp_path_factory.mktemp("runner")
    config = DataConfig(sample=True)
    found = ingest(open_source(config), config, prices=True)
    assert found.prices is not None
    columns = found.matrix.columns(["AAPL", "JPM"])
    write_ticks(
        folder / "closes.parquet", found.matrix.dates, ["AAPL", "JPM"], found.prices[:, columns]
    )
    command = [str(BIN / "quant"), "runner", "replay", "--ticks", str(folder / "closes.parquet")]
    command += ["--strategies", server, "--out", str(folder)]
    with (folder / "log").open("wb") as sink:
        process = subprocess.Popen(
            [*command, "--rate", "10", "--http", "0"],
            env=platform.env,
            stdout=sink,
            stderr=sink,
            cwd=folder,
        )
    try:
        url = wait_for(
            lambda: _address(folder / "log"), seconds=120, what=f"the runner, see {folder}/log"
        )
        yield Runner(process, folder, url)
    finally:
        process.kill()
        process.wait()


def _address(log: Path) -> str:
    said = [line for line in log.read_text().splitlines() if "http://" in line]
    return said[0].split()[-1] if said else ""


def _status(runner: Runner) -> dict[str, Any]:
    with urllib.request.urlopen(f"{runner.url}/status", timeout=30) as answer:  # noqa: S310 - loopback
        found: dict[str, Any] = json.load(answer)
    return found


def _serves(runner: Runner) -> str:
    """Return the checksum that the runner says it serves."""
    said = {one["strategy"]: one for one in _status(runner)["strategies"]}
    return str(said.get(STRATEGY, {}).get("sha256", ""))


def _quant(platform: Platform, *arguments: str) -> str:
    done = subprocess.run(
        [str(BIN / "quant"), *arguments],
        check=True,
        env=platform.env,
        cwd=platform.home,
        timeout=300,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.mark.usefixtures("researched")
def test_the_champion_is_deployed_and_served(
    platform: Platform, database: StrategyDatabase, runner: Runner
) -> None:
    version = wait_for(
        lambda: [one.row for one in database.history(STRATEGY) if one.row.mode == "live"],
        seconds=1800,
        what=f"the elected champion to be deployed, see {platform.log}",
    )[-1]
    assert version.model is not None
    assert version.allocation is not None
    assert version.allocation > 0
    wait_for(
        lambda: _serves(runner) == version.model.sha256,
        seconds=600,
        what="the runner to serve what it was told",
    )
    wait_for(
        lambda: [one.served.sha256 for one in database.served()] == [version.model.sha256],
        seconds=600,
        what="the report of the runner",
    )
    with urllib.request.urlopen(f"{runner.url}/metrics", timeout=30) as answer:  # noqa: S310 - loopback
        assert b"market_tick_processed_total" in answer.read()


@pytest.mark.usefixtures("researched")
def test_a_promotion_and_its_rollback_reach_the_runner(
    platform: Platform, server: str, database: StrategyDatabase, runner: Runner
) -> None:
    wait_for(lambda: database.history(STRATEGY), seconds=1800, what="a first deployment")
    from resources.mlflow_registry import ModelRegistry  # noqa: PLC0415 - brings MLflow

    registry = ModelRegistry(within(server, "mlflow"), str(platform.home / "mlflow"))
    first = registry.aliased(STRATEGY, "champion")
    assert first is not None
    older = _other_model(platform, first.spec.sha256)
    second = registry.register(
        STRATEGY,
        first.spec.model_copy(update=older),
        strategy=first.strategy,
        tags=first.tags,
    )
    assert second.number == first.number + 1
    for number, sha256 in ((second.number, older["sha256"]), (first.number, first.spec.sha256)):
        _quant(platform, "models", "promote", STRATEGY, str(number))
        wait_for(
            lambda sha256=sha256: _serves(runner) == sha256,
            seconds=1800,
            what=f"version {number} to be served, see {platform.log}",
        )
    wait_for(lambda: not unfinished(platform), seconds=1800, what="the last run to end")
    runs = [one for one in platform.runs() if one["jobName"] == "redeploy"]
    assert {one["status"] for one in runs} == {"SUCCESS"}
    assert len(runs) >= 3


def test_every_table_is_on_the_server(platform: Platform, server: str) -> None:
    from sqlalchemy import text

    assert not list(platform.home.rglob("*.db"))
    with locked(server) as connection:
        found = connection.execute(text("SELECT schemaname, tablename FROM pg_tables"))
        tables = {f"{schema}.{name}" for schema, name in found}
    assert {"dagster.runs", "dagster.event_logs", "dagster.instigators"} <= tables
    assert {"mlflow.model_versions", "public.strategies", "public.served"} <= tables


def test_no_process_and_no_log_shows_the_password(platform: Platform) -> None:
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if process.environ().get("TV_HOME") == str(platform.home):
                shown = [one for one in process.cmdline() if "secret-of-test" in one]
                assert not shown or "--strategies" in process.cmdline()
    for path in platform.home.rglob("*"):
        if path.is_file():
            assert b"secret-of-test" not in path.read_bytes(), path


def test_signals_name_the_models_that_made_them(runner: Runner) -> None:
    runner.process.terminate()
    assert runner.process.wait(timeout=60) == 0, (runner.folder / "log").read_text()
    signals = pq.read_table(runner.folder / "signals.parquet")
    versions = signals["model_version"].to_pylist()
    changes = [now for before, now in pairwise(versions) if before != now]
    assert len(changes) >= 2, "promoted, then rolled back"
    assert changes[-1] == versions[0]
    ids = signals["signal_id"].to_pylist()
    assert len(set(ids)) == len(ids)


def _other_model(platform: Platform, sha256: str) -> dict[str, str]:
    """Return another model of the strategy that the graph has trained."""
    files = sorted((platform.home / "lakehouse").rglob("*.onnx"))
    other = next(path for path in files if path.stem != sha256)
    return {"sha256": other.stem, "uri": str(other), "version": f"older-{other.stem[:8]}"}
