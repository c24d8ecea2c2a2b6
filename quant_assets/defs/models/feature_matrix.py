"""Features of every asset and close, month by month."""

from collections.abc import Mapping

import dagster as dg
import numpy as np
import pyarrow as pa

from quant_assets._assets import RETRIES, SINGLE_RUN, spans, version_of
from quant_assets._resources import AuditTrail
from quant_assets._sleeves import Sleeve, sleeves
from quant_assets._trail import digests_read, table_digests
from quant_assets.partitions import FEATURES, MONTHLY, partition_key, sleeves_with_months
from quant_core.calendars import open_calendar
from quant_core.data import Ingested, RawObservations, ingest_since
from quant_core.strategies import FeatureMatrix, distinct_features, features_of, month_rows
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["feature_matrix"]


@dg.asset(
    group_name="models",
    partitions_def=MONTHLY,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    code_version=version_of(
        "quant_core.strategies._features",
        sections=("calendar", "data", "periods_per_year", "strategies"),
    ),
    ins={"raw_prices": dg.AssetIn(partition_mapping=FEATURES, metadata=spans("feature_reach"))},
    kinds={"parquet"},
)
@without_retry
def feature_matrix(
    context: dg.AssetExecutionContext, trail: AuditTrail, raw_prices: dict[str, pa.Table]
) -> dict[str, Partition]:
    """Features that the strategies read, by the definitions of live: a row an asset and close."""
    found = {}
    for name, months in sleeves_with_months(list(context.partition_keys)).items():
        sleeve, run_id = sleeves()[name], context.run.run_id
        given = digests_read(name, raw_prices=raw_prices)
        with trail.action(
            "features", sleeve, run_id=run_id, inputs=given, partitions=months
        ) as told:
            action, witness = told
            features = _features(sleeve, months, raw_prices)
            rows = {month: month_rows(features.dates, month) for month in months}
            tables = {month: features.to_table(own) for month, own in rows.items()}
            action.outcome = {"features": list(features.names)}
            action.outputs = table_digests(tables)
        for month, table in tables.items():
            key = str(partition_key(name, month))
            found[key] = Partition(table, {**_metadata(table), **witness})
    return found


def _features(sleeve: Sleeve, months: list[str], tables: Mapping[str, pa.Table]) -> FeatureMatrix:
    wanted = distinct_features(sleeve.config.strategies)
    names = tuple(feature.name for feature in wanted)
    ingested = _observed(sleeve, months, tables) if wanted else None
    if ingested is None:
        nothing = np.zeros((0, 0, len(names)))
        return FeatureMatrix(np.zeros(0, "datetime64[us]"), (), names, nothing)
    return features_of(
        ingested.matrix,
        ingested.prices,
        wanted,
        periods_per_year=sleeve.config.periods_per_year,
    )


def _observed(sleeve: Sleeve, months: list[str], tables: Mapping[str, pa.Table]) -> Ingested | None:
    """Return what the features of months read, or None when there is nothing."""
    month = np.timedelta64(1, "M")
    first = np.datetime64(months[0], "M") - sleeve.feature_look_back * month
    since = (first + month).astype("datetime64[us]")
    keys = (str(partition_key(sleeve.name, str(m))) for m in np.arange(first, _after(months)))
    found = [tables[key] for key in keys if key in tables and tables[key].num_rows]
    if not found:
        return None
    joined = pa.concat_tables(found, promote_options="none").unify_dictionaries()
    return ingest_since(
        RawObservations.from_table(joined),
        since,
        duplicates=sleeve.data.duplicates,
        max_gap_days=sleeve.data.max_gap_days,
        prices=True,
        calendar=open_calendar(sleeve.config.calendar),
    )


def _after(months: list[str]) -> np.datetime64:
    return np.datetime64(months[-1], "M") + np.timedelta64(1, "M")


def _metadata(table: pa.Table) -> dict[str, object]:
    names = table.column_names[2:]
    rows = table.num_rows
    return {
        "rows": rows,
        "features": ", ".join(names) or "none: the sleeve has no strategies",
        "complete": {name: rows - table[name].null_count for name in names},
    }
