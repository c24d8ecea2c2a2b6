from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from quant_core.errors import ConfigError
from quant_core.ledger import Head, Kind, records, verify
from quant_core.manifest import manifest_schema, read_manifest, verify_manifest
from resources.run_manifests import manifest_path

if TYPE_CHECKING:
    from pathlib import Path

    from tests.quant_assets.conftest import Graph


def test_one_run_id_in_dagster_ledger_and_manifest(graph: tuple[Graph, Any], home: Path) -> None:
    made, result = graph
    run_id = result.run_id
    manifest: Any = read_manifest(manifest_path(run_id))
    assert manifest_path(run_id).parent == home / "manifests"
    assert manifest.run_id == run_id
    own = manifest.sleeves["us_equity"]
    assert {"ingest", "select", "solve"} <= {*own.actions}
    assert len(own.config_hash) == 32
    trail = made.root / "audit" / "us_equity.jsonl"
    actions = [
        one for one in records(trail, Kind.ACTION) if one.body["context"]["run_id"] == run_id
    ]
    assert {one.body["name"] for one in actions} == set(own.actions)
    assert verify(trail, head=Head(own.ledger.seq, own.ledger.hash)).ok


def test_every_partition_of_a_run_is_in_its_manifest_with_the_digest_of_its_bytes(
    graph: tuple[Graph, Any],
) -> None:
    made, result = graph
    findings = verify_manifest(manifest_path(result.run_id))
    lake = made.root / "lakehouse"
    # Other tests of the graph write what other runs made.
    own = {
        one.event_specific_data.materialization.asset_key.path[-1]
        for one in result.get_asset_materialization_events()
    }
    files = {str(lake / name) for name in made.files() if str(name).split("/")[0] in own}
    assert len(files) > len(own)
    assert {one.name for one in findings} >= files
    assert [one for one in findings if not one.ok] == []
    versions = {
        event.tags["dagster/data_version"]
        for one in result.get_asset_materialization_events()
        for event in [one.event_specific_data.materialization]
    }
    manifest = read_manifest(manifest_path(result.run_id))
    assert set(manifest.outputs.values()) == versions


def test_the_manifest_fits_the_published_schema(graph: tuple[Graph, Any]) -> None:
    plain = json.loads(manifest_path(graph[1].run_id).read_text())
    jsonschema.validate(plain, manifest_schema())


@pytest.mark.parametrize("run_id", ["", "..", "a/b", "a\\b"])
def test_a_run_id_cannot_leave_the_folder(run_id: str) -> None:
    with pytest.raises(ConfigError, match="run id: expected a name"):
        manifest_path(run_id)
