from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quant_core.features import Feature, FeatureSet
from quant_core.models import Linear, ModelSpec, ModelStore

if TYPE_CHECKING:
    from .conftest import Quant

pytest.importorskip("onnxruntime", reason="onnxruntime is an extra (models)")
pytest.importorskip("sklearn", reason="scikit-learn is an extra (models)")

FEATURES = np.random.Generator(np.random.PCG64(1)).normal(size=(200, 2))
TARGET = FEATURES[:, 0] - FEATURES[:, 1]


@pytest.fixture
def spec(quant: Quant) -> ModelSpec:
    """Return the spec of a model in the store ``out``."""
    fitted = Linear().fit(FEATURES, TARGET, seed=0)
    return ModelStore(str(quant.out)).put(
        fitted.to_onnx(),
        framework=fitted.framework,
        version="pair 2020-01",
        signature=fitted.signature,
        feature_hash="f" * 32,
        metadata={"parity": {"passed": True}, "partition": "pair/2020-01", "names": ["a", "b"]},
    )


def _damage(spec: ModelSpec) -> None:
    file = Path(spec.uri)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_models_are_listed(quant: Quant, spec: ModelSpec) -> None:
    found = quant("models", "list", "--store", str(quant.out))
    assert found.exit_code == 0
    assert found.stdout.split("\n")[1].split("  ")[0] == "pair 2020-01"
    assert spec.sha256[:12] in found.stdout
    assert "passed" in found.stdout
    [item] = json.loads(quant("models", "list", "--store", str(quant.out), "--json").stdout)
    metadata = item.pop("metadata")
    assert ModelSpec.model_validate(item) == spec
    assert metadata["partition"] == "pair/2020-01"


def test_an_empty_store_lists_nothing(quant: Quant) -> None:
    found = quant("models", "list", "--store", str(quant.out), "--json")
    assert (found.exit_code, json.loads(found.stdout)) == (0, [])


@pytest.mark.parametrize("short", [False, True])
def test_a_model_is_shown(quant: Quant, spec: ModelSpec, *, short: bool) -> None:
    name = spec.sha256[:8] if short else spec.version
    found = quant("models", "show", name, "--store", str(quant.out))
    assert found.exit_code == 0
    assert spec.sha256 in found.stdout
    assert "metadata.partition" in found.stdout
    shown = json.loads(quant("models", "show", name, "--store", str(quant.out), "--json").stdout)
    assert shown["signature"] == {"inputs": 2, "dtype": "float64", "outputs": 1}


def test_an_unknown_model_is_an_error(quant: Quant, spec: ModelSpec) -> None:
    for verb in ("show", "verify"):
        found = quant("models", verb, "other", "--store", str(quant.out))
        assert found.exit_code == 2
        assert (
            "expected one model of version or SHA-256 'other', found none among 1" in found.stderr
        )
    assert spec.version == "pair 2020-01"


def test_a_sound_store_verifies(quant: Quant, spec: ModelSpec) -> None:
    found = quant("models", "verify", "--store", str(quant.out), "--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout) == [
        {
            "name": f"pair 2020-01 ({spec.sha256[:12]})",
            "ok": True,
            "passed": ["checksum", "format", "signature", "probe"],
            "failed": None,
            "message": "",
        }
    ]
    assert quant("models", "verify", spec.version, "--store", str(quant.out)).exit_code == 0


def test_a_damaged_model_fails_and_the_others_are_still_tried(
    quant: Quant, spec: ModelSpec
) -> None:
    fitted = Linear(alpha=9.0).fit(FEATURES, TARGET, seed=0)
    ModelStore(str(quant.out)).put(
        fitted.to_onnx(),
        framework="f",
        version="sound",
        signature=fitted.signature,
        feature_hash="h",
    )
    _damage(spec)
    found = quant("models", "verify", "--store", str(quant.out))
    assert found.exit_code == 1
    assert "FAILED" in found.stdout
    assert "the file was changed or cut off" in found.stderr
    said = json.loads(quant("models", "verify", "--store", str(quant.out), "--json").stdout)
    assert {item["name"].split(" ")[0]: item["failed"] for item in said} == {
        "pair": "checksum",
        "sound": None,
    }


def test_a_model_that_is_gone_and_a_record_that_is_none_fail(quant: Quant, spec: ModelSpec) -> None:
    Path(spec.uri).unlink()
    (quant.out / "zz").mkdir()
    (quant.out / "zz" / "odd.json").write_text("{}")
    found = quant("models", "verify", "--store", str(quant.out), "--json")
    assert found.exit_code == 1
    assert sorted(item["failed"] for item in json.loads(found.stdout)) == ["checksum", "format"]


