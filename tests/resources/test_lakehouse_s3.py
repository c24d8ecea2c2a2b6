"""The lakehouse on real S3 servers: one that honours conditions and one that does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from quant_core.cells import FolderStore, parquet_bytes
from quant_core.cli import app
from quant_core.errors import ConflictError, StoreError
from quant_core.models import ModelStore
from quant_core.objects import open_objects
from quant_core.objects._s3_client import request
from resources._ray_environment import is_secret, runtime_environment
from resources.lakehouse import Lakehouse
from tests.resources._s3 import (
    ACCESS,
    BUCKET,
    SECRET,
    environment,
    running_moto,
    running_rclone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from resources.ray_compute import RayCompute

ROWS = 20_000


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with running_moto() as endpoint:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment(endpoint).items():
                patch.setenv(name, value)
            request("create_bucket", Bucket=BUCKET)
        yield endpoint


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_rclone(tmp_path_factory.mktemp("rclone")) as endpoint:
        yield endpoint


@pytest.fixture(params=["moto", "rclone"])
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The root of a lakehouse of the test's own, on either server."""
    enter(request.getfixturevalue(request.param), tmp_path, monkeypatch)
    monkeypatch.setenv("TV_LAKEHOUSE_WRITERS", "many" if request.param == "moto" else "one")
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture
def safe(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The root of a lakehouse of the test's own, on the server that honours conditions."""
    enter(moto, tmp_path, monkeypatch)
    return f"s3://{BUCKET}/{tmp_path.name}"


def enter(endpoint: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(endpoint).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TV_HOME", str(home / "home"))


def table(number: int, rows: int = 100) -> pa.Table:
    values = np.random.default_rng(number).random(rows)
    return pa.table({"number": np.full(rows, number), "value": values})


def test_partitions_are_written_replaced_listed_and_deleted(lake: str) -> None:
    store = FolderStore(f"{lake}/cube")
    assert store.read("us_equity/2020-01") is None
    assert store.partitions() == []
    first = store.write("us_equity/2020-01", table(1))
    assert first.path == f"{lake}/cube/us_equity/2020-01.parquet"
    assert store.receipt("us_equity/2020-01") == first
    assert store.read("us_equity/2020-01", ["value"]) == table(1).select(["value"])
    store.write("us_equity/2020-01", table(2))
    store.write("us_equity/2020-02", table(3))
    assert FolderStore(f"{lake}/cube").read("us_equity/2020-01") == table(2)
    assert FolderStore(f"{lake}/cube/us_equity").partitions() == ["2020-01", "2020-02"]
    store.delete("us_equity/2020-01")
    store.delete("us_equity/2020-01")
    assert store.partitions() == ["us_equity/2020-02"]


def test_the_bytes_are_those_of_a_local_lakehouse(lake: str, tmp_path: Path) -> None:
    local = FolderStore(str(tmp_path / "cube")).write("2020-01", table(1))
    remote = FolderStore(f"{lake}/cube").write("2020-01", table(1))
    assert (remote.digest, remote.size, remote.rows) == (local.digest, local.size, local.rows)
    found = open_objects(f"{lake}/cube").read("2020-01.parquet")
    assert found is not None
    assert found[0] == parquet_bytes(table(1)) == (tmp_path / "cube/2020-01.parquet").read_bytes()


def test_of_two_writers_the_second_is_told(safe: str) -> None:
    one, two = FolderStore(safe), FolderStore(safe)
    one.write("a", table(1))
    assert one.read("a") == two.read("a") == table(1)
    one.write("a", table(2))
    with pytest.raises(ConflictError, match="another writer changed it meanwhile") as raised:
        two.write("a", table(3))
    assert f"{safe}/a.parquet" in str(raised.value)
    assert one.read("a") == table(2)
    two.write("a", table(3))
    assert one.read("a") == table(3)


def test_of_two_that_create_one_partition_the_second_is_told(safe: str) -> None:
    one, two = FolderStore(safe), FolderStore(safe)
    assert one.read("a") is two.read("a") is None
    one.write("a", table(1))
    with pytest.raises(ConflictError, match="expected no object"):
        two.write("a", table(2))
    assert two.read("a") == table(1)


def test_two_that_write_the_same_do_not_mind(safe: str) -> None:
    one, two = FolderStore(safe), FolderStore(safe)
    assert one.read("a") is two.read("a") is None
    assert one.write("a", table(1)) == two.write("a", table(1))


def test_a_store_that_ignores_conditions_is_refused_until_there_is_one_writer(
    rclone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    enter(rclone, tmp_path, monkeypatch)
    url = f"s3://{BUCKET}/refused"
    with pytest.raises(StoreError, match="TV_LAKEHOUSE_WRITERS=one") as raised:
        FolderStore(url).write("a", table(1))
    assert "create was ignored and replace was ignored" in str(raised.value)
    with pytest.raises(StoreError, match="honours If-None-Match"):
        Lakehouse(url).prepare()
    assert FolderStore(url).partitions() == []
    monkeypatch.setenv("TV_LAKEHOUSE_WRITERS", "one")
    monkeypatch.setenv("AWS_PROFILE_OF_THIS_TEST", "x")  # a warning of its own
    with caplog.at_level("WARNING"):
        FolderStore(url).write("a", table(1))
    assert ["overwrite each other unseen" in record.message for record in caplog.records] == [True]
    assert FolderStore(url).read("a") == table(1)


@pytest.mark.parametrize(
    ("server", "code", "answer"), [("moto", 0, "honoured"), ("rclone", 1, "ignored")]
)
def test_the_probe_says_what_a_store_does(
    server: str,
    code: int,
    answer: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enter(request.getfixturevalue(server), tmp_path, monkeypatch)
    url = f"s3://{BUCKET}/probed"
    found = CliRunner().invoke(app, ["lakehouse", "probe", "--url", url, "--json"])
    assert found.exit_code == code, found.output
    facts = json.loads(found.stdout)[0]
    assert (facts["create"], facts["replace"], facts["remove"]) == (answer,) * 3
    assert facts["safe"] is (answer == "honoured")
    assert open_objects(url).names() == {}


def test_errors_name_the_object_and_the_remedy_and_no_secret(
    safe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="create the bucket, or correct TV_LAKEHOUSE") as raised:
        FolderStore("s3://nobodys-bucket/x").write("a", table(1))
    assert "s3://nobodys-bucket/x" in str(raised.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="got no whole answer") as raised:
        FolderStore(safe).read("a")
    assert SECRET not in repr(raised.value)
    assert ACCESS not in repr(raised.value)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "other"])
def test_a_damaged_entry_of_the_cache_is_read_from_the_store_again(
    damage: str, safe: str, tmp_path: Path
) -> None:
    digest = FolderStore(safe).write("a", table(1)).digest
    entry = tmp_path / "home" / "cache" / digest[:2] / digest
    data = entry.read_bytes()
    assert data == parquet_bytes(table(1))
    broken = {"cut": data[:50], "flipped": bytes([data[0] ^ 1]) + data[1:], "other": b"x"}
    entry.write_bytes(broken[damage]) if damage in broken else entry.unlink()
    assert FolderStore(safe).read("a") == table(1)
    assert entry.read_bytes() == data


def test_what_is_in_the_cache_is_not_fetched(safe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from quant_core.objects import _s3  # noqa: PLC0415 - patched below

    FolderStore(safe).write("a", table(1))
    sent: list[str] = []

    def counted(method: str, **options: Any) -> dict[str, Any]:
        sent.append(method)
        return request(method, **options)

    monkeypatch.setattr(_s3, "request", counted)
    assert FolderStore(safe).read("a") == table(1)
    assert sent == []
    monkeypatch.setenv("TV_LAKEHOUSE_CACHE_BYTES", "0")
    assert FolderStore(safe).read("a") == table(1)
    assert sent == ["get_object"]


def test_another_content_under_our_digest_is_no_partition(safe: str) -> None:
    store = FolderStore(safe)
    digest = store.write("a", table(1)).digest
    request(
        "put_object",
        Bucket=BUCKET,
        Key=f"{safe.removeprefix(f's3://{BUCKET}/')}/b.parquet",
        Body=parquet_bytes(table(2)),
        Metadata={"quant-digest": "0" * len(digest)},
    )
    with pytest.raises(StoreError, match=r"expected .* bytes of digest 0000"):
        store.read("b")


def test_models_are_kept_by_checksum(lake: str) -> None:
    store = ModelStore(f"{lake}/models")
    assert store.list() == ()
    assert not store.holds("0" * 64)
    assert store.uri("ab" * 32) == f"{lake}/models/ab/{'ab' * 32}.onnx"


CONFIG = """\
sleeve: test
windows: {train: 40, step: month}
selections: [all]
profiles: [equal_weight, hrp]
rebalances: [window]
seed: 3
"""


def test_the_library_runs_on_prices_and_a_configuration_in_a_bucket(
    safe: str, tmp_path: Path
) -> None:
    returns = np.random.default_rng(5).normal(0.0005, 0.01, (130, 3))
    prices = 100 * np.cumprod(1 + returns, axis=0)
    days = np.busday_offset("2021-01-04", np.arange(130), roll="forward")
    rows = [f"{day},{a:.4f},{b:.4f},{c:.4f}" for day, (a, b, c) in zip(days, prices, strict=True)]
    files = {"prices.csv": "\n".join(["date,AAA,BBB,CCC", *rows]), "config.yaml": CONFIG}
    boards = []
    for root in (safe, str(tmp_path)):
        for name, text in files.items():
            open_objects(root).put(name, text.encode(), seen=None)
        out = tmp_path / f"out{len(boards)}"
        given = ["--config", f"{root}/config.yaml", "--prices", f"{root}/prices.csv"]
        run = ["tournament", "run", *given, "--out", str(out), "--backend", "serial"]
        found = CliRunner().invoke(app, run)
        assert found.exit_code == 0, found.output
        boards.append((out / "leaderboard.parquet").read_bytes())
    assert boards[0] == boards[1]


WRITER = f"""
import sys
import numpy as np
import pyarrow as pa
from quant_core.cells import FolderStore

store = FolderStore(sys.argv[1])
print("ready", flush=True)
number = int(sys.argv[2])
while True:
    number += 1
    store.write("a", pa.table({{"x": np.random.default_rng(number).random({ROWS})}}))
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_nothing_half(safe: str) -> None:
    number, kills = 0, int(os.environ.get("STORE_KILLS", "2"))
    for kill in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, safe, str(number)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            for _ in range(1 + kill % 3):
                number = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
        found = FolderStore(safe).read("a")
        assert found is not None
        possible = range(number, number + 100)
        columns = {n: np.random.default_rng(n).random(ROWS) for n in possible}
        stored = [n for n, column in columns.items() if np.array_equal(found["x"], column)]
        assert len(stored) == 1
        number = stored[0]
        assert FolderStore(safe).partitions() == ["a"]


def write_and_read(unit: tuple[str, str], _shared: Any) -> tuple[str, int]:
    url, name = unit
    store = FolderStore(url)
    receipt = store.write(name, table(int(name)))
    again = store.read(name)
    assert again is not None
    return receipt.digest, again.num_rows


def test_ray_workers_write_by_themselves(safe: str, ray_compute: RayCompute) -> None:
    units = [(safe, str(number)) for number in range(4)]
    found = dict(ray_compute.map(write_and_read, units, shared={}))
    store = FolderStore(safe)
    assert store.partitions() == ["0", "1", "2", "3"]
    for number in range(4):
        receipt = store.receipt(str(number))
        assert receipt is not None
        assert found[number] == (receipt.digest, 100)


def test_credentials_travel_with_tasks_and_not_in_what_ray_logs(
    safe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-this-test")
    shown = runtime_environment()["env_vars"]
    assert shown["AWS_ENDPOINT_URL"] == os.environ["AWS_ENDPOINT_URL"]
    text = json.dumps(shown)
    assert safe
    assert not any(secret in text for secret in (ACCESS, SECRET, "token-of-this-test"))
    assert not any(is_secret(name) for name in shown)
