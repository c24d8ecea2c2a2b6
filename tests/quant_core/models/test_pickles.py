from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from quant_core.errors import ChecksumError, ModelError, ModelFormatError
from quant_core.models import (
    ModelStore,
    Signature,
    convert_model,
    format_of,
    refuse,
    signature_of,
    verify_bytes,
)

from .by_hand import make_model, spec_of


class _Trace:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def _zip(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", data)
    return file.getvalue()


def _array(data: bytes) -> bytes:
    file = io.BytesIO()
    np.save(file, np.frombuffer(data, dtype=np.uint8))
    return file.getvalue()


WRAPPINGS = {
    **{f"protocol {number}": number for number in range(6)},
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "zlib": zlib.compress,
    "zlib fast": lambda data: zlib.compress(data, 1),
    "zip": _zip,
    "numpy": _array,
}


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "unpickled"


def _wrapped(name: str, trace: Path) -> bytes:
    how = WRAPPINGS[name]
    if isinstance(how, int):
        return pickle.dumps(_Trace(trace), protocol=how)
    wrapped: bytes = how(pickle.dumps(_Trace(trace)))  # type: ignore[operator]
    return wrapped


def test_the_trace_would_be_seen(trace: Path) -> None:
    pickle.loads(_wrapped("protocol 4", trace))  # noqa: S301 - the proof that the others prove something
    assert trace.exists()


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_pickle_is_refused_by_its_first_bytes(name: str, trace: Path) -> None:
    data = _wrapped(name, trace)
    assert " " in format_of(data), "it is not one of the formats that are read"
    with pytest.raises(
        ModelFormatError, match=r"expected an ONNX model, found .*; nothing read it"
    ):
        signature_of(data, name="m.onnx")
    with pytest.raises(ModelFormatError, match="nothing read it"):
        convert_model(data, name="m.txt")
    assert verify_bytes(data, Signature(inputs=2), name="m.onnx").failed == "format"
    with pytest.raises(ModelFormatError):
        refuse(spec_of(data), data)
    assert not trace.exists()


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_pickle_put_in_the_place_of_a_model_fails_its_checksum(
    name: str, trace: Path, tmp_path: Path
) -> None:
    store = ModelStore(str(tmp_path / "models"))
    spec = store.put(
        make_model(), framework="f", version="v", signature=Signature(inputs=2), feature_hash="h"
    )
    Path(spec.uri).write_bytes(_wrapped(name, trace))
    with pytest.raises(ChecksumError):
        store.read(spec)
    assert not trace.exists()


def test_a_pickle_is_not_stored(trace: Path, tmp_path: Path) -> None:
    store = ModelStore(str(tmp_path / "models"))
    with pytest.raises(ModelError, match="a pickle, which runs code when it is loaded"):
        store.put(
            _wrapped("protocol 4", trace),
            framework="f",
            signature=Signature(inputs=2),
            feature_hash="h",
        )
    assert store.records() == ()
    assert not (tmp_path / "models").exists()
    assert not trace.exists()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "an empty file"),
        (b"\x08\x0a", "onnx"),
        (b"tree\nversion=v4\n", "lightgbm"),
        (b"tree\r\nversion=v4\r\n", "lightgbm"),
        (b'{"learner":{', "xgboost-json"),
        (b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{", "xgboost-ubj"),
        (b"\x89HDF\r\n", "an HDF5 file, as Keras writes it"),
        (b"binf\x00\x00", "bytes that begin 62 69 6e 66 00 00"),
        (b"<html>", "bytes that begin 3c 68 74 6d 6c 3e"),
    ],
)
def test_formats_are_told_by_their_first_bytes(data: bytes, expected: str) -> None:
    assert format_of(data) == expected
