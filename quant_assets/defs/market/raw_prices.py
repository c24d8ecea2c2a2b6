"""Prices or returns as found, month by month."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from quant_assets._assets import RETRIES, SINGLE_RUN, version_of
from quant_assets._resources import AuditTrail
from quant_assets._sleeves import Sleeve, sleeves
from quant_assets._trail import table_digests
from quant_assets.partitions import MONTHLY, partition_key, sleeves_with_months
from quant_core.data import RawObservations, open_source
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["raw_prices"]


@dg.asset(
    group_name="market",
    partitions_def=MONTHLY,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    code_version=version_of("quant_core.data._source", sections=("data",)),
    kinds={"parquet"},
)
@without_retry
def raw_prices(context: dg.AssetExecutionContext, trail: AuditTrail) -> dict[str, Partition]:
    """Observations as the source has them, before any rule: ``date, symbol, value, row``.

    A month is a function of its own observations, so that those of another change no byte of it.
    """
    known = sleeves()
    found = {}
    for name, months in sleeves_with_months(list(context.partition_keys)).items():
        sleeve, run_id = known[name], context.run.run_id
        with trail.action("read", sleeve, run_id=run_id, partitions=months) as (action, witness):
            raw = _read(sleeve, months)
            tables = {month: _month(raw, month) for month in months}
            action.outcome = {"origin": raw.origin, "observations": len(raw.values)}
            action.outputs = table_digests(tables)
        for month, table in tables.items():
            found[str(partition_key(name, month))] = _partition(table, witness)
    return found


def _read(sleeve: Sleeve, months: list[str]) -> RawObservations:
    first, after = (
        np.datetime64(months[0], "M"),
        np.datetime64(months[-1], "M") + np.timedelta64(1, "M"),
    )
    begin, end = first.astype("datetime64[us]"), after.astype("datetime64[us]")
    if sleeve.data.start is not None:
        begin = max(begin, np.datetime64(sleeve.data.start, "us"))
    if sleeve.data.end is not None:
        end = min(end, np.datetime64(sleeve.data.end, "us") + np.timedelta64(1, "D"))
    raw = open_source(sleeve.data).read(begin, end)
    # As it is configured: what a variable in it stands for changes no byte.
    return replace(raw, origin=sleeve.data.prices or sleeve.data.returns or raw.origin)


def _month(raw: RawObservations, month: str) -> pa.Table:
    start = np.datetime64(month, "M")
    within = (
        start.astype("datetime64[us]"),
        (start + np.timedelta64(1, "M")).astype("datetime64[us]"),
    )
    return raw.between(*within).numbered(f"observation of {month}").to_table()


def _partition(table: pa.Table, witness: Mapping[str, Any]) -> Partition:
    dates = table["date"].to_numpy()
    seen = [str(dates.min())[:10], str(dates.max())[:10]] if len(dates) else ["", ""]
    return Partition(
        table,
        {
            "observations": table.num_rows,
            "symbols": len(table["symbol"].unique()),
            "first_date": seen[0],
            "last_date": seen[1],
            **witness,
        },
    )
