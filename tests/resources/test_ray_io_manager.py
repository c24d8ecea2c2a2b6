from pathlib import Path
from typing import Any

import dagster as dg  # noqa: TID253 - what is under test is a part of it
import numpy as np
import pyarrow as pa
import pytest

from quant_core.cells import FolderStore
from quant_core.data import ReturnsMatrix
from quant_core.errors import StoreError
from resources import ray_io_manager
from resources._hot_objects import HotObjects
from resources.lakehouse import Lakehouse
from resources.ray_compute import RayCompute
from resources.ray_io_manager import Partition, RayIOManager

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2020-01", end_date="2020-07", fmt="%Y-%m")
SLEEVES = dg.StaticPartitionsDefinition(["crypto", "us_equity"])
GRID = dg.MultiPartitionsDefinition({"month": MONTHS, "sleeve": SLEEVES})
LOOK_BACK = dg.MultiPartitionMapping(
    {
        "sleeve": dg.DimensionPartitionMapping("sleeve", dg.IdentityPartitionMapping()),
        "month": dg.DimensionPartitionMapping(
            "month",
            dg.TimeWindowPartitionMapping(
                start_offset=-2, end_offset=-1, allow_nonexistent_upstream_partitions=True
            ),
        ),
    }
)
SINGLE_RUN = dg.BackfillPolicy.single_run()


def table_of(month: str) -> pa.Table:
    return pa.table({"month": [month], "number": [int(month[-2:])]})


def matrix_of(month: str, *symbols: str) -> ReturnsMatrix:
    dates = np.array([f"{month}-02", f"{month}-03"], "datetime64[us]")
    values = np.arange(2 * len(symbols), dtype=np.float64).reshape(2, -1) + int(month[-2:])
    return ReturnsMatrix(dates, symbols, values)


def key(month: str, sleeve: str = "us_equity") -> dg.MultiPartitionKey:
    return dg.MultiPartitionKey({"sleeve": sleeve, "month": month})


def month_of(partition: str) -> str:
    return partition.split("|", maxsplit=1)[0]


@dg.asset(partitions_def=GRID, backfill_policy=SINGLE_RUN, code_version="7")
def tables(context: dg.AssetExecutionContext) -> dict[str, Any]:
    return {name: table_of(month_of(name)) for name in context.partition_keys}


@dg.asset(partitions_def=GRID, backfill_policy=SINGLE_RUN)
def matrices(context: dg.AssetExecutionContext) -> dict[str, Any]:
    found = {}
    for name in context.partition_keys:
        month = month_of(name)
        found[name] = matrix_of(month, "A") if month == "2020-01" else matrix_of(month, "A", "B")
    return found


def run(
    *assets: dg.AssetsDefinition,
    root: Path,
    months: tuple[str, str],
    instance: dg.DagsterInstance | None = None,
    manager: RayIOManager | None = None,
) -> dg.ExecuteInProcessResult:
    first, last = (str(key(month)) for month in months)
    with dg.DagsterInstance.ephemeral() as own:
        return dg.materialize(
            list(assets),
            instance=instance or own,
            resources={"io_manager": manager or RayIOManager(lakehouse=str(root))},
            tags={
                "dagster/asset_partition_range_start": first,
                "dagster/asset_partition_range_end": last,
            },
        )


def consumer(annotation: Any, upstream: str = "tables", **options: Any) -> tuple[Any, list[Any]]:
    seen: list[Any] = []

    def body(context: dg.AssetExecutionContext, up: Any) -> dict[str, Any]:
        seen.append(up)
        return {name: table_of(month_of(name)) for name in context.partition_keys}

    body.__annotations__ = {"context": dg.AssetExecutionContext, "up": annotation}
    asset = dg.asset(
        name="consumer",
        partitions_def=GRID,
        backfill_policy=SINGLE_RUN,
        ins={"up": dg.AssetIn(upstream, partition_mapping=LOOK_BACK, **options)},
    )(body)
    return asset, seen


