"""Validated returns, month by month."""

from collections.abc import Iterator, Mapping

import dagster as dg
import numpy as np
import pyarrow as pa

from quant_assets._assets import RETRIES, SINGLE_RUN, spans, version_of
from quant_assets._figures import heading_counts, preview
from quant_assets._resources import AuditTrail
from quant_assets._sleeves import Sleeve, sleeves
from quant_assets._trail import digests_read
from quant_assets.partitions import MONTHLY, ONE_MONTH_BACK, partition_key, sleeves_with_months
from quant_core.calendars import open_calendar
from quant_core.contracts import ContractReport
from quant_core.data import Ingested, RawObservations, ReturnsMatrix, ingest_month, matrix_version
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["returns_matrix"]

_CHECK = "kept_plus_dropped_is_in"


@dg.asset(
    group_name="market",
    partitions_def=MONTHLY,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    code_version=version_of("quant_core.data._ingest", sections=("calendar", "data")),
    ins={"raw_prices": dg.AssetIn(partition_mapping=ONE_MONTH_BACK, metadata=spans())},
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset="returns_matrix",
            blocking=True,
            description="Every observation found is kept or dropped, none is lost or invented.",
        )
    ],
    kinds={"parquet"},
)
@without_retry
def returns_matrix(
    context: dg.AssetExecutionContext, trail: AuditTrail, raw_prices: dict[str, pa.Table]
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """Hold returns: every symbol that passed the contract, leading gaps left empty."""
    found: dict[str, Partition] = {}
    broken: dict[str, str] = {}
    for name, months in sleeves_with_months(list(context.partition_keys)).items():
        sleeve = sleeves()[name]
        run_id, given = context.run.run_id, digests_read(name, raw_prices=raw_prices)
        with trail.action("ingest", sleeve, run_id=run_id, inputs=given, partitions=months) as told:
            action, witness = told
            ingested = {month: _ingest(sleeve, month, raw_prices) for month in months}
            action.outcome = {month: part.report.to_dict() for month, part in ingested.items()}
            action.outputs = {month: part.version for month, part in ingested.items()}
        for month, part in ingested.items():
            key = str(partition_key(name, month))
            found[key] = Partition(part.matrix, {**_metadata(part), **witness})
            rows = raw_prices[key].num_rows if key in raw_prices else 0
            if rows != part.report.rows_in or rows != part.report.kept + part.report.dropped_total:
                broken[key] = f"found {rows}, {_books(part.report)}"
    yield dg.MaterializeResult(
        value=found,
        check_results=[
            dg.AssetCheckResult(
                check_name=_CHECK,
                passed=not broken,
                metadata={"partitions": len(found), "broken": broken},
            )
        ],
    )


def _ingest(sleeve: Sleeve, month: str, tables: Mapping[str, pa.Table]) -> Ingested:
    before = str(np.datetime64(month, "M") - np.timedelta64(1, "M"))
    own, previous = (tables.get(str(partition_key(sleeve.name, at))) for at in (month, before))
    if own is None or not own.num_rows:
        return _empty(sleeve)
    return ingest_month(
        RawObservations.from_table(own),
        RawObservations.from_table(previous) if previous is not None else None,
        duplicates=sleeve.data.duplicates,
        max_gap_days=sleeve.data.max_gap_days,
        calendar=open_calendar(sleeve.config.calendar),
    )


def _empty(sleeve: Sleeve) -> Ingested:
    matrix = ReturnsMatrix(np.zeros(0, "datetime64[us]"), (), np.zeros((0, 0)))
    nothing = pa.table({name: pa.nulls(0, pa.string()) for name in _DROPPED})
    report = ContractReport(rows_in=0, kept=0)
    return Ingested(matrix, report, nothing, nothing, sleeve.name, matrix_version(matrix))


_DROPPED = ("date", "symbol", "value", "column", "reason")


def _metadata(part: Ingested) -> dict[str, object]:
    report = part.report
    found: dict[str, object] = {
        "rows_in": report.rows_in,
        "kept": report.kept,
        "dropped": report.dropped_total,
        "reported": heading_counts(report.reported),
        "days": len(part.matrix.dates),
        "symbols": len(part.matrix.symbols),
        "origin": part.origin,
    }
    if report.dropped_total:
        found["dropped_by_reason"] = dict(report.dropped)
        found["dropped_rows"] = preview(part.dropped, _DROPPED)
    return found


def _books(report: ContractReport) -> str:
    return f"in {report.rows_in}, kept {report.kept}, dropped {report.dropped_total}"
