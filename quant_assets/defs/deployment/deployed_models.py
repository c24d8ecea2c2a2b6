"""What runners are told to serve, and what they say they serve."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from quant_assets._allocation import Allocation, allocation_of
from quant_assets._assets import RETRIES, SINGLE_RUN, version_of
from quant_assets._resources import AuditTrail, LakehouseRoot, Registry, Strategies
from quant_assets._serving import Word, wait_for_word
from quant_assets._strategies import strategies
from quant_assets.partitions import STRATEGIES
from quant_core.canonical import canonical_json
from quant_core.errors import MissingPartitionError
from quant_core.frames import digest_frame
from quant_core.live import StrategyRow
from resources._final_errors import without_retry
from resources.mlflow_registry import CHAMPION, RegisteredModel
from resources.ray_io_manager import Partition
from resources.strategy_database import StrategyDatabase

__all__ = ["deployed_models", "runner_serves_it"]

SCHEMA = pa.schema(
    [
        ("strategy", pa.string()),
        ("mode", pa.string()),
        ("allocation", pa.float64()),
        ("why", pa.string()),
        ("champion", pa.string()),
        ("window", pa.string()),
        ("registered_version", pa.int64()),
        ("model_version", pa.string()),
        ("sha256", pa.string()),
        ("row", pa.string()),
    ]
)


def _sleeves_of_strategies() -> dg.StaticPartitionMapping:
    own: dict[str, list[str]] = {}
    for name, strategy in strategies().items():
        own.setdefault(strategy.sleeve.name, []).append(name)
    return dg.StaticPartitionMapping(own)


@dg.asset(
    group_name="deployment",
    partitions_def=STRATEGIES,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    code_version=version_of("quant_core.live._strategy", sections=("strategies",)),
    deps=[
        dg.AssetDep("champion", partition_mapping=_sleeves_of_strategies()),
        "registered_models",
    ],
    kinds={"sql"},
)
@without_retry
def deployed_models(
    context: dg.AssetExecutionContext,
    lakehouse: LakehouseRoot,
    trail: AuditTrail,
    registry: Registry,
    strategy_database: Strategies,
) -> dict[str, Partition]:
    """Rows of the strategy database: champion models, live where the champion portfolio is."""
    found: dict[str, Partition] = {}
    with strategy_database.open() as database:
        for name in sorted(context.partition_keys):
            strategy = strategies()[name]
            run_id = context.run.run_id
            given = {}
            if (elected := lakehouse.store("champion").read(strategy.sleeve.name)) is not None:
                given["champion"] = digest_frame(elected)
            with trail.action(
                "deploy", strategy.sleeve, run_id=run_id, inputs=given, strategy=name
            ) as told:
                action, witness = told
                model = _champion(name, registry)
                allocation = allocation_of(strategy, lakehouse)
                row = _row(model, allocation)
                revision = _put(database, row, by=f"dagster run {run_id}")
                action.outcome = {
                    "version": model.number,
                    "mode": row.mode,
                    "revision": revision,
                }
                action.outputs = {"model": model.spec.sha256}
            facts = {**_metadata(model, row, allocation), "revision": revision, **witness}
            found[name] = Partition(_table(model, row, allocation), facts)
    return found


def _champion(name: str, registry: Registry) -> RegisteredModel:
    found = registry.open().aliased(name, CHAMPION)
    if found is None:
        raise MissingPartitionError(
            f"model {name}: no version has the alias {CHAMPION} in {registry.open().uri}: none "
            "has passed its gates; materialize registered_models, or promote one by hand with "
            f"`quant models promote {name} VERSION`"
        )
    return found


def _row(model: RegisteredModel, allocation: Allocation) -> StrategyRow:
    lineage = {**model.strategy.get("lineage", {}), "registered_version": str(model.number)}
    return StrategyRow.model_validate(
        {
            **model.strategy,
            "model": model.spec,
            "mode": "live" if allocation.weight is not None else "shadow",
            "allocation": allocation.weight,
            "lineage": lineage,
        }
    )


def _put(database: StrategyDatabase, row: StrategyRow, *, by: str) -> int:
    """Write a row, unless runners have been told the same already; return its revision."""
    history = database.history(row.name)
    if history and history[-1].row == row:
        return history[-1].revision
    return database.put(row, by=by)


def _table(model: RegisteredModel, row: StrategyRow, allocation: Allocation) -> pa.Table:
    told = {
        "strategy": row.name,
        "mode": row.mode,
        "allocation": row.allocation,
        "why": allocation.why,
        "champion": allocation.champion,
        "window": allocation.window,
        "registered_version": model.number,
        "model_version": row.version,
        "sha256": model.spec.sha256,
        "row": canonical_json(row.model_dump(mode="json")).decode(),
    }
    return pa.Table.from_pylist([told], schema=SCHEMA)


def _metadata(model: RegisteredModel, row: StrategyRow, allocation: Allocation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "mode": row.mode,
        "registered_version": model.number,
        "model_version": row.version,
        "sha256": model.spec.sha256,
        "champion": allocation.champion or "none",
    }
    if allocation.weight is None:
        return {**found, "not_live_because": allocation.why}
    return {**found, "allocation": allocation.weight, "window": allocation.window}


@dg.asset_check(
    asset=deployed_models,
    description="Runners report that they serve the version that they were told; a warning while "
    "no runner has ever reported.",
)
def runner_serves_it(
    strategy_database: Strategies, lakehouse: LakehouseRoot
) -> dg.AssetCheckResult:
    """Hold what runners say against what they were told, for every deployed strategy."""
    names = lakehouse.store("deployed_models").partitions()
    with strategy_database.open() as database:
        words = wait_for_word(database, names, patience=strategy_database.patience)
    wrong = {name: word.text for name, word in words.items() if word.serves is False}
    silent = {name: word.text for name, word in words.items() if word.serves is None}
    first = {**wrong, **silent}
    return dg.AssetCheckResult(
        passed=not first,
        severity=dg.AssetCheckSeverity.ERROR if wrong else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{name}: {text}" for name, text in first.items()),
        metadata=_said(words),
    )


def _said(words: Mapping[str, Word]) -> dict[str, str]:
    return {name: word.text for name, word in words.items()}