def test_a_range_is_one_run_with_a_file_and_an_event_of_its_own_for_each_partition(
    tmp_path: Path,
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(tables, root=tmp_path, months=("2020-01", "2020-06"), instance=instance)
        events = result.asset_materializations_for_node("tables")
        assert [event.partition for event in events] == [
            f"2020-0{month}|us_equity" for month in range(1, 7)
        ]
        store = Lakehouse(str(tmp_path)).store("tables")
        versions = {
            f"2020-0{month}|us_equity": store.receipt(f"us_equity/2020-0{month}").digest
            for month in range(1, 7)
        }
        assert len(set(versions.values())) == 6
        found = instance.event_log_storage.get_latest_tags_by_partition(
            dg.AssetKey("tables"),
            dg.DagsterEventType.ASSET_MATERIALIZATION,
            tag_keys=["dagster/data_version", "dagster/partition/month"],
        )
        assert found == {
            name: {"dagster/data_version": version, "dagster/partition/month": month_of(name)}
            for name, version in versions.items()
        }
        assert {event.tags["dagster/code_version"] for event in events} == {"7"}
        assert events[0].metadata["dagster/row_count"].value == 1


def test_a_single_partition_needs_no_mapping(tmp_path: Path) -> None:
    @dg.asset(partitions_def=GRID)
    def one() -> pa.Table:
        return table_of("2020-02")

    run(one, root=tmp_path, months=("2020-02", "2020-02"))
    assert Lakehouse(str(tmp_path)).store("one", "us_equity").read("2020-02") == table_of("2020-02")


def test_an_unpartitioned_asset_is_one_file(tmp_path: Path) -> None:
    @dg.asset
    def alone() -> pa.Table:
        return table_of("2020-02")

    @dg.asset
    def after(alone: pa.Table) -> pa.Table:
        return alone

    manager = RayIOManager(lakehouse=str(tmp_path))
    assert dg.materialize([alone, after], resources={"io_manager": manager}).success
    assert Lakehouse(str(tmp_path)).store("after").read("all") == table_of("2020-02")


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        (("2020-04", "2020-04"), ["2020-02", "2020-03"]),
        (("2020-04", "2020-06"), ["2020-02", "2020-03", "2020-04", "2020-05"]),
        (("2020-02", "2020-02"), ["2020-01"]),
    ],
)
def test_a_look_back_arrives_in_time_order_and_is_clipped_at_the_start(
    months: tuple[str, str], expected: list[str], tmp_path: Path
) -> None:
    run(tables, root=tmp_path, months=("2020-01", "2020-06"))
    for annotation in (pa.Table, dict[str, pa.Table]):
        asset, seen = consumer(annotation)
        run(asset, tables.to_source_asset(), root=tmp_path, months=months)
        if annotation is pa.Table:
            assert seen[0]["month"].to_pylist() == expected
        else:
            assert list(seen[0]) == [f"{month}|us_equity" for month in expected]
            assert seen[0][f"{expected[0]}|us_equity"] == table_of(expected[0])


def test_returns_matrices_are_concatenated(tmp_path: Path) -> None:
    run(matrices, root=tmp_path, months=("2020-01", "2020-06"))
    asset, seen = consumer(ReturnsMatrix, "matrices")
    run(asset, matrices.to_source_asset(), root=tmp_path, months=("2020-03", "2020-03"))
    assert seen[0].symbols == ("A", "B")
    expected = [[1.0, np.nan], [2.0, np.nan], [2.0, 3.0], [4.0, 5.0]]
    np.testing.assert_array_equal(seen[0].values, expected)


def test_a_missing_partition_is_an_error_that_names_it(tmp_path: Path) -> None:
    run(tables, root=tmp_path, months=("2020-02", "2020-02"))
    asset, _ = consumer(pa.Table)
    with pytest.raises(dg.Failure, match=r"tables: partition 2020-01\|us_equity has"):
        run(asset, tables.to_source_asset(), root=tmp_path, months=("2020-03", "2020-03"))


@pytest.mark.parametrize(("first", "months"), [("2020-02", ["2020-02"]), ("2020-01", None)])
def test_only_months_outside_a_sleeve_span_may_be_missing(
    first: str, months: list[str] | None, tmp_path: Path
) -> None:
    run(tables, root=tmp_path, months=("2020-02", "2020-02"))
    spans = {"us_equity": [first, "2020-06"]}
    asset, seen = consumer(pa.Table, metadata={"spans": spans})
    if months is None:
        with pytest.raises(dg.Failure):
            run(asset, tables.to_source_asset(), root=tmp_path, months=("2020-03", "2020-03"))
        return
    run(asset, tables.to_source_asset(), root=tmp_path, months=("2020-03", "2020-03"))
    assert seen[0]["month"].to_pylist() == months


@pytest.mark.parametrize("value", [[1, 2], {"2020-01|us_equity": "text"}, object(), None])
def test_an_output_that_is_no_table_is_refused(value: Any, tmp_path: Path) -> None:
    @dg.asset(partitions_def=GRID)
    def wrong() -> Any:
        return value

    with pytest.raises(dg.Failure, match="nothing is pickled"):
        run(wrong, root=tmp_path, months=("2020-01", "2020-01"))
    assert list(tmp_path.iterdir()) == []


