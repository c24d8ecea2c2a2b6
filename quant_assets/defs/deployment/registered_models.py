"""The registry: the newest model of a strategy as challenger, and as champion if it may."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa

from quant_assets._assets import RETRIES, SINGLE_RUN, version_of
from quant_assets._automation import WHEN_INPUTS_CHANGE
from quant_assets._gates import gate_checks, gate_specs, verdicts_preview
from quant_assets._promotion import judged, newest_model
from quant_assets._resources import AuditTrail, LakehouseRoot, Registry
from quant_assets._strategies import SleeveStrategy, strategies
from quant_assets.partitions import STRATEGIES
from quant_core.canonical import digest_json
from quant_core.champion import Verdict, model_gates
from quant_core.config import ModelGateConfig
from quant_core.data import ReturnsMatrix
from quant_core.strategies import ModelRecord, strategy_row, strategy_symbols
from resources._final_errors import without_retry
from resources.mlflow_rebuild import REGISTER, Telling
from resources.mlflow_registry import CHAMPION, RULES, RegisteredModel
from resources.ray_io_manager import Partition

__all__ = ["registered_models"]

_OWN_TAGS = ("sleeve", "month", "inputs_hash", "model_version")
_GATES = model_gates(ModelGateConfig(), first=False)

SCHEMA = pa.schema(
    [
        ("strategy", pa.string()),
        ("month", pa.string()),
        ("sha256", pa.string()),
        ("version", pa.string()),
        ("gate", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("passed", pa.bool_()),
        ("reason", pa.string()),
    ]
)


@dg.asset(
    group_name="deployment",
    partitions_def=STRATEGIES,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    automation_condition=WHEN_INPUTS_CHANGE,
    code_version=version_of("quant_core.champion._models", sections=("champion", "strategies")),
    deps=[dg.AssetDep("strategy_models", partition_mapping=dg.AllPartitionMapping())],
    # Not blocking: a model that may not take over is news, and the one in place stays.
    check_specs=gate_specs("registered_models", _GATES, blocking=False),
    kinds={"mlflow", "onnx"},
)
@without_retry
def registered_models(
    context: dg.AssetExecutionContext,
    lakehouse: LakehouseRoot,
    trail: AuditTrail,
    registry: Registry,
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """Verdicts of the gates on the newest model of each strategy."""
    found: dict[str, Partition] = {}
    verdicts: dict[str, list[Verdict]] = {}
    for name in sorted(context.partition_keys):
        strategy = strategies()[name]
        record = newest_model(strategy, lakehouse)
        run_id = context.run.run_id
        given = {"strategy_models": record.key, "model": record.sha256}
        with trail.action(
            REGISTER, strategy.sleeve, run_id=run_id, inputs=given, strategy=name
        ) as told:
            action, witness = told
            in_place = registry.open().aliased(name, CHAMPION)
            verdict = judged(strategy, record, in_place, lakehouse)
            lineage = {"run_id": run_id, "ledger_seq": str(action.seq)}
            model = _register(strategy, record, lakehouse, registry, lineage)
            promoted = _promote(strategy, model, in_place, verdict, registry)
            action.outcome = {
                "version": model.number,
                "promoted": promoted,
                "registered": _recorded(model),
                **({} if promoted is None else {"judged": _judgement(strategy, verdict)}),
            }
            action.outputs = {"model": record.sha256}
        verdicts[name] = [verdict]
        facts = {**_metadata(model, verdict, registry), "promoted": bool(promoted), **witness}
        found[name] = Partition(_table(record, verdict), facts)
    yield dg.MaterializeResult(value=found, check_results=_checks(verdicts))
    for name, (verdict,) in verdicts.items():
        _tell(trail, registry, context.run.run_id, name, verdict)


def _register(
    strategy: SleeveStrategy,
    record: ModelRecord,
    lakehouse: LakehouseRoot,
    registry: Registry,
    lineage: dict[str, str],
) -> RegisteredModel:
    config = strategy.sleeve.config
    traded = strategy.config.symbols or _traded(strategy, lakehouse)
    row = strategy_row(
        strategy.config,
        record,
        lakehouse.models(),
        sleeve=config.sleeve,
        symbols=traded,
        lineage=lineage,
    )
    plain = row.model_dump(mode="json", exclude={"model", "mode", "allocation", "enabled"})
    tags = {
        "sleeve": config.sleeve,
        "month": record.trained_for,
        "inputs_hash": record.inputs_hash,
        "model_version": record.version,
    }
    spec = record.spec(lakehouse.models())
    return registry.open().register(
        strategy.name, spec, strategy=plain, tags=tags, run_id=lineage["run_id"]
    )


def _promote(
    strategy: SleeveStrategy,
    model: RegisteredModel,
    in_place: RegisteredModel | None,
    verdict: Verdict,
    registry: Registry,
) -> bool | None:
    """Promote a model that passes, once: a rollback by hand must outlast the next run.

    None says that it was judged by these rules before.
    """
    judgement = _judgement(strategy, verdict)
    if in_place is not None and model.tags.get(RULES) == judgement["rules"]:
        return None
    if verdict.passed:
        registry.open().promote(model.name, model.number)
    registry.open().judged(model, **judgement)
    return verdict.passed


def _judgement(strategy: SleeveStrategy, verdict: Verdict) -> dict[str, str]:
    rules = digest_json(strategy.sleeve.config.champion.models.model_dump())
    return {"rules": rules, "reason": verdict.reason}


def _recorded(model: RegisteredModel) -> dict[str, Any]:
    """Return what a version is made of, for the trail."""
    spec = model.spec.model_dump(mode="json")
    tags = {name: text for name, text in model.tags.items() if name in _OWN_TAGS}
    return {"spec": spec, "strategy": model.strategy, "tags": tags}


def _traded(strategy: SleeveStrategy, lakehouse: LakehouseRoot) -> list[str]:
    """Return the symbols of the sleeve's last month that the strategy trades."""
    store = lakehouse.store("returns_matrix", strategy.sleeve.name)
    table = store.read(store.partitions()[-1])
    symbols = () if table is None else ReturnsMatrix.from_table(table).symbols
    return strategy_symbols(strategy.config, symbols, strategy.sleeve.config.benchmark)


