"""Who may be held at the start of each window, and why not the others."""

from collections.abc import Mapping

import dagster as dg
import numpy as np
import pyarrow as pa

from quant_assets._assets import RETRIES, SINGLE_RUN, spans, version_of
from quant_assets._figures import heading_counts
from quant_assets._resources import AuditTrail, LakehouseRoot
from quant_assets._sleeves import Sleeve, sleeves
from quant_assets._trail import digests_read, table_digests
from quant_assets._windows import inputs_of, windows_of
from quant_assets.partitions import MONTHLY, TRAIN, partition_key, sleeves_with_months
from quant_core.data import DollarVolume, RawObservations
from quant_core.tournament import Inputs, Members, discover, members
from quant_core.windows import Window
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["universe"]

_LIQUID = any(s.config.universe.liquidity is not None for s in sleeves().values())
_SCHEMA = pa.schema(
    [
        ("sleeve", pa.string()),
        ("window", pa.string()),
        ("atom", pa.string()),
        ("symbol", pa.string()),
        ("direction", pa.string()),
        ("eligible", pa.bool_()),
        ("reason", pa.string()),
    ]
)


@dg.asset(
    group_name="market",
    partitions_def=MONTHLY,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    code_version=version_of(
        "quant_core.tournament._universe",
        "quant_core.tournament._discovery",
        sections=("windows", "benchmark", "calendar", "directions", "data", "universe"),
    ),
    ins={"atom_returns": dg.AssetIn(partition_mapping=TRAIN, metadata=spans("train_reach"))},
    deps=[dg.AssetDep("raw_prices", partition_mapping=TRAIN)] if _LIQUID else [],
    kinds={"parquet"},
)
@without_retry
def universe(
    context: dg.AssetExecutionContext,
    lakehouse: LakehouseRoot,
    trail: AuditTrail,
    atom_returns: dict[str, pa.Table],
) -> dict[str, Partition]:
    """Members at the start of each window, judged on its train period alone, with reasons."""
    found = {}
    for name, months in sleeves_with_months(list(context.partition_keys)).items():
        sleeve = sleeves()[name]
        run_id, given = context.run.run_id, digests_read(name, atom_returns=atom_returns)
        with trail.action(
            "discover", sleeve, run_id=run_id, inputs=given, partitions=months
        ) as told:
            action, witness = told
            tables = _tables(sleeve, months, atom_returns, lakehouse)
            action.outcome = {"rows": sum(table.num_rows for table in tables.values())}
            action.outputs = table_digests(tables)
        for month, table in tables.items():
            key = str(partition_key(name, month))
            found[key] = Partition(table, {**_metadata(table), **witness})
    return found


def _tables(
    sleeve: Sleeve,
    months: list[str],
    atom_returns: Mapping[str, pa.Table],
    lakehouse: LakehouseRoot,
) -> dict[str, pa.Table]:
    inputs = inputs_of(sleeve, atom_returns)
    found = windows_of(sleeve, inputs, months)
    every = [window for windows in found.values() for window in windows]
    judged = discover(inputs, sleeve.config, every, _traded(sleeve, inputs, lakehouse))
    return {
        month: pa.concat_tables(
            [
                _SCHEMA.empty_table(),
                *(_members(sleeve.name, inputs, window, judged) for window in windows),
            ]
        )
        for month, windows in found.items()
    }


def _traded(sleeve: Sleeve, inputs: Inputs, lakehouse: LakehouseRoot) -> DollarVolume | None:
    """Return what was traded on the days of the train periods, where a rule asks for it."""
    if sleeve.config.universe.liquidity is None:
        return None
    dates = inputs.matrix.dates
    store = lakehouse.store("raw_prices", sleeve.name)
    symbols = tuple(sorted({atom.symbol for atom in inputs.atoms}))
    values = np.full((len(dates), len(symbols)), np.nan)
    for month in np.unique(dates.astype("datetime64[M]")):
        table = store.read(str(month))
        rows = dates.astype("datetime64[M]") == month
        if table is not None and table.num_rows:
            raw = RawObservations.from_table(table)
            if (part := DollarVolume.of(raw, dates[rows], symbols)) is not None:
                values[rows] = part.values
    return DollarVolume(dates, symbols, values)


def _members(
    sleeve: str, inputs: Inputs, window: Window, judged: Mapping[str, Members] | None
) -> pa.Table:
    if judged is None:
        who = members(inputs.matrix.values, inputs.investable, window)
    else:
        who = judged[window.key]
    count, atoms = len(who.columns), [inputs.atoms[column] for column in who.columns]
    return pa.table(
        [
            [sleeve] * count,
            [window.key] * count,
            [str(atom) for atom in atoms],
            [atom.symbol for atom in atoms],
            [atom.direction for atom in atoms],
            np.array([not reason for reason in who.reason], dtype=bool),
            list(who.reason),
        ],
        schema=_SCHEMA,
    )


def _metadata(table: pa.Table) -> dict[str, object]:
    reasons = table["reason"].to_pylist()
    counts = {reason: reasons.count(reason) for reason in sorted(set(reasons)) if reason}
    return {
        "members": reasons.count(""),
        "not_eligible": len(reasons) - reasons.count(""),
        "reasons": heading_counts(counts),
    }
