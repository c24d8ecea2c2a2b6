from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa
import yaml

from resources.ray_io_manager import RayIOManager

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

KEYS = [f"{number:03d}" for number in range(40)]
PARTITIONS = dg.StaticPartitionsDefinition(KEYS)


@dg.asset(partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
def numbers() -> dict[str, Any]:
    return {key: pa.table({"number": [int(key)]}) for key in KEYS}


@dg.asset_check(asset=numbers)
def positive() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def recorded(folder: Path, monkeypatch: pytest.MonkeyPatch, *, batched: bool) -> dict[str, Any]:
    """Run the asset over all keys, and return what the event log then says."""
    folder.mkdir()
    settings: dict[str, Any] = {"telemetry": {"enabled": False}}
    if batched:
        settings["event_log_storage"] = {
            "module": "quant_assets._event_log",
            "class": "BatchedSqliteEventLog",
            "config": {"base_dir": {"env": "DAGSTER_HOME"}},
        }
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


def test_the_log_in_batches_says_what_the_log_one_by_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = recorded(tmp_path / "plain", monkeypatch, batched=False)
    batched = recorded(tmp_path / "batched", monkeypatch, batched=True)
    assert batched == plain
    assert batched["types"]["ASSET_MATERIALIZATION"] == len(KEYS)
    assert batched["types"]["ASSET_MATERIALIZATION_PLANNED"] == len(KEYS)
    assert batched["types"]["ASSET_CHECK_EVALUATION"] == 1
    assert batched["materialized"] == set(KEYS)
    assert len({tags["dagster/data_version"] for tags in batched["versions"].values()}) == len(KEYS)
