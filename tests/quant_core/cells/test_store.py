from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import fsspec
import numpy as np
import pyarrow as pa
import pytest

from quant_core.canonical import digest
from quant_core.cells import FolderStore, parquet_bytes, read_parquet, whole_file
from quant_core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 40_000


def table(number: int, rows: int = 1000) -> pa.Table:
    windows = pa.array([f"2020-0{number}-01"] * rows).dictionary_encode()
    return pa.table({"window": windows, "weight": np.random.default_rng(number).random(rows)})


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FolderStore]:
    if request.param == "disk":
        yield FolderStore(str(tmp_path / "cube"))
        return
    yield FolderStore("memory://cube")
    fsspec.filesystem("memory").rm("/cube", recursive=True)


def test_a_partition_reads_back(store: FolderStore) -> None:
    receipt = store.write("us_equity/2020-01", table(1))
    assert store.read("us_equity/2020-01") == table(1)
    assert store.read("us_equity/2020-01", ["weight"]) == table(1).select(["weight"])
    data = parquet_bytes(table(1))
    assert (receipt.partition, receipt.rows) == ("us_equity/2020-01", 1000)
    assert (receipt.size, receipt.digest) == (len(data), digest(data))
    assert receipt.path == store.path("us_equity/2020-01")
    assert store.receipt("us_equity/2020-01") == receipt


def test_a_partition_is_replaced_listed_and_deleted(store: FolderStore) -> None:
    for name in ("b/2020-02", "a/2020-10", "a/2020-01"):
        store.write(name, table(1))
    assert store.partitions() == ["a/2020-01", "a/2020-10", "b/2020-02"]
    store.write("a/2020-01", table(2))
    assert store.read("a/2020-01") == table(2)
    store.delete("a/2020-10")
    store.delete("a/2020-11")
    assert store.partitions() == ["a/2020-01", "b/2020-02"]


def test_what_was_never_written_is_none(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path / "cube"))
    assert store.read("a/2020-01") is None
    assert store.receipt("a/2020-01") is None
    assert store.partitions() == []
    assert list(tmp_path.iterdir()) == []


def damaged() -> dict[str, bytes]:
    whole = parquet_bytes(table(1))
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    return {
        "text": b"date,weight\n",
        "empty": b"",
        "cut": whole[:middle],
        "one flipped bit in a page": flipped,
    }


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "one flipped bit in a page"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, kind: str) -> None:
    store = FolderStore(str(tmp_path))
    store.write("a", table(1))
    path = tmp_path / "a.parquet"
    path.write_bytes(damaged()[kind])
    for read in (lambda: store.read("a"), lambda: read_parquet(path, name=path)):
        with pytest.raises(StoreError) as raised:
            read()
        assert str(raised.value).startswith(f"{path}: expected a Parquet file, found ")
        assert str(raised.value).endswith("delete it to have it computed again")


def test_a_damaged_file_has_no_receipt(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"date,weight\n")
    with pytest.raises(StoreError, match="expected a Parquet file"):
        FolderStore(str(tmp_path)).receipt("a")


def test_equal_tables_give_equal_bytes_whatever_their_chunks() -> None:
    whole = table(1)
    split = pa.concat_tables([whole.slice(0, 7), whole.slice(7)])
    assert parquet_bytes(split.combine_chunks()) == parquet_bytes(whole)


def test_a_file_that_was_not_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    with whole_file(path) as unfinished:
        unfinished.write_text("old")
        assert not path.exists()
    with pytest.raises(ZeroDivisionError), whole_file(path) as unfinished:
        unfinished.write_text(str(unfinished.write_text("new") / 0))
    assert path.read_text() == "old"
    assert [item.name for item in path.parent.iterdir()] == ["file.txt"]


WRITER = f"""
import os, sys
import numpy as np
import pyarrow as pa
from quant_core.cells import FolderStore

store = FolderStore(sys.argv[1], durable=False)
tables = [pa.table({{"x": np.full({ROWS}, float(n))}}) for n in (1, 2)]
print("ready", flush=True)
for _ in sys.stdin:
    child = os.fork()
    if not child:
        while True:
            for table in tables:
                store.write("a/1", table)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


def test_a_killed_writer_never_leaves_half_a_partition(tmp_path: Path) -> None:
    store = FolderStore(str(tmp_path))
    chance = random.Random(5)  # noqa: S311 - moments, not secrets
    contents = set()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        for _ in range(20):
            writer.stdin.write("go\n")
            writer.stdin.flush()
            child = int(writer.stdout.readline())
            reads = chance.randrange(1, 40)
            while reads:
                found = store.read("a/1")
                reads -= found is not None
            os.kill(child, signal.SIGKILL)
            assert writer.stdout.readline() == "dead\n"
            found = store.read("a/1")
            assert found is not None
            assert found.num_rows == ROWS
            values = set(found["x"].to_pylist())
            assert len(values) == 1
            contents |= values
            assert store.partitions() == ["a/1"]
        writer.stdin.close()
    assert contents <= {1.0, 2.0}
