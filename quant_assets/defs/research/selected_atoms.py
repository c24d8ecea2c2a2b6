"""Which atoms each window may hold."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_assets._assets import RETRIES, SINGLE_RUN, spans, version_of
from quant_assets._resources import AuditTrail, ComputeBackend, LakehouseRoot
from quant_assets._sleeves import sleeves
from quant_assets._stages import StageRun, run_stage
from quant_assets.partitions import MONTHLY, TRAIN, partition_key, sleeves_with_months
from quant_core.selection.htr import STAGES
from quant_core.tournament import Members, StageOutcome, select
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["selected_atoms"]

_CHECK = "winners_are_members"
_RULES = sorted(
    {choice.spec.code_module for s in sleeves().values() for choice in s.config.selections}
)


@dg.asset(
    group_name="research",
    partitions_def=MONTHLY,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    code_version=version_of(
        "quant_core.tournament._selecting",
        *_RULES,
        sections=("windows", "benchmark", "directions", "selections", "universe"),
    ),
    ins={
        "atom_returns": dg.AssetIn(partition_mapping=TRAIN, metadata=spans("train_reach")),
        "universe": dg.AssetIn(),
    },
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset="selected_atoms",
            blocking=True,
            description="Every winner is an eligible member of its window's universe.",
        )
    ],
    kinds={"ray", "parquet"},
)
@without_retry
def selected_atoms(
    context: dg.AssetExecutionContext,
    lakehouse: LakehouseRoot,
    backend: ComputeBackend,
    trail: AuditTrail,
    atom_returns: dict[str, pa.Table],
    universe: dict[str, pa.Table],
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """Every member of each window's universe, whether each selection chose it, and why not."""
    found: dict[str, Partition] = {}
    strangers = 0
    for name, months in sleeves_with_months(list(context.partition_keys)).items():
        store = lakehouse.store("selected_atoms", name)
        run = StageRun.of(sleeves()[name], months, atom_returns, store)
        stage = partial(_select, compute=backend.compute, universe=_judged(run, universe))
        done = run_stage("select", stage, run, trail, run_id=context.run.run_id)
        for month in months:
            table, key = store.read(month), str(partition_key(name, month))
            strangers += _strangers(table, universe, name, month)
            counts = {"winners_by_stage": _winners_by_stage(table)}
            found[key] = replace(done[key], metadata={**done[key].metadata, **counts})
    check = dg.AssetCheckResult(
        check_name=_CHECK, passed=not strangers, metadata={"not_members": strangers}
    )
    yield dg.MaterializeResult(value=found, check_results=[check])


def _select(run: StageRun, **options: Any) -> StageOutcome:
    return select(run.inputs, run.sleeve.config, run.windows, run.store, **options)


def _judged(run: StageRun, universe: Mapping[str, pa.Table]) -> dict[str, Members] | None:
    """Read who may be chosen in each window, where the sleeve has rules of membership."""
    if not run.sleeve.config.universe.given:
        return None
    place = {str(atom): column for column, atom in enumerate(run.inputs.atoms)}
    found = {}
    for month, windows in run.windows.items():
        table = universe[str(partition_key(run.sleeve.name, month))]
        for window in windows:
            own = table.filter(pc.equal(table["window"], window.key))
            columns = np.array([place[atom] for atom in own["atom"].to_pylist()], dtype=np.int64)
            found[window.key] = Members(columns, tuple(own["reason"].to_pylist()))
    return found


def _winners_by_stage(atoms: pa.Table | None) -> dict[str, dict[str, int]]:
    """Count the winners that each stage supplied, of the selections that have stages."""
    counts: dict[str, dict[str, int]] = {}
    if atoms is not None:
        staged = atoms.filter(atoms["stage"].is_valid())
        pairs = zip(staged["selection"].to_pylist(), staged["stage"].to_pylist(), strict=True)
        for selection, stage in pairs:
            found = counts.setdefault(selection, dict.fromkeys(STAGES.values(), 0))
            found[STAGES[stage]] += 1
    return counts


def _strangers(
    atoms: pa.Table | None, universe: dict[str, pa.Table], sleeve: str, month: str
) -> int:
    """Count winners that the universe does not have as eligible."""
    if atoms is None:
        return 1
    who = universe[f"{month}|{sleeve}"]
    eligible = who.filter(who["eligible"])
    members = set(zip(*(eligible[name].to_pylist() for name in ("window", "atom")), strict=True))
    winners = atoms.filter(atoms["selected"])
    chosen = set(zip(*(winners[name].to_pylist() for name in ("window", "atom")), strict=True))
    return len(chosen - members)
