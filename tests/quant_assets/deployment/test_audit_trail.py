"""The audit trail behind the deployment assets: witnesses of it, and MLflow made from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

import quant_core
from quant_core.ledger import Ledger, records, verify
from resources.mlflow_registry import CHALLENGER, CHAMPION, ModelRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Platform

pytest.importorskip("mlflow", reason="mlflow is not installed (extra platform)")

_NOT_RECORDED = ("mlflow.user", "mlflow.source.name", "mlflow.source.type", "mlflow.log-model")


def view(registry: ModelRegistry) -> dict[str, Any]:
    """What MLflow shows, without its own ids and times."""
    client = registry._client  # noqa: SLF001 - the raw view, as a person sees it
    experiment = client.get_experiment_by_name("quant-assets")
    runs = {}
    ids = {}
    for run in client.search_runs([experiment.experiment_id]):
        name = run.data.tags["dagster_run_id"]
        ids[run.info.run_id] = name
        tags = {k: v for k, v in run.data.tags.items() if k not in _NOT_RECORDED}
        artifacts = sorted(one.path for one in client.list_artifacts(run.info.run_id))
        data = (dict(run.data.params), dict(run.data.metrics), tags, artifacts)
        runs[name] = (run.info.run_name, run.info.status, *data)
    versions = {
        (one.name, int(one.version)): (one.source, ids.get(one.run_id), dict(one.tags))
        for one in client.search_model_versions()
    }
    return {"runs": runs, "versions": versions, "aliases": registry.aliases()}


@pytest.fixture(scope="module")
def told(made: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Two models registered and promoted, and the first promoted again by hand."""
    root = tmp_path_factory.mktemp("told") / "platform"
    shutil.copytree(made.root, root)
    shutil.copy(root / "mlflow.db", root / "again.db")
    with dg.DagsterInstance.ephemeral() as instance:
        platform = replace(made, root=root, instance=instance)
        for month in ("2001-03", "2001-04"):
            platform.train(month)
            platform.run("promotion", "momo")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TV_HOME", str(root))
            platform.registry.promote_by_hand("momo", 1)
        yield platform


def test_mlflow_is_made_again_from_the_trail_by_one_command(told: Platform) -> None:
    """Into an empty store: this process holds the file of the other one open."""
    before = view(told.registry)
    assert len(before["runs"]) == 2
    assert sorted(before["versions"]) == [("momo", 1), ("momo", 2)]
    assert before["aliases"]["momo"] == {CHALLENGER: 2, CHAMPION: 1}
    place = (f"sqlite:///{told.root / 'again.db'}", str(told.root / "again"))
    command = "from quant_core.cli import app; app()"
    options = ("--uri", place[0], "--artifacts", place[1])
    made = subprocess.run(
        [
            sys.executable,
            "-c",
            command,
            "ledger",
            "rebuild-mlflow",
            str(told.root / "audit"),
            *options,
        ],
        env={**os.environ, "TV_LAKEHOUSE": str(told.root / "lakehouse")},
        cwd=Path(quant_core.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert "2 runs, 2 versions, 1 champions" in made.stdout
    again = ModelRegistry(*place)
    assert view(again) == before
    again.rebuild([told.root / "audit" / "small.jsonl"])
    assert view(again) == before


def test_runs_in_mlflow_witness_the_trail(told: Platform) -> None:
    heads = told.registry.witnesses("small")
    own = {str(record.head) for record in records(told.root / "audit" / "small.jsonl")}
    assert len(heads) == 2
    assert set(heads) <= own


def test_what_materializations_witnessed_is_missed_when_it_is_cut_off(told: Platform) -> None:
    """The check of the champion asks the event log for every head."""
    from quant_assets._trail import trail_check, whole_trail  # noqa: PLC0415 - imported anew

    given = dg.build_asset_context(instance=told.instance)
    trail = told.resources["trail"]
    file = trail.path("small")
    assert whole_trail(given, trail, "small") == ""
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-6]))
    assert verify(file).ok
    problem = whole_trail(given, trail, "small")
    assert "cut_tail" in problem
    assert not trail_check({"small": problem}).passed
    assert trail_check({"small": ""}).passed
    with Ledger(file) as ledger:
        for _ in range(9):
            ledger.append("action", {"phase": "success", "name": "covering it up"})
    assert "witness" in whole_trail(given, trail, "small")
    file.unlink()
    assert "cannot be read" in whole_trail(given, trail, "small")
    file.write_bytes(whole)
    assert whole_trail(given, trail, "small") == ""
