"""Stage one: the weights of every selection, engine and profile in every window."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from quant_assets._assets import RETRIES, SINGLE_RUN, spans, version_of
from quant_assets._comparisons import compare_engines, map_cube
from quant_assets._plots import plot_weights
from quant_assets._resources import AuditTrail, ComputeBackend, LakehouseRoot
from quant_assets._sleeves import Sleeve, sleeves
from quant_assets._stages import StageRun, run_stage
from quant_assets.partitions import MONTHLY, TRAIN, partition_key, sleeves_with_months
from quant_core.cells import FolderStore
from quant_core.compute import Compute
from quant_core.contracts import check_weights
from quant_core.tournament import Inputs, StageOutcome, collect_atoms, plan_solves, solve
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["weights_cube"]

_LIMITS = "weights_within_limits"
_PAST = "nothing_from_the_future"


@dg.asset(
    group_name="research",
    partitions_def=MONTHLY,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    code_version=version_of(
        "quant_core.tournament._solving",
        sections=(
            "windows",
            "benchmark",
            "directions",
            "periods_per_year",
            "risk_free",
            "selections",
            "engines",
            "profiles",
        ),
    ),
    ins={"atom_returns": dg.AssetIn(partition_mapping=TRAIN, metadata=spans("train_reach"))},
    deps=["selected_atoms"],
    check_specs=[
        dg.AssetCheckSpec(
            _LIMITS,
            asset="weights_cube",
            blocking=True,
            description="Each weight is in [0, 1], and those of a solve sum to at most 1 + 1e-6.",
        ),
        dg.AssetCheckSpec(
            _PAST,
            asset="weights_cube",
            blocking=True,
            description="Train periods end before their window, and the keys of the last window "
            "stay what they are when all that comes after its start is cut off.",
        ),
    ],
    kinds={"ray", "parquet"},
)
@without_retry
def weights_cube(
    context: dg.AssetExecutionContext,
    lakehouse: LakehouseRoot,
    backend: ComputeBackend,
    trail: AuditTrail,
    atom_returns: dict[str, pa.Table],
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """Weights with the certificate of each solve, one row an atom."""
    found: dict[str, Partition] = {}
    broken: list[str] = []
    ahead: list[str] = []
    for name, months in sleeves_with_months(list(context.partition_keys)).items():
        store = lakehouse.store("weights_cube", name)
        run = StageRun.of(sleeves()[name], months, atom_returns, store)
        atoms = collect_atoms(
            lakehouse.store("selected_atoms", name),
            _months_read(sleeves()[name], months),
            run.inputs.matrix.symbols,
        )
        stage = partial(_solve, atoms=atoms, compute=backend.compute)
        chosen = lakehouse.store("selected_atoms", name)
        kept = {month: chosen.receipt(month) for month in months}
        reads = {f"selected_atoms/{month}": one.digest for month, one in kept.items() if one}
        made = run_stage("solve", stage, run, trail, run_id=context.run.run_id, reads=reads)
        broken += _violations(run)
        ahead += _from_the_future(run, atoms)
        last = str(partition_key(name, months[-1]))
        made[last] = Partition(
            made[last].value, {**made[last].metadata, **_pictures(sleeves()[name], store, months)}
        )
        found |= made
    yield dg.MaterializeResult(
        value=found,
        check_results=[
            dg.AssetCheckResult(
                check_name=_LIMITS,
                passed=not broken,
                metadata={"violations": len(broken), "first": broken[:3]},
            ),
            dg.AssetCheckResult(check_name=_PAST, passed=not ahead, metadata={"windows": ahead}),
        ],
    )


def _months_read(sleeve: Sleeve, months: Sequence[str]) -> list[str]:
    """Return the months whose atoms are read: with a turnover limit, those just before as well."""
    found = set(months)
    if sleeve.starts_from_held:
        before = (str(np.datetime64(month, "M") - np.timedelta64(1, "M")) for month in months)
        found |= {month for month in before if sleeve.holds(month)}
    return sorted(found)


def _solve(
    run: StageRun, *, atoms: Mapping[tuple[str, str], Any], compute: Compute, **options: Any
) -> StageOutcome:
    config = run.sleeve.config
    return solve(run.inputs, config, run.windows, atoms, run.store, compute=compute, **options)


def _pictures(sleeve: Sleeve, store: FolderStore, months: Sequence[str]) -> dict[str, Any]:
    found = {"weights": plot_weights(store, months), "by_symbol": map_cube(store, months)}
    if len(sleeve.config.engines) > 1:
        found |= compare_engines(store, months)
    return found


def _violations(run: StageRun) -> list[str]:
    """Read what was stored, and hold it to the contract of weights."""
    found = []
    for month in run.windows:
        table = run.store.read(month)
        if table is None:
            found.append(f"{month}: not stored")
        elif table.num_rows:
            found += [str(violation) for violation in check_weights(table).violations]
    return found


def _from_the_future(run: StageRun, atoms: Mapping[tuple[str, str], Any]) -> list[str]:
    days = run.inputs.matrix.dates.astype("datetime64[D]")
    windows = [window for month in run.windows.values() for window in month]
    late = [window.key for window in windows if days[window.train.stop - 1] >= window.start]
    if not windows:
        return late
    last = windows[-1]
    past = Inputs.of(run.inputs.matrix.until(last.start), run.sleeve.config)
    own = [window for window in run.windows[last.month] if window.key == last.key]
    again = plan_solves(past, run.sleeve.config, {last.month: own}, atoms, run.store)
    return late + ([last.key] if again.stale else [])