def test_a_wrong_spec_fails_its_signature(quant: Quant, spec: ModelSpec) -> None:
    [record] = ModelStore(str(quant.out)).records()
    edited = json.loads(Path(record).read_text())
    edited["spec"]["signature"]["inputs"] = 3
    Path(record).write_text(json.dumps(edited))
    found = quant("models", "verify", spec.version, "--store", str(quant.out), "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)[0]["failed"] == "signature"


def test_a_file_alone_is_verified_without_a_checksum(quant: Quant, spec: ModelSpec) -> None:
    found = quant("models", "verify", spec.uri, "--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)[0]["passed"] == ["format", "signature", "probe"]
    cut = quant.folder / "cut.onnx"
    cut.write_bytes(Path(spec.uri).read_bytes()[:100])
    assert quant("models", "verify", str(cut)).exit_code == 1


class _Trace:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", ["model.onnx", "model.txt", "model.json"])
def test_a_pickle_under_any_name_is_refused_and_never_run(quant: Quant, name: str) -> None:
    trace, file = quant.folder / "unpickled", quant.folder / name
    file.write_bytes(pickle.dumps(_Trace(trace)))
    verified = quant("models", "verify", str(file))
    assert verified.exit_code == 1
    assert "found a pickle, which runs code when it is loaded" in verified.stderr
    converted = quant(
        "models", "convert", str(file), "--store", str(quant.out), "--feature-hash", "h"
    )
    assert converted.exit_code == 2
    assert "found a pickle" in converted.stderr
    assert not trace.exists()
    assert not quant.out.exists()


def test_nothing_to_verify_is_an_error(quant: Quant) -> None:
    assert "give an ONNX file, or a store" in quant("models", "verify").stderr
    empty = quant("models", "verify", "--store", str(quant.out))
    assert empty.exit_code == 2
    assert "expected a store of models, found none" in empty.stderr
    absent = quant("models", "verify", str(quant.folder / "absent.onnx"))
    assert absent.exit_code == 2
    assert "absent.onnx: expected a model file that can be read" in absent.stderr


def _lightgbm_file(quant: Quant) -> str:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is an extra (boosting)")
    data = lightgbm.Dataset(FEATURES, TARGET)
    parameters = {"objective": "regression", "num_threads": 1, "verbosity": -1}
    text = str(lightgbm.train(parameters, data, 5).model_to_string())
    return quant.write("pair.txt", text)


def test_a_file_is_converted_verified_and_stored(quant: Quant) -> None:
    file = _lightgbm_file(quant)
    found = quant(
        *("models", "convert", file, "--store", str(quant.out), "--version", "pair-1"),
        *("--features", "return_1,momentum_20", "--sampling", "1m"),
    )
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith("pair-1: stored as ")
    [stored] = ModelStore(str(quant.out)).list()
    features = FeatureSet(
        features=(Feature(kind="return", window=1), Feature(kind="momentum", window=20)),
        sampling="1m",
    )
    assert stored.spec.version == "pair-1"
    assert stored.spec.feature_hash == features.hash
    assert stored.metadata["feature_names"] == ["return_1", "momentum_20"]
    assert stored.metadata["parity"]["passed"] is True
    assert stored.metadata["parity"]["max_absolute"] == 0.0
    assert stored.metadata["source"]["file"] == "pair.txt"
    assert quant("models", "verify", "pair-1", "--store", str(quant.out)).exit_code == 0


def test_a_conversion_that_differs_is_not_stored(
    quant: Quant, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _lightgbm_file(quant)
    monkeypatch.setattr("quant_core.models._lightgbm.DOUBLE_TOLERANCE", -1.0)
    found = quant("models", "convert", file, "--store", str(quant.out), "--feature-hash", "h")
    assert found.exit_code == 1
    assert "not stored: ONNX Runtime differs" in found.stderr
    assert not quant.out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give the columns of the model once"),
        (
            ["--features", "return_1,return_2", "--feature-hash", "h"],
            "give the columns of the model",
        ),
        (["--features", "return_1"], "expected 2 features, the columns of the model, found 1"),
        (["--features", "return_1,nothing_2"], "expected names such as momentum_20"),
        (
            ["--features", "return_1,momentum"],
            "expected names such as momentum_20, found 'momentum'",
        ),
    ],
)
def test_the_columns_of_a_conversion_must_fit(
    quant: Quant, options: list[str], message: str
) -> None:
    file = _lightgbm_file(quant)
    found = quant("models", "convert", file, "--store", str(quant.out), *options)
    assert found.exit_code == 2
    assert message in found.stderr
    assert not quant.out.exists()
