"""The audit trail behind the deployment assets: witnesses of it, and MLflow made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from quant_core.ledger import Ledger, records, verify
from resources.mlflow_registry import CHAMPION, ModelRegistry

if TYPE_CHECKING:
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


@pytest.fixture
def told(platform: Platform) -> Platform:
    """Two registrations, the second promoted over the first, and a rollback by hand."""
    platform.train("2001-03")
    platform.run("promotion", "momo")
    platform.train("2001-04")
    platform.run("promotion", "momo")
    return platform


def test_mlflow_is_made_again_from_the_trail(
    told: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = view(told.registry)
    assert len(before["runs"]) == 2
    assert sorted(before["versions"]) == [("momo", 1), ("momo", 2)]
    monkeypatch.setenv("TV_LAKEHOUSE", str(told.root / "lakehouse"))
    (told.root / "mlflow.db").unlink()
    trails = [told.root / "audit" / "small.jsonl"]
    counts = told.registry.rebuild(trails)
    assert (counts["runs"], counts["versions"], counts["champions"]) == (2, 2, 1)
    assert view(told.registry) == before
    assert told.registry.rebuild(trails) == counts
    assert view(told.registry) == before


def test_a_rollback_by_hand_is_recorded_and_made_again(
    told: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TV_HOME", str(told.root))
    told.registry.promote_by_hand("momo", 1)
    assert told.registry.aliases()["momo"][CHAMPION] == 1
    (told.root / "mlflow.db").unlink()
    told.registry.rebuild([told.root / "audit" / "small.jsonl"])
    assert told.registry.aliases()["momo"][CHAMPION] == 1


def test_runs_in_mlflow_witness_the_trail(told: Platform) -> None:
    heads = told.registry.witnesses("small")
    own = {str(record.head) for record in records(told.root / "audit" / "small.jsonl")}
    assert len(heads) == 2
    assert set(heads) <= own


def checks(result: Any, name: str) -> list[Any]:
    return [one for one in result.get_asset_check_evaluations() if one.check_name == name]


def test_what_materializations_witnessed_is_missed_when_it_is_cut_off(told: Platform) -> None:
    """The check of the champion asks the event log for every head."""
    from quant_assets._trail import whole_trail  # noqa: PLC0415 - as the fixture imports it anew

    given = dg.build_asset_context(instance=told.instance)
    trail = told.resources["trail"]
    file = trail.path("small")
    assert whole_trail(given, trail, "small") == ""
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-6]))
    assert verify(file).ok
    assert "cut_tail" in whole_trail(given, trail, "small")
    with Ledger(file) as ledger:
        for _ in range(9):
            ledger.append("action", {"phase": "success", "name": "covering it up"})
    assert "witness" in whole_trail(given, trail, "small")
    file.unlink()
    assert "cannot be read" in whole_trail(given, trail, "small")
    file.write_bytes(whole)
    assert whole_trail(given, trail, "small") == ""
