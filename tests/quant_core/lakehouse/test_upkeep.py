from __future__ import annotations

import json
import os
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from quant_core.cells import MANIFEST, FolderStore, Receipt, parquet_bytes
from quant_core.cli import app
from quant_core.clock import VirtualClock, use_clock
from quant_core.errors import ConfigError, StoreError
from quant_core.lakehouse import clean, compact, verify
from quant_core.objects import open_objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MONTHS = [f"{year}-{month:02d}" for year in (2018, 2019, 2020) for month in (1, 2, 12)]
TODAY = datetime(2100, 6, 1, tzinfo=UTC)


def table(month: str) -> pa.Table:
    seed = int(month.replace("-", ""))
    # As in a returns matrix, the columns differ from month to month.
    return pa.table({"month": [month] * 20, f"x{seed % 3}": np.random.default_rng(seed).random(20)})


@pytest.fixture(params=["disk", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with use_clock(VirtualClock(TODAY)):
        if request.param == "disk":
            yield str(tmp_path / "lake")
            return
        yield "memory://upkeep"
        memory = fsspec.filesystem("memory")
        if memory.exists("/upkeep"):
            memory.rm("/upkeep", recursive=True)


def filled(root: str) -> dict[str, Receipt]:
    store = FolderStore(f"{root}/prices")
    found = [store.write(f"us/{month}", table(month)) for month in MONTHS]
    store.book(found, code_version="7")
    return {receipt.partition: receipt for receipt in found}


def names(root: str) -> list[str]:
    return sorted(open_objects(root).names())


def states(root: str) -> dict[str, str]:
    return {item.name: item.state for item in verify(open_objects(root)) if item.state != "whole"}


def test_a_manifest_holds_what_was_booked(root: str) -> None:
    receipts = filled(root)
    found = open_objects(root).read(f"prices/us/{MANIFEST}")
    assert found is not None
    entry = json.loads(found[0])["partitions"]["2018-01"]
    receipt = receipts["us/2018-01"]
    assert entry == {
        "digest": receipt.digest,
        "rows": 20,
        "size": receipt.size,
        "code_version": "7",
        "pack": "",
        "offset": 0,
    }
    assert states(root) == {}


def test_both_views_of_a_folder_share_its_manifest(root: str) -> None:
    filled(root)
    FolderStore(f"{root}/prices/us").delete("2018-01")
    assert "us/2018-01" not in FolderStore(f"{root}/prices").partitions()
    assert states(root) == {}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("lost", {"prices/us/2019-01.parquet": "lost"}),
        ("altered", {"prices/us/2019-01.parquet": "altered"}),
        ("damaged", {"prices/us/2019-01.parquet": "damaged"}),
        ("foreign", {"prices/us/notes.txt": "foreign"}),
        ("unbooked", {"prices/us/2021-01.parquet": "unbooked"}),
        ("broken and unbooked", {"prices/us/2021-01.parquet": "damaged"}),
    ],
)
def test_verify_finds_what_is_not_as_it_was_booked(
    change: str, expected: dict[str, str], root: str
) -> None:
    filled(root)
    objects = open_objects(root)
    store = FolderStore(f"{root}/prices/us")
    if change == "lost":
        objects.remove("prices/us/2019-01.parquet")
    elif change == "altered":
        objects.put("prices/us/2019-01.parquet", parquet_bytes(table("2019-02")), seen=None)
    elif change == "damaged":
        objects.put("prices/us/2019-01.parquet", b"PAR1 half", seen=None)
    elif change == "foreign":
        objects.put("prices/us/notes.txt", b"mine", seen=None)
    elif change == "unbooked":
        store.write("2021-01", table("2021-01"))
    else:
        objects.put("prices/us/2021-01.parquet", b"PAR1 half", seen=None)
    assert states(root) == expected
    assert all(item.text for item in verify(objects) if item.state != "whole")


def test_compaction_changes_nothing_for_readers(root: str) -> None:
    receipts = filled(root)
    store = FolderStore(f"{root}/prices")
    before = names(root)
    planned = compact(open_objects(root))
    assert [(item.folder, item.year, item.files) for item in planned] == [
        ("prices/us", "2018", 3),
        ("prices/us", "2019", 3),
    ]
    assert names(root) == before
    assert compact(open_objects(root), dry_run=False) == planned
    left = [name for name in names(root) if name.endswith(".parquet")]
    assert left == [f"prices/us/2020-{month}.parquet" for month in ("01", "02", "12")]
    assert store.partitions() == [f"us/{month}" for month in MONTHS]
    for month in MONTHS:
        partition = f"us/{month}"
        assert store.receipt(partition) == receipts[partition]
        assert store.read(partition) == table(month)
        assert store.read(partition, ["month"]) == table(month).select(["month"])
        assert store.load(partition) == (table(month), receipts[partition].digest)
        assert store.version(partition) is not None
    assert states(root) == {}
    assert compact(open_objects(root), dry_run=False) == []


def test_a_pack_is_a_tar_of_the_files_as_they_were(tmp_path: Path) -> None:
    with use_clock(VirtualClock(TODAY)):
        filled(str(tmp_path))
        compact(open_objects(str(tmp_path)), dry_run=False)
    (pack,) = (tmp_path / "prices" / "us").glob("2018.*.tar")
    with tarfile.open(pack) as archive:
        archive.extractall(tmp_path / "out", filter="data")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "2018-01.parquet",
        "2018-02.parquet",
        "2018-12.parquet",
    ]
    assert (tmp_path / "out" / "2018-02.parquet").read_bytes() == parquet_bytes(table("2018-02"))


def test_the_years_that_may_still_grow_are_left_alone(tmp_path: Path) -> None:
    with use_clock(VirtualClock(datetime(2019, 6, 1, tzinfo=UTC))):
        filled(str(tmp_path))
        assert [item.year for item in compact(open_objects(str(tmp_path)))] == ["2018"]


