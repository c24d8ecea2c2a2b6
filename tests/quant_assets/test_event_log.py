from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa
import pytest
import yaml
from sqlalchemy import event
from sqlalchemy.engine import Engine

from resources.ray_io_manager import RayIOManager
from tests.resources._postgres import MissingServerError, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
KEYS = [f"{number:03d}" for number in range(40)]
PARTITIONS = dg.StaticPartitionsDefinition(KEYS)


@dg.asset(partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
def numbers() -> dict[str, Any]:
    return {key: pa.table({"number": [int(key)]}) for key in KEYS}


@dg.asset_check(asset=numbers)
def positive() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def storage(file: str) -> dict[str, Any]:
    """Return what an instance of ours says of its storage."""
    settings = yaml.safe_load((ROOT / file).read_text())
    return {name: settings[name] for name in settings if "storage" in name}


def recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> dict[str, Any]:
    """Run the asset over all keys, and return what the event log then says."""
    folder.mkdir()
    settings = {"telemetry": {"enabled": False}, **settings}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    defs = dg.Definitions(
        assets=[numbers],
        asset_checks=[positive],
        jobs=[dg.define_asset_job("all", "*")],
        resources={"io_manager": RayIOManager(lakehouse=str(folder / "lake"))},
        executor=dg.in_process_executor,
    )
    ranged = {
        "dagster/asset_partition_range_start": KEYS[0],
        "dagster/asset_partition_range_end": KEYS[-1],
    }
    with dg.DagsterInstance.get() as instance:
        result = defs.resolve_job_def("all").execute_in_process(instance=instance, tags=ranged)
        assert result.success
        log, key = instance.event_log_storage, dg.AssetKey("numbers")
        types = [
            entry.dagster_event.event_type_value
            for entry in log.get_logs_for_run(result.run_id)
            if entry.dagster_event
        ]
        tags = log.get_latest_tags_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION, tag_keys=["dagster/data_version"]
        )
        return {
            "types": {name: types.count(name) for name in sorted(set(types))},
            "materialized": instance.get_materialized_partitions(key),
            "versions": tags,
            "last": instance.get_latest_materialization_event(key).dagster_event.partition,
        }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return recorded(tmp_path_factory.mktemp("plain") / "home", monkeypatch, {})


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    try:
        with running_postgres() as url:
            yield url
    except MissingServerError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def test_the_log_in_batches_says_what_the_log_one_by_one_does(
    plain: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batched = recorded(tmp_path / "home", monkeypatch, storage("dagster.yaml"))
    assert batched == plain
    assert batched["types"]["ASSET_MATERIALIZATION"] == len(KEYS)
    assert batched["types"]["ASSET_MATERIALIZATION_PLANNED"] == len(KEYS)
    assert batched["types"]["ASSET_CHECK_EVALUATION"] == 1
    assert batched["materialized"] == set(KEYS)
    assert len({tags["dagster/data_version"] for tags in batched["versions"].values()}) == len(KEYS)


def test_a_server_says_the_same_in_few_statements(
    plain: dict[str, Any], postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TV_POSTGRES", postgres)
    inserts: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("INSERT INTO event_logs"):
            inserts.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert recorded(tmp_path / "home", monkeypatch, storage("dagster-postgres.yaml")) == plain
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert 0 < len(inserts) < len(KEYS), "not one for every partition"


def test_the_two_instances_differ_in_their_storage_alone() -> None:
    settings = [
        yaml.safe_load((ROOT / file).read_text())
        for file in ("dagster.yaml", "dagster-postgres.yaml")
    ]
    for one in settings:
        for name in [name for name in one if "storage" in name]:
            del one[name]
    assert settings[0] == settings[1]
    assert settings[0]["run_coordinator"]["class"] == "QueuedRunCoordinator"
