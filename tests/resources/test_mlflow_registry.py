from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_core.errors import ConfigError, ContractError, MissingPartitionError, StoreError
from quant_core.models import ModelSpec, Signature
from resources.mlflow_registry import CHALLENGER, CHAMPION, ModelRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed (extra platform)")

STRATEGY = {"features": {"features": [{"kind": "momentum", "window": 5}]}, "seed": 7}
TAGS = {"month": "2007-03", "inputs_hash": "11"}


def model(sha: str = "a", version: str = "2007-03-aaaaaaaa") -> ModelSpec:
    return ModelSpec(
        uri=f"/models/{sha * 64}.onnx",
        sha256=sha * 64,
        framework="scikit-learn 1.9.1",
        version=version,
        signature=Signature(inputs=1),
        feature_hash="f" * 32,
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of an MLflow database without anything in it: making one takes seconds."""
    folder = tmp_path_factory.mktemp("mlflow")
    assert ModelRegistry(f"sqlite:///{folder / 'mlflow.db'}", str(folder)).aliases() == {}
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture
def registry(empty: bytes, tmp_path: Path) -> ModelRegistry:
    (tmp_path / "mlflow.db").write_bytes(empty)
    return ModelRegistry(f"sqlite:///{tmp_path / 'mlflow.db'}", str(tmp_path / "artifacts"))


@pytest.fixture
def register(registry: ModelRegistry) -> Callable[..., Any]:
    def made(sha: str = "a", strategy: Any = STRATEGY) -> Any:
        return registry.register("momo", model(sha), strategy=strategy, tags=TAGS, run_id="run-1")

    return made


def test_a_pipeline_run_is_one_flat_run_with_parquet_and_json(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    figures = pa.table({"cell": ["a", "b"], "sharpe": [1.0, 2.0]})
    own = registry.log(
        "run-1",
        metrics={"trials": 12, "pbo": None},
        tables={"leaderboard": figures},
        documents={"election": {"champion": None}},
        tags={"sleeve": "us"},
    )
    assert registry.log("run-1", metrics={"champions": 0}) == own
    assert registry.log("run-2", metrics={"champions": 1}) != own
    client = mlflow.MlflowClient(tracking_uri=registry.uri)
    experiment = client.get_experiment_by_name("quant-assets").experiment_id
    assert len(client.search_runs([experiment])) == 2
    run = client.get_run(own)
    assert run.data.metrics == {"trials": 12, "champions": 0}
    assert (run.data.tags["dagster_run_id"], run.data.tags["sleeve"]) == ("run-1", "us")
    assert "mlflow.parentRunId" not in run.data.tags
    assert run.info.status == "FINISHED"
    assert registry.artifacts("run-1") == ["election.json", "leaderboard.parquet"]
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    assert folder.is_relative_to(tmp_path)
    assert pq.read_table(folder / "leaderboard.parquet") == figures
    assert (folder / "election.json").read_bytes() == b'{"champion":null}\n'


PICKLE = b"\x80\x05\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94."


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.pkl", PICKLE),
        ("model.joblib", b"\x1f\x8b\x08\x00"),
        ("model.dill", PICKLE),
        ("model.onnx", PICKLE),
        ("model.onnx", b"PK\x03\x04data.pkl"),
        ("model.onnx", b"cposix\nsystem\n(S'id'\ntR."),
        ("table.parquet", PICKLE),
        ("table.parquet", b"PAR1 cut off"),
        ("facts.json", PICKLE),
        ("facts.json", b'{"sharpe": NaN}'),
        ("facts.json", b"{"),
        ("notes.txt", b"text"),
        ("notes", b"{}"),
        ("folder/facts.json", b"{}"),
        ("../facts.json", b"{}"),
        ("facts.json.pkl", b"{}"),
    ],
)
def test_nothing_but_parquet_json_and_onnx_becomes_an_artifact(
    registry: ModelRegistry, name: str, data: bytes
) -> None:
    registry.log("run-1")
    with pytest.raises(ContractError, match=f"artifact '{name}': expected"):
        registry.log_files("run-1", {"good.json": b"{}", name: data})
    assert registry.artifacts("run-1") == []


def test_a_model_is_registered_once_and_is_the_challenger(
    registry: ModelRegistry, register: Callable[..., Any]
) -> None:
    first = register("a")
    assert (first.name, first.number, first.spec) == ("momo", 1, model("a"))
    assert first.strategy == STRATEGY
    assert {name: first.tags[name] for name in ("sha256", "feature_hash", "framework")} == {
        "sha256": "a" * 64,
        "feature_hash": "f" * 32,
        "framework": "scikit-learn 1.9.1",
    }
    assert {name: first.tags[name] for name in TAGS} == TAGS
    assert register("a").number == 1
    assert registry.aliases() == {"momo": {CHALLENGER: 1}}
    assert register("b").number == 2
    assert registry.aliases() == {"momo": {CHALLENGER: 2}}
    assert register("a").number == 1, "the model of an earlier month is trained again"
    assert registry.aliases() == {"momo": {CHALLENGER: 1}}
    assert [one.number for one in registry.versions("momo")] == [1, 2]


def test_another_decision_on_the_same_model_is_another_version(
    register: Callable[..., Any],
) -> None:
    assert register("a").number == 1
    assert register("a", {**STRATEGY, "decision": {"kind": "scaled"}}).number == 2
    assert register("a", {**STRATEGY, "lineage": {"run_id": "another"}}).number == 1


def test_the_source_of_a_version_is_the_stored_file_and_its_run_is_the_pipelines(
    registry: ModelRegistry, register: Callable[..., Any]
) -> None:
    register("a")
    client = mlflow.MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
    (found,) = client.search_model_versions("name = 'momo'")
    assert found.source == f"/models/{'a' * 64}.onnx"
    assert client.get_run(found.run_id).data.tags["dagster_run_id"] == "run-1"


def test_promotion_and_rollback_move_the_alias(
    registry: ModelRegistry, register: Callable[..., Any]
) -> None:
    assert registry.aliased("momo", CHAMPION) is None
    register("a")
    register("b")
    registry.promote("momo", 2)
    assert registry.aliased("momo", CHAMPION).spec.sha256 == "b" * 64  # type: ignore[union-attr]
    registry.promote("momo", 1)
    assert registry.aliases() == {"momo": {CHALLENGER: 2, CHAMPION: 1}}
    client = mlflow.MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
    client.set_registered_model_alias("momo", "champion", "2")
    assert registry.aliased("momo", CHAMPION).number == 2  # type: ignore[union-attr]


def test_what_is_not_there_is_named(registry: ModelRegistry, register: Callable[..., Any]) -> None:
    assert registry.versions("nobody") == []
    assert registry.aliased("nobody", CHAMPION) is None
    register("a")
    with pytest.raises(MissingPartitionError, match="a registered version 7, found 1 in sqlite"):
        registry.promote("momo", 7)
    with pytest.raises(ConfigError, match="without quotes"):
        registry.versions("a' or name = 'b")


def test_a_version_that_somebody_else_registered_is_refused(registry: ModelRegistry) -> None:
    client = mlflow.MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
    client.create_registered_model("momo")
    client.create_model_version("momo", source="/tmp/model.pkl")  # noqa: S108 - is never opened
    client.set_registered_model_alias("momo", "champion", "1")
    with pytest.raises(StoreError, match="version 1 of momo was not registered by this platform"):
        registry.aliased("momo", CHAMPION)


def test_a_store_that_does_not_answer_is_an_error_without_its_password(tmp_path: Path) -> None:
    broken = tmp_path / "mlflow.db"
    broken.write_text("no database")
    with pytest.raises(StoreError, match="MLflow at sqlite:///"):
        ModelRegistry(f"sqlite:///{broken}", str(tmp_path)).log("run-1", metrics={"one": 1})
    secret = ModelRegistry("postgresql+psycopg2://me:s3cret@127.0.0.1:1/none", str(tmp_path))
    assert secret.uri == "postgresql+psycopg2://[redacted]@127.0.0.1:1/none"


def test_two_processes_may_make_the_database_at_once_and_say_nothing(tmp_path: Path) -> None:
    code = "from resources.mlflow_registry import ModelRegistry; ModelRegistry().log('run-1')"
    env = {**os.environ, "TV_HOME": str(tmp_path), "PYTHONWARNINGS": "default"}
    env.pop("MLFLOW_TRACKING_URI", None)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=env,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0], told
    assert told == [(b"", b"")] * 2
    assert (tmp_path / "mlflow.db").is_file()