def test_a_month_that_is_written_again_counts_before_its_pack(root: str) -> None:
    filled(root)
    compact(open_objects(root), dry_run=False)
    store = FolderStore(f"{root}/prices")
    again = store.write("us/2018-02", table("2019-12"))
    assert store.read("us/2018-02") == table("2019-12")
    assert compact(open_objects(root))[0].text.endswith("`quant lakehouse verify` says more")
    store.book([again])
    assert states(root) == {}
    old = [name for name in names(root) if "/2018." in name]
    compact(open_objects(root), dry_run=False)
    assert store.receipt("us/2018-02") == again
    assert store.read("us/2018-01") == table("2018-01")
    assert [item.name for item in clean(open_objects(root), days=0)] == old


def test_a_deleted_month_does_not_come_back_from_its_pack(root: str) -> None:
    filled(root)
    compact(open_objects(root), dry_run=False)
    store = FolderStore(f"{root}/prices")
    assert store.read("us/2018-01") is not None
    store.delete("us/2018-01")
    assert store.read("us/2018-01") is None
    assert "us/2018-01" not in store.partitions()


def test_a_year_with_a_damaged_month_is_not_packed(root: str) -> None:
    filled(root)
    open_objects(root).put("prices/us/2018-02.parquet", b"PAR1 half", seen=None)
    found = compact(open_objects(root), dry_run=False)
    assert [(item.year, bool(item.text)) for item in found] == [("2018", True), ("2019", False)]
    assert FolderStore(f"{root}/prices").read("us/2018-01") == table("2018-01")


@pytest.mark.parametrize("damage", [b"", b"other bytes" * 1000])
def test_a_damaged_pack_is_an_error_that_names_it(damage: bytes, root: str) -> None:
    filled(root)
    compact(open_objects(root), dry_run=False)
    (pack,) = (name for name in names(root) if "/2018." in name)
    open_objects(root).put(pack, damage, seen=None)
    with pytest.raises(StoreError, match=r"2018\.[0-9a-f]+\.tar: expected us/2018-01 with digest"):
        FolderStore(f"{root}/prices").read("us/2018-01")
    open_objects(root).remove(pack)
    with pytest.raises(StoreError, match="expected the pack that the manifest names, found none"):
        FolderStore(f"{root}/prices").read("us/2018-01")
    assert set(states(root).values()) == {"lost"}


def test_clean_removes_leftovers_that_are_old_enough_and_nothing_else(tmp_path: Path) -> None:
    root = str(tmp_path)
    filled(root)
    folder = tmp_path / "prices" / "us"
    (folder / "2015.abc.tar").write_bytes(b"no manifest names it")
    (folder / ".2020-01.parquet.99999999.unfinished").write_bytes(b"PAR1 half")
    (folder / "notes.txt").write_text("mine")
    for path in folder.iterdir():
        os.utime(path, (1.7e9, 1.7e9))  # 2023-11-14
    kept = {name for name in names(root) if not name.endswith((".tar", ".unfinished"))}
    with use_clock(VirtualClock(datetime(2023, 11, 16, tzinfo=UTC))):
        assert clean(open_objects(root), days=7) == []
        found = clean(open_objects(root), days=1)
        assert {item.why for item in found} == {
            "a pack that is no longer used",
            "a write that was not finished",
        }
        assert set(names(root)) > kept
        assert clean(open_objects(root), days=1, dry_run=False) == found
    assert set(names(root)) == kept
    with pytest.raises(ConfigError, match="--older-than: expected days >= 0"):
        clean(open_objects(root), days=-1)


def test_a_single_file_that_a_killed_compaction_left_is_cleaned(tmp_path: Path) -> None:
    root = str(tmp_path)
    filled(root)
    copy = (tmp_path / "prices/us/2018-01.parquet").read_bytes()
    with use_clock(VirtualClock(TODAY)):
        compact(open_objects(root), dry_run=False)
    (tmp_path / "prices/us/2018-01.parquet").write_bytes(copy)
    assert states(root) == {}
    found = clean(open_objects(root), days=0, dry_run=False)
    assert [(item.name, item.why) for item in found] == [
        ("prices/us/2018-01.parquet", "also in the pack of its year")
    ]
    assert FolderStore(f"{root}/prices").read("us/2018-01") == table("2018-01")


def test_a_broken_manifest_is_an_error_that_names_it(root: str) -> None:
    filled(root)
    open_objects(root).put(f"prices/us/{MANIFEST}", b"{}", seen=None)
    with pytest.raises(StoreError, match=r"\.manifest\.json: expected a manifest of format 1"):
        FolderStore(f"{root}/prices").partitions()


def test_the_commands_say_what_they_find_and_change_nothing_unasked(tmp_path: Path) -> None:
    root = str(tmp_path)
    filled(root)

    def run(*words: str) -> tuple[int, str]:
        found = CliRunner().invoke(app, ["lakehouse", *words, "--url", root])
        return found.exit_code, found.output

    assert run("probe") == (0, f"url={root}/  found=a local disk: a write is a rename\n")
    assert run("verify") == (0, "9 whole\n")
    before = names(root)
    code, text = run("compact")
    assert (code, text.splitlines()[-1]) == (0, "6 files would be packed; say --apply to do it")
    assert names(root) == before
    assert run("compact", "--apply")[1].splitlines()[-1] == "6 files packed"
    assert run("clean") == (0, "0 files, 0 bytes would be removed; say --apply to do it\n")
    (tmp_path / "prices/us/2020-01.parquet").unlink()
    code, text = run("verify")
    assert code == 1
    assert "name=prices/us/2020-01.parquet  state=lost" in text