def test_an_output_with_other_partitions_than_the_run_is_refused(tmp_path: Path) -> None:
    @dg.asset(partitions_def=GRID, backfill_policy=SINGLE_RUN)
    def partial() -> Any:
        return {"2020-01|us_equity": table_of("2020-01"), "2021-01|us_equity": table_of("2021-01")}

    with pytest.raises(dg.Failure, match=r"missing 2020-02\|us_equity; not asked for 2021-01"):
        run(partial, root=tmp_path, months=("2020-01", "2020-02"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("annotation", [Any, list, dict[str, Any], np.ndarray])
def test_an_input_of_another_type_is_refused(annotation: Any, tmp_path: Path) -> None:
    run(tables, root=tmp_path, months=("2020-01", "2020-02"))
    asset, _ = consumer(annotation)
    with pytest.raises(dg.Failure, match="expected the annotation"):
        run(asset, tables.to_source_asset(), root=tmp_path, months=("2020-03", "2020-03"))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ("nothing", None, ""),
        ("file", StoreError, "did two runs write the partition at once"),
        ("gone", dg.Failure, "a worker reported partition us_equity/2020-01"),
    ],
)
def test_a_receipt_is_held_against_its_file(
    change: str, error: type[Exception] | None, match: str, tmp_path: Path
) -> None:
    store = Lakehouse(str(tmp_path)).store("by_worker", "us_equity")

    @dg.asset(partitions_def=GRID)
    def by_worker() -> Any:
        receipt = store.write("2020-01", table_of("2020-01"))
        if change == "file":
            store.write("2020-01", table_of("2020-02"))
        if change == "gone":
            store.delete("2020-01")
        return Partition(receipt, {"hits": 3})

    if error is None:
        result = run(by_worker, root=tmp_path, months=("2020-01", "2020-01"))
        event = result.asset_materializations_for_node("by_worker")[0]
        assert event.metadata["hits"].value == 3
        return
    with pytest.raises(error, match=match):
        run(by_worker, root=tmp_path, months=("2020-01", "2020-01"))


def test_a_broken_file_is_an_error(tmp_path: Path) -> None:
    run(tables, root=tmp_path, months=("2020-01", "2020-02"))
    (tmp_path / "tables" / "us_equity" / "2020-02.parquet").write_bytes(b"PAR1 half")
    asset, _ = consumer(pa.Table)
    with pytest.raises(StoreError, match="expected a Parquet file, found what"):
        run(asset, tables.to_source_asset(), root=tmp_path, months=("2020-03", "2020-03"))


def test_while_ray_runs_a_load_takes_the_live_object_unless_the_file_has_changed(
    ray_compute: RayCompute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ray_compute.leftovers() > 0
    parsed: list[str] = []

    def count(store: FolderStore, place: str) -> tuple[pa.Table, str] | None:
        parsed.append(store.path(place))
        return original(store, place)

    original = ray_io_manager.parsed
    monkeypatch.setattr(ray_io_manager, "parsed", count)
    manager = RayIOManager(lakehouse=str(tmp_path))
    store = manager.store(dg.AssetKey("tables"))
    assert manager.write(store, "tables", "us_equity/2020-01", Partition(table_of("2020-01")))
    for _ in range(2):
        assert manager.read(store, "tables", "k", "us_equity/2020-01") == table_of("2020-01")
    assert parsed == []
    store.write("us_equity/2020-01", table_of("2020-05"))
    for _ in range(2):
        assert manager.read(store, "tables", "k", "us_equity/2020-01") == table_of("2020-05")
    assert parsed == [store.path("us_equity/2020-01")]


def wide_table(seed: int) -> pa.Table:
    return pa.table({"x": np.full(50_000, float(seed))})


def test_a_hot_object_is_found_by_its_content_without_a_copy(ray_compute: RayCompute) -> None:
    assert ray_compute.leftovers() > 0
    hot = HotObjects(10**7)
    hot.put("cube", "2020-01", "abc", wide_table(1))
    assert hot.get("cube", "2020-01", "abd") is None
    assert hot.get("cube", "2020-02", "abc") is None
    first, second = hot.get("cube", "2020-01", "abc"), hot.get("cube", "2020-01", "abc")
    assert first == wide_table(1)
    places = [table["x"].chunk(0).buffers()[1].address for table in (first, second)]
    assert places[0] == places[1]


def test_hot_objects_are_bounded_and_the_least_recently_used_go(ray_compute: RayCompute) -> None:
    assert ray_compute.leftovers() > 0
    size = wide_table(0).nbytes
    hot = HotObjects(2 * size)
    hot.put("cube", "1", "a", wide_table(1))
    hot.put("cube", "2", "b", wide_table(2))
    assert hot.get("cube", "1", "a") is not None
    hot.put("cube", "3", "c", wide_table(3))
    assert hot.bytes == 2 * size
    assert [hot.get("cube", *at) is None for at in (("1", "a"), ("2", "b"), ("3", "c"))] == [
        False,
        True,
        False,
    ]
    hot.put("cube", "4", "d", pa.concat_tables([wide_table(4)] * 3))
    assert hot.get("cube", "4", "d") is None
    assert len(hot) == 2
