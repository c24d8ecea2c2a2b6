from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from quant_core.errors import ConfigError
from resources.lakehouse import Lakehouse, data_folder

if TYPE_CHECKING:
    from pathlib import Path

TABLE = pa.table({"a": [1, 2]})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "{here}/data/lakehouse"),
        ({"TV_HOME": "{here}/home"}, "{here}/home/lakehouse"),
        ({"TV_HOME": "{here}/home", "TV_LAKEHOUSE": "s3://bucket/lake/"}, "s3://bucket/lake"),
    ],
)
def test_the_root_comes_from_the_environment(
    settings: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TV_HOME", raising=False)
    monkeypatch.delenv("TV_LAKEHOUSE", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value.format(here=tmp_path))
    assert Lakehouse().url == expected.format(here=tmp_path)


def test_an_argument_counts_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TV_LAKEHOUSE", "/elsewhere")
    assert Lakehouse("memory://lake").url == "memory://lake"


def test_the_data_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TV_HOME", "mine")
    assert data_folder() == tmp_path / "mine"


def test_a_partition_lies_below_its_asset_and_dimensions(tmp_path: Path) -> None:
    lakehouse = Lakehouse(str(tmp_path))
    lakehouse.store("weights_cube", "us_equity").write("2007-01", TABLE)
    assert (tmp_path / "weights_cube" / "us_equity" / "2007-01.parquet").is_file()
    assert lakehouse.store("weights_cube").partitions() == ["us_equity/2007-01"]
    assert lakehouse.store("weights_cube").read("us_equity/2007-01") == TABLE
    assert lakehouse.store("universe").partitions() == []


@pytest.mark.parametrize("part", ["", "..", "../other", "a/b", ".hidden", "a\\b"])
def test_a_part_cannot_leave_its_folder(part: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected the name of an asset or partition"):
        Lakehouse(str(tmp_path)).store("weights_cube", part)


def test_what_a_dead_writer_left_is_purged_and_never_a_partition(tmp_path: Path) -> None:
    writer = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        check=True,
        capture_output=True,
        text=True,
    )
    folder = tmp_path / "weights_cube" / "us_equity"
    folder.mkdir(parents=True)
    dead = folder / f".2007-01.parquet.{int(writer.stdout)}.unfinished"
    alive = folder / f".2007-02.parquet.{os.getpid()}.unfinished"
    for path in (dead, alive):
        path.write_bytes(b"PAR1 half of it")
    lakehouse = Lakehouse(str(tmp_path))
    assert lakehouse.store("weights_cube").partitions() == []
    assert lakehouse.store("weights_cube").read("us_equity/2007-01") is None
    assert lakehouse.purge_unfinished() == [str(dead)]
    assert not dead.exists()
    assert alive.exists()


def test_an_object_store_has_nothing_unfinished() -> None:
    assert Lakehouse("memory://lake").purge_unfinished() == []
