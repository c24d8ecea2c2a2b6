"""The model that serves each strategy in each month, trained on what came before."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from quant_assets._assets import RETRIES, SINGLE_RUN, spans, version_of
from quant_assets._figures import cell_counts, preview
from quant_assets._models import ModelMonths, market_of
from quant_assets._plots import plot_deciles
from quant_assets._resources import AuditTrail, ComputeBackend, LakehouseRoot
from quant_assets._sleeves import Sleeve, sleeves
from quant_assets.partitions import MONTHLY, TRAINING, partition_key, sleeves_with_months
from quant_core.canonical import digest_array
from quant_core.frames import digest_frame
from quant_core.strategies import ModelRecord
from quant_core.tournament import CellFact, model_facts
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["strategy_models"]

_PARITY, _BATCH, _PAST = "onnx_parity", "batch_invariance", "trained_on_the_past"
_REPORTS = (
    ("onnxruntime", "parity", "max_relative"),
    ("runner", "serving", "max_relative"),
    ("batches", "batch_invariance", "max_difference"),
)

type _Months = dict[str, list[ModelRecord]]


@dg.asset(
    group_name="models",
    partitions_def=MONTHLY,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    code_version=version_of(
        "quant_core.strategies._models", sections=("benchmark", "strategies", "seed")
    ),
    ins={
        "returns_matrix": dg.AssetIn(partition_mapping=TRAINING, metadata=spans("training_reach")),
        "feature_matrix": dg.AssetIn(partition_mapping=TRAINING, metadata=spans("training_reach")),
    },
    check_specs=[
        dg.AssetCheckSpec(
            _PARITY,
            asset="strategy_models",
            blocking=True,
            description="ONNX Runtime and the runner's inference give the predictions of the "
            "library that trained the model, on rows held out.",
        ),
        dg.AssetCheckSpec(
            _BATCH,
            asset="strategy_models",
            blocking=True,
            description="A prediction is the same bytes whatever rows are beside it.",
        ),
        dg.AssetCheckSpec(
            _PAST,
            asset="strategy_models",
            blocking=True,
            description="The last date that a training read, ends of labels included, lies before "
            "the month that its model serves.",
        ),
    ],
    kinds={"ray", "onnx", "parquet"},
)
@without_retry
def strategy_models(
    context: dg.AssetExecutionContext,
    lakehouse: LakehouseRoot,
    backend: ComputeBackend,
    trail: AuditTrail,
    returns_matrix: dict[str, pa.Table],
    feature_matrix: dict[str, pa.Table],
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """Walk-forward models with their parity reports and scores, one row a strategy."""
    found: dict[str, Partition] = {}
    records: list[ModelRecord] = []
    for name, months in sleeves_with_months(list(context.partition_keys)).items():
        sleeve = sleeves()[name]
        market = market_of(sleeve, returns_matrix, feature_matrix)
        work = ModelMonths(sleeve, tuple(months), *market, lakehouse)
        made, served = _train(work, backend, trail, context.run.run_id)
        found |= made
        records += [record for month in served.values() for record in month]
    yield dg.MaterializeResult(value=found, check_results=_checks(records))


def _train(
    work: ModelMonths, backend: ComputeBackend, trail: AuditTrail, run_id: str
) -> tuple[dict[str, Partition], _Months]:
    sleeve = work.sleeve
    given = {
        "returns_matrix": digest_frame(work.matrix),
        "feature_matrix": digest_array(work.features.values),
    }
    with trail.action(
        "train", sleeve, run_id=run_id, inputs=given, partitions=list(work.months)
    ) as told:
        action, witness = told
        served, receipts, trained = work.train(work.plan(), compute=backend.compute)
        facts = model_facts(trained)
        counts = cell_counts(facts)
        action.outcome = {"hits": counts["hits"], "computed": counts["computed"]}
        action.outputs = {month: receipt.digest for month, receipt in sorted(receipts.items())}
    every = [record for records in served.values() for record in records]
    known = trail.register(sleeve, every, work.lakehouse.models(), run_id=run_id)
    found = {}
    for month, records in served.items():
        own = [known[r.sha256, r.strategy, r.trained_for][0] for r in records if r.ok]
        metadata = {**_metadata(records, facts, month), "registered_as": own, **witness}
        found[str(partition_key(sleeve.name, month))] = Partition(receipts[month], metadata)
    _with_pictures(sleeve, served, found)
    return found, served


def _with_pictures(sleeve: Sleeve, served: _Months, found: dict[str, Partition]) -> None:
    """Add a plot to the last month of a run: pictures of hundreds of months nobody looks at."""
    if not served or not any(record.ok for record in served[max(served)]):
        return
    month = max(served)
    key = str(partition_key(sleeve.name, month))
    picture = {"deciles": plot_deciles([record for record in served[month] if record.ok])}
    found[key] = Partition(found[key].value, {**found[key].metadata, **picture})


def _metadata(
    records: Iterable[ModelRecord], facts: Iterable[CellFact], month: str
) -> dict[str, Any]:
    rows = list(records)
    own = cell_counts([fact for fact in facts if fact.window == month])
    found: dict[str, Any] = {
        "strategies": len(rows),
        "models": sum(record.ok for record in rows),
        "computed": own["computed"],
        "seconds": own["seconds"],
        "statuses": {record.strategy: record.status for record in rows},
    }
    if any(record.ok for record in rows):
        found["sha256"] = {record.strategy: record.sha256 for record in rows if record.ok}
        found["scores"] = preview(_scores(rows), _scores(rows).column_names)
        found["parity"] = preview(_reports(rows), _reports(rows).column_names)
    return found


def _scores(records: Iterable[ModelRecord]) -> pa.Table:
    names = ("strategy", "trained_for", "version", "rows", "held_out", "rank_ic", "hit_rate")
    return pa.Table.from_pylist(
        [{name: getattr(record, name) for name in names} for record in records if record.ok]
    )


def _reports(records: Iterable[ModelRecord]) -> pa.Table:
    rows = []
    for record in records:
        for title, name, figure in _REPORTS:
            report: Mapping[str, Any] = getattr(record, name)
            if report:
                facts = {"compared": title, "rows": report["rows"], "difference": report[figure]}
                rows.append({"strategy": record.strategy, **facts, "passed": _passed(report)})
    return pa.Table.from_pylist(rows)


def _passed(report: Mapping[str, Any]) -> bool:
    return bool(report.get("passed", report.get("identical", True)))


def _checks(records: list[ModelRecord]) -> list[dg.AssetCheckResult]:
    broken: dict[str, list[str]] = {_PARITY: [], _BATCH: [], _PAST: []}
    for record in records:
        where = f"{record.strategy} {record.month}"
        if not (_passed(record.parity) and _passed(record.serving)):
            broken[_PARITY].append(where)
        if not _passed(record.batch_invariance):
            broken[_BATCH].append(where)
        if record.train_last >= f"{record.month}-01":
            broken[_PAST].append(where)
    count = sum(record.ok for record in records)
    return [
        dg.AssetCheckResult(
            check_name=name, passed=not wrong, metadata={"models": count, "broken": wrong[:10]}
        )
        for name, wrong in broken.items()
    ]
