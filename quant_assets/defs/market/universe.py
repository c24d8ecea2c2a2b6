"""Who may be held at the start of each window, and why not the others."""

import dagster as dg
import numpy as np
import pyarrow as pa

from quant_assets._assets import RETRIES, SINGLE_RUN, spans, version_of
from quant_assets._figures import heading_counts
from quant_assets._sleeves import sleeves
from quant_assets._windows import inputs_of, windows_of
from quant_assets.partitions import MONTHLY, TRAIN, partition_key, sleeves_with_months
from quant_core.tournament import Inputs, members
from quant_core.windows import Window
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["universe"]

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
        "quant_core.tournament._universe", sections=("windows", "benchmark", "directions", "data")
    ),
    ins={"atom_returns": dg.AssetIn(partition_mapping=TRAIN, metadata=spans())},
    kinds={"parquet"},
)
@without_retry
def universe(
    context: dg.AssetExecutionContext, atom_returns: dict[str, pa.Table]
) -> dict[str, Partition]:
    """Members at the start of each window, judged on its train period alone, with reasons."""
    found = {}
    for name, months in sleeves_with_months(list(context.partition_keys)).items():
        sleeve = sleeves()[name]
        inputs = inputs_of(sleeve, atom_returns)
        for month, windows in windows_of(sleeve, inputs, months).items():
            parts = [_members(name, inputs, window) for window in windows]
            table = pa.concat_tables([_SCHEMA.empty_table(), *parts])
            found[str(partition_key(name, month))] = Partition(table, _metadata(table))
    return found


def _members(sleeve: str, inputs: Inputs, window: Window) -> pa.Table:
    who = members(inputs.matrix.values, inputs.investable, window)
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
