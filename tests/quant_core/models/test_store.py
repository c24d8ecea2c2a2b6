from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from quant_core.canonical import digest
from quant_core.errors import ChecksumError, ModelError, ModelFormatError, SignatureError
from quant_core.models import ModelStore, Signature, read_model, sha256_of

from .by_hand import make_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.models import Fitted, ModelSpec

MODEL = make_model()
OTHER = make_model(change=lambda model: setattr(model, "doc_string", "another"))


@pytest.fixture(params=["local", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "local":
        yield str(tmp_path / "models")
        return
    yield "memory:///models-under-test"
    memory = fsspec.filesystem("memory")
    if memory.exists("/models-under-test"):
        memory.rm("/models-under-test", recursive=True)


def _put(
    store: ModelStore, data: bytes = MODEL, version: str | None = "v", **more: Any
) -> ModelSpec:
    return store.put(
        data,
        framework="by hand",
        version=version,
        signature=Signature(inputs=2),
        feature_hash="h",
        **more,
    )


def _files(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_what_is_put_is_read(url: str) -> None:
    store = ModelStore(url)
    spec = _put(store, metadata={"seed": 3, "parity": {"passed": True}})
    assert spec.sha256 == sha256_of(MODEL)
    assert spec.uri == f"{url}/{spec.sha256[:2]}/{spec.sha256}.onnx"
    assert store.read(spec) == read_model(spec) == MODEL
    [stored] = ModelStore(url).list()
    assert stored.spec == spec
    assert stored.metadata == {"seed": 3, "parity": {"passed": True}}


def test_the_address_is_the_content(tmp_path: Path) -> None:
    spec = _put(ModelStore(str(tmp_path)))
    name = f"{spec.sha256[:2]}/{spec.sha256}"
    version = digest(b"v")[:12]
    assert sorted(_files(str(tmp_path))) == [f"{name}.{version}.json", f"{name}.onnx"]
    assert spec.uri == f"{tmp_path}/{name}.onnx"


def test_putting_again_changes_nothing(tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path))
    first = _put(store, metadata={"a": 1, "b": 2})
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert _put(store, metadata={"b": 2, "a": 1}) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_equal_bytes_may_carry_several_versions(url: str) -> None:
    store = ModelStore(url)
    one, two = _put(store, version="momentum 2020-01"), _put(store, version="reversal 2020-01")
    assert one.sha256 == two.sha256
    assert [item.spec for item in store.list()] == [one, two]
    assert store.get("reversal 2020-01").spec == two


def test_the_newest_metadata_of_a_version_count(url: str) -> None:
    store = ModelStore(url)
    _put(store, metadata={"run": 1})
    _put(store, metadata={"run": 2})
    assert [item.metadata for item in store.list()] == [{"run": 2}]


def test_a_version_is_the_checksum_unless_it_is_given(url: str) -> None:
    spec = _put(ModelStore(url), version=None)
    assert spec.version == sha256_of(MODEL)[:12]


def test_a_model_is_found_by_version_or_checksum(url: str) -> None:
    store = ModelStore(url)
    one, two = _put(store, MODEL, "a"), _put(store, OTHER, "b")
    assert store.get("a").spec == one
    assert store.get(two.sha256).spec == store.get(two.sha256[:6]).spec == two


@pytest.mark.parametrize("reference", ["c", "", "abc", "0" * 64])
def test_a_reference_to_nothing(url: str, reference: str) -> None:
    store = ModelStore(url)
    _put(store)
    with pytest.raises(ModelError, match=r"expected one model of version or SHA-256 .* found none"):
        store.get(reference)


def test_a_version_of_two_models_is_ambiguous(url: str) -> None:
    store = ModelStore(url)
    one, two = _put(store, MODEL, "same"), _put(store, OTHER, "same")
    with pytest.raises(ModelError, match=r"found same \(.*\), same \(.*\) among 2"):
        store.get("same")
    assert store.get(one.sha256[:8]).spec == one
    assert store.get(two.sha256[:8]).spec == two


def test_an_empty_store(url: str) -> None:
    store = ModelStore(url)
    assert store.list() == ()
    with pytest.raises(ModelError, match="found none among 0"):
        store.get("v")


def test_a_store_may_be_moved(tmp_path: Path) -> None:
    old = _put(ModelStore(str(tmp_path / "old")))
    (tmp_path / "old").rename(tmp_path / "new")
    moved = ModelStore(str(tmp_path / "new"))
    assert moved.get("v").spec.uri == f"{tmp_path}/new/{old.sha256[:2]}/{old.sha256}.onnx"
    assert moved.read(old) == MODEL
    with pytest.raises(ModelError, match="expected a stored model, found no file"):
        read_model(old)


def test_what_is_refused_is_not_stored(tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path / "models"))
    with pytest.raises(SignatureError):
        store.put(MODEL, framework="f", signature=Signature(inputs=3), feature_hash="h")
    with pytest.raises(ModelFormatError, match="at most 5 bytes"):
        _put(ModelStore(str(tmp_path / "models"), limit=5))
    assert not (tmp_path / "models").exists()


def test_a_killed_writer_leaves_no_half_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise KeyboardInterrupt

    store = ModelStore(str(tmp_path))
    monkeypatch.setattr(Path, "write_bytes", die)
    with pytest.raises(KeyboardInterrupt):
        _put(store)
    assert store.records() == ()
    assert _files(str(tmp_path)) == {}


def test_a_file_without_a_record_is_not_listed(tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path))
    spec = _put(store)
    [record] = store.records()
    Path(record).unlink()
    assert store.list() == ()
    assert _put(store) == spec
    assert [item.spec for item in store.list()] == [spec]


