"""What a store of objects may do to us, and what we never do to a partition."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from quant_core.cells import MANIFEST, FolderStore
from quant_core.errors import StoreError
from quant_core.objects import _conditions
from quant_core.objects._s3_client import request
from tests.resources._s3 import (
    ACCESS,
    BUCKET,
    FAULTS,
    SECRET,
    Faults,
    FaultyProxy,
    environment,
    running_moto,
    running_proxy,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from quant_core.cells import Receipt

SEEDS = int(os.environ.get("STORE_FAULT_SEEDS", "1"))
STEPS = 4
NONE = -1


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultyProxy]:
    with running_moto() as endpoint, running_proxy(endpoint) as found:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment(endpoint).items():
                patch.setenv(name, value)
            request("create_bucket", Bucket=BUCKET)
            versioned = {"Status": "Enabled"}
            request("put_bucket_versioning", Bucket=BUCKET, VersioningConfiguration=versioned)
        yield found


def table(number: int) -> pa.Table:
    rows = 200
    values = np.random.default_rng(number).random(rows)
    return pa.table({"number": np.full(rows, number), "value": values})


def versions(prefix: str) -> dict[str, int]:
    """How many times each object was written, as the server tells."""
    found: dict[str, int] = {}
    for item in request("list_object_versions", Bucket=BUCKET, Prefix=prefix).get("Versions", ()):
        found[item["Key"]] = found.get(item["Key"], 0) + 1
    return found


class Case:
    """A store under faults, a rival without, and what may be stored after each step."""

    def __init__(self, proxy: FaultyProxy, kind: str, seed: int) -> None:
        self.proxy, self.kind = proxy, kind
        hasty = kind.startswith("timeout") or kind == "written late"
        attempts = 2 if seed % 5 == 4 else 1
        self.variables = environment(
            proxy.endpoint, attempts=attempts, patience=1.0 if hasty else 60.0
        )
        self.chance = random.Random(f"{kind} {seed}")  # noqa: S311 - faults, not secrets
        self.prefix = f"{kind.replace(' ', '-')}/{seed}"
        self.url = f"s3://{BUCKET}/{self.prefix}"
        self.store, self.rival = FolderStore(self.url), FolderStore(self.url)
        self.possible: dict[str, set[int]] = {"a": {NONE}, "b": {NONE}}
        self.acknowledged, self.unclear = {"a": 0, "b": 0}, {"a": 0, "b": 0}
        self.booked: set[str] = set()
        self.injected = 0

    @contextmanager
    def faults(self) -> Iterator[None]:
        self.proxy.faults = Faults(self.kind, self.chance)
        if self.kind == "ignored condition":
            _conditions._probes.clear()  # noqa: SLF001 - another store, for all that we know
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.variables.items():
                patch.setenv(name, value)
            yield
        self.proxy.settle()
        self.injected += self.proxy.faults.injected
        if self.kind == "ignored condition":
            _conditions._probes.clear()  # noqa: SLF001 - as above
        self.proxy.faults = Faults()

    def step(self, number: int) -> None:
        name = self.chance.choice("ab")
        with self.faults():
            seen = self.read(name)
        if seen is not None and self.chance.random() < 0.3:
            self.rival.read(name)
            self.rival.write(name, table(100 + number))
            self.written(name, 100 + number)
            with self.faults(), pytest.raises(StoreError):
                self.store.write(name, table(number))
            return
        with self.faults():
            receipt = self.write(name, number)
        if receipt is not None:
            self.rival.book([receipt])
            self.booked.add(name)
        if self.kind == "stale list" or number % 2:
            with self.faults():
                self.list()

    def read(self, name: str) -> int | None:
        """Read: the number of a whole table, NONE for none, or None for a clean error."""
        try:
            found = self.store.read(name)
        except StoreError as error:
            clean(error)
            return None
        number = NONE if found is None else whole(found)
        assert number in self.possible[name]
        return number

    def write(self, name: str, number: int) -> Receipt | None:
        try:
            receipt = self.store.write(name, table(number))
        except StoreError as error:
            clean(error)
            self.possible[name] |= {number}
            self.unclear[name] += 1
        else:
            self.written(name, number)
            return receipt
        return None

    def written(self, name: str, number: int) -> None:
        self.possible[name] = {number}
        self.acknowledged[name] += 1

    def list(self) -> None:
        try:
            assert self.booked <= set(self.store.partitions())
        except StoreError as error:
            clean(error)

    def hold(self) -> None:
        """Without faults: what is there is whole, and each write was stored once."""
        found, counts = FolderStore(self.url), versions(self.prefix)
        for name in "ab":
            stored = found.read(name)
            assert (NONE if stored is None else whole(stored)) in self.possible[name]
            count = counts.pop(f"{self.prefix}/{name}.parquet", 0)
            least = self.acknowledged[name]
            assert least <= count <= least + self.unclear[name]
        assert {key for key in counts if ".probe/" not in key} <= {f"{self.prefix}/{MANIFEST}"}


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", FAULTS)
def test_no_read_is_torn_and_each_write_shows_once_and_whole(
    kind: str, seed: int, proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(proxy.endpoint, patience=60.0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TV_HOME", str(tmp_path))
    monkeypatch.setenv("TV_LAKEHOUSE_CACHE_BYTES", str(10**6 * (seed % 2)))
    case = Case(proxy, kind, seed)
    for number in range(1, STEPS + 1):
        case.step(number)
    assert case.injected > 0
    case.hold()


def clean(error: BaseException) -> None:
    """Hold an error to what an operator may see of it."""
    text = f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert "s3://" in str(error)
    assert SECRET not in text
    assert ACCESS not in text


def whole(found: pa.Table) -> int:
    number = int(found["number"][0].as_py())
    assert found == table(number)
    return number
