from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quant_core.ledger import Head, Kind, records, verify
from quant_core.manifest import read_manifest, verify_manifest
from resources.run_manifests import manifest_path

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Platform

pytest.importorskip("mlflow", reason="mlflow is not installed (extra platform)")


def test_a_run_has_one_id_in_dagster_mlflow_ledger_and_manifest(
    platform: Platform, home: Path
) -> None:
    platform.train("2001-03")
    run_id = platform.run("promotion", "momo").run_id
    assert platform.instance.get_run_by_id(run_id) is not None
    client = platform.registry._client  # noqa: SLF001 - the raw view, as a person sees it
    experiment = client.get_experiment_by_name("quant-assets")
    tags = [one.data.tags for one in client.search_runs([experiment.experiment_id])]
    assert [one["dagster_run_id"] for one in tags] == [run_id]
    manifest: Any = read_manifest(manifest_path(run_id))
    assert manifest_path(run_id) == home / "manifests" / f"{run_id}.json"
    assert manifest.run_id == run_id
    own = manifest.sleeves["small"]
    assert "register" in own.actions
    trail = platform.root / "audit" / "small.jsonl"
    actions = [one.body for one in records(trail, Kind.ACTION)]
    recorded = {one["name"] for one in actions if one["context"]["run_id"] == run_id}
    assert recorded == set(own.actions)
    assert verify(trail, head=Head(own.ledger.seq, own.ledger.hash)).ok
    assert all(one.ok for one in verify_manifest(manifest_path(run_id)))