def _checks(verdicts: dict[str, list[Verdict]]) -> list[dg.AssetCheckResult]:
    """Return the checks; the first model of a strategy has none to be compared with."""
    results = gate_checks(_GATES, verdicts)
    compared = {
        name: found
        for name, found in verdicts.items()
        if any(result.name == _GATES[-1].name for result in found[0].results)
    }
    return [*results[:-1], *gate_checks(_GATES[-1:], compared)]


def _table(record: ModelRecord, verdict: Verdict) -> pa.Table:
    own = {
        "strategy": record.strategy,
        "month": record.trained_for,
        "sha256": record.sha256,
        "version": record.version,
    }
    rows = [
        {
            **own,
            "gate": one.name,
            "value": one.value,
            "threshold": one.threshold,
            "passed": one.passed,
            "reason": one.reason,
        }
        for one in verdict.results
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _metadata(model: RegisteredModel, verdict: Verdict, registry: Registry) -> dict[str, Any]:
    return {
        "registered_version": model.number,
        "model_version": model.spec.version,
        "sha256": model.spec.sha256,
        "passed": verdict.passed,
        "why_not": verdict.reason,
        "registry": registry.open().uri,
        "verdict": verdicts_preview([verdict]),
    }


def _tell(trail: AuditTrail, registry: Registry, run_id: str, name: str, verdict: Verdict) -> None:
    known = {one.name: one.value for one in verdict.results}
    figures = {**known, "passed": float(verdict.passed)}
    told = Telling(metrics={f"{name}.{figure}": value for figure, value in figures.items()})
    sleeve = strategies()[name].sleeve
    trail.tell(registry.open(), sleeve, run_id=run_id, told=told, name=name)
