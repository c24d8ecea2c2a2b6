"""`quant models promote` and `versions`, over a real registry."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from typer.testing import CliRunner

from quant_core.cli import _promote
from quant_core.cli._app import app
from quant_core.models import ModelSpec, Signature
from resources.mlflow_registry import ModelRegistry

pytest.importorskip("mlflow", reason="mlflow is not installed (extra platform)")


def quant(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["models", *arguments])


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TV_HOME", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        point = EntryPoint("mlflow", "resources.mlflow_registry:ModelRegistry", _promote.GROUP)
        patch.setattr(_promote, "entry_points", lambda group: [point] * (group == point.group))
        made = ModelRegistry()
        for sha in "ab":
            spec = ModelSpec(
                uri=f"/models/{sha}.onnx",
                sha256=sha * 64,
                framework="scikit-learn 1.9.1",
                version=f"2001-0{ord(sha) - 96}-{sha * 8}",
                signature=Signature(inputs=1),
                feature_hash="f",
            )
            made.register("momo", spec, strategy={"name": sha}, tags={})
        made.promote("momo", 2)
        yield made


def test_a_rollback_by_number_and_forward_by_model(registry: ModelRegistry) -> None:
    told = quant("promote", "momo", "1")
    assert told.exit_code == 0, told.output
    expected = "momo: champion is version 1 (model 2001-01-aaaaaaaa, aaaaaaaaaaaa); was version 2"
    assert " ".join(told.output.split()) == expected
    assert registry.aliases()["momo"]["champion"] == 1
    assert quant("promote", "momo", "2001-02-bbbbbbbb").exit_code == 0
    assert registry.aliases()["momo"]["champion"] == 2


def test_versions_with_their_aliases(registry: ModelRegistry) -> None:
    registry.promote("momo", 2)
    found = json.loads(quant("versions", "momo", "--json").output)
    assert [(one["version"], one["aliases"]) for one in found] == [
        (1, []),
        (2, ["challenger", "champion"]),
    ]
    assert "challenger, champion" in quant("versions", "momo").output


@pytest.mark.parametrize("version", ["7", "2001-09-none"])
def test_a_version_that_is_not_there(registry: ModelRegistry, version: str) -> None:
    before = registry.aliases()
    told = quant("promote", "momo", version)
    assert told.exit_code == 2
    assert version in told.output
    assert registry.aliases() == before


def test_without_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_promote, "entry_points", lambda group: [])  # noqa: ARG005 - its name
    told = quant("promote", "momo", "1")
    assert told.exit_code == 2
    assert "pip install 'quant-assets[platform]'" in told.output
