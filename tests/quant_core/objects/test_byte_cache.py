from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from quant_core.canonical import digest
from quant_core.objects import ByteCache

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 1000


def content(number: int) -> bytes:
    return bytes([number]) * SIZE


def put(cache: ByteCache, number: int, when: int, folder: Path) -> str:
    name = digest(content(number))
    cache.put(name, content(number))
    if (folder / name[:2] / name).exists():
        os.utime(folder / name[:2] / name, ns=(when, when))
    return name


def test_bytes_come_back_by_their_digest(tmp_path: Path) -> None:
    cache = ByteCache(tmp_path, 10 * SIZE)
    name = put(cache, 1, 1, tmp_path)
    assert cache.get(name) == content(1)
    assert ByteCache(tmp_path, 10 * SIZE).get(name) == content(1)
    assert cache.get(digest(b"never put")) is None


@pytest.mark.parametrize("damage", [b"", content(1)[:-1], content(2)])
def test_an_entry_that_is_not_its_digest_is_dropped(damage: bytes, tmp_path: Path) -> None:
    cache = ByteCache(tmp_path, 10 * SIZE)
    name = put(cache, 1, 1, tmp_path)
    (tmp_path / name[:2] / name).write_bytes(damage)
    assert cache.get(name) is None
    assert not (tmp_path / name[:2] / name).exists()


def test_what_was_used_least_recently_goes_first(tmp_path: Path) -> None:
    cache = ByteCache(tmp_path, 3 * SIZE)
    names = [put(cache, number, number, tmp_path) for number in range(3)]
    assert cache.get(names[0]) == content(0)
    names.append(put(cache, 3, 10**18, tmp_path))
    assert [cache.get(name) is not None for name in names] == [True, False, True, True]


@pytest.mark.parametrize("limit", [0, SIZE - 1])
def test_what_is_larger_than_the_cache_is_not_kept(limit: int, tmp_path: Path) -> None:
    cache = ByteCache(tmp_path, limit)
    assert cache.get(put(cache, 1, 1, tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


WRITER = """
import sys
from pathlib import Path
from quant_core.canonical import digest
from quant_core.objects import ByteCache

cache = ByteCache(Path(sys.argv[1]), 20_000)
for turn in range(300):
    data = bytes([turn % 40]) * 1000
    found = cache.get(digest(data))
    assert found in (None, data), turn
    cache.put(digest(data), data)
"""


def test_processes_share_a_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    files = [path for path in tmp_path.glob("??/*") if path.is_file()]
    assert all(digest(path.read_bytes()) == path.name for path in files)
    assert sum(path.stat().st_size for path in files) <= 20_000 * (1 + 3 / 16) + 3 * SIZE
