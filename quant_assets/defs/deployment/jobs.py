"""Electing, promoting and redeploying: jobs, the sensor, and the automation before it."""

import json
from typing import Any

import dagster as dg

from quant_assets._resources import LakehouseRoot, Registry, Strategies
from quant_assets._strategies import SleeveStrategy, strategies
from quant_core.canonical import canonical_json
from quant_core.champion import read_election
from quant_core.errors import MissingPartitionError
from resources.mlflow_registry import CHAMPION

__all__ = ["JOBS", "SENSORS", "champion_moved", "election", "promotion", "redeploy", "verification"]

election = dg.define_asset_job(
    "election", selection=["champion"], description="Elect the champion of a sleeve."
)

promotion = dg.define_asset_job(
    "promotion",
    selection=["registered_models"],
    description="Register the newest model of a strategy, and promote it if it passes its gates.",
)

redeploy = dg.define_asset_job(
    "redeploy",
    selection=["deployed_models"],
    description="Tell runners to serve the champion model of a strategy.",
)

verification = dg.define_asset_job(
    "verification",
    selection=dg.AssetSelection.checks_for_assets("deployed_models"),
    description="Ask again whether runners serve what they were told.",
)


@dg.sensor(
    job=redeploy,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Redeploys a strategy when its champion version or its sleeve's champion moves.",
)
def champion_moved(
    context: dg.SensorEvaluationContext,
    lakehouse: LakehouseRoot,
    registry: Registry,
    strategy_database: Strategies,
) -> dg.SensorResult | dg.SkipReason:
    """Compare what is champion now with what was last seen.

    The cursor holds, for each strategy, the version with the alias, the content of its sleeve's
    election and how often it moved. The last makes the run key of a rollback a new one: Dagster
    spends a key for ever.
    """
    if not strategies():
        return dg.SkipReason("no sleeve has a strategy")
    seen: dict[str, dict[str, Any]] = json.loads(context.cursor or "{}")
    versions = {name: found.get(CHAMPION) for name, found in registry.open().aliases().items()}
    now, requests = {}, []
    for name, strategy in strategies().items():
        version = versions.get(name)
        before = seen.get(name, {})
        if version is None:
            continue
        told = _elected(strategy, lakehouse) or before.get("election", "")
        now[name] = {"version": version, "election": told, "moves": before.get("moves", 0)}
        if now[name] != before:
            moves = _moves(name, before, strategy_database)
            now[name]["moves"] = moves
            requests.append(_request(name, version, told, moves))
    # A strategy without a champion version keeps its count, or its keys would begin again.
    cursor = canonical_json({**seen, **now}).decode()
    if not requests:
        return dg.SensorResult(skip_reason="no champion has moved", cursor=cursor)
    return dg.SensorResult(run_requests=requests, cursor=cursor)


def _elected(strategy: SleeveStrategy, lakehouse: LakehouseRoot) -> str:
    """Return the content of the sleeve's election; nothing if nobody was elected."""
    store, sleeve = lakehouse.store("champion"), strategy.sleeve.name
    table = store.read(sleeve)
    if table is None or read_election(table).champion is None:
        return ""
    receipt = store.receipt(sleeve)
    if receipt is None:
        raise MissingPartitionError(f"{store.path(sleeve)}: it was there a moment ago and is gone")
    return receipt.digest


def _moves(name: str, before: dict[str, Any], database: Strategies) -> int:
    """Return the number of this move; a cursor that was reset goes on behind what was told."""
    if "moves" in before:
        return int(before["moves"]) + 1
    with database.open() as rows:
        return len(rows.history(name)) + 1


def _request(name: str, version: int, elected: str, moves: int) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{name}/{version}/{elected[:12] or 'nobody'}/{moves}",
        partition_key=name,
        tags={"strategy": name, "registered_version": str(version)},
    )


JOBS = (election, promotion, redeploy, verification)

SENSORS = (
    champion_moved,
    dg.AutomationConditionSensorDefinition(
        "deployment_automation",
        target=dg.AssetSelection.assets("champion", "registered_models"),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    ),
)