def test_any_changed_byte_is_found(tmp_path: Path, fitted: dict[str, Fitted]) -> None:
    data = fitted["mlp"].to_onnx()
    store = ModelStore(str(tmp_path))
    spec = store.put(
        data, framework="f", version="v", signature=fitted["mlp"].signature, feature_hash="h"
    )
    file = Path(spec.uri)
    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        file.write_bytes(changed)
        with pytest.raises(ChecksumError):
            store.read(spec)
        with pytest.raises(ChecksumError):
            read_model(spec)
    file.write_bytes(data)
    assert store.read(spec) == data


@pytest.mark.parametrize("length", [0, 1, 2, 10, 50, -2, -1])
def test_a_file_cut_off_anywhere_is_found(tmp_path: Path, length: int) -> None:
    store = ModelStore(str(tmp_path))
    spec = _put(store)
    Path(spec.uri).write_bytes(MODEL[:length])
    with pytest.raises(ChecksumError, match="the file was changed or cut off"):
        store.read(spec)


def test_a_file_that_grew_is_not_read_whole(tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path), limit=10_000)
    spec = _put(store)
    with Path(spec.uri).open("wb") as file:
        file.truncate(2**40)  # sparse: reading it whole would not fit into memory
    with pytest.raises(ModelFormatError, match="expected at most 10,000 bytes, found more"):
        store.read(spec)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.pop("spec"),
        lambda record: record.pop("metadata"),
        lambda record: record["spec"].pop("version"),
        lambda record: record["spec"].update(version="renamed"),
        lambda record: record["spec"].update(sha256="0" * 64),
        lambda record: record["spec"].update(surprise=1),
        lambda record: record.update(spec=[]),
    ],
)
def test_a_record_that_was_edited_is_found(tmp_path: Path, change: Any) -> None:
    store = ModelStore(str(tmp_path))
    _put(store)
    [name] = store.records()
    record = json.loads(Path(name).read_text())
    change(record)
    Path(name).write_text(json.dumps(record))
    with pytest.raises(ModelFormatError, match="expected the record of"):
        store.list()


def test_a_record_that_is_no_json_is_found(tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path))
    _put(store)
    [name] = store.records()
    Path(name).write_bytes(b"\x80\x04.")
    with pytest.raises(ModelFormatError, match=name):
        store.list()
