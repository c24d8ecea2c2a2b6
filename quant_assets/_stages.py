"""The monthly stages of the tournament as assets: select and solve."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from quant_assets._figures import cell_counts
from quant_assets._windows import inputs_of, windows_of
from quant_assets.partitions import partition_key
from quant_core.errors import StoreError
from quant_core.frames import digest_frame
from quant_core.tournament import Silent
from resources.ray_io_manager import Partition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from quant_assets._resources import AuditTrail
    from quant_assets._sleeves import Sleeve
    from quant_core.cells import FolderStore, Receipt
    from quant_core.tournament import Inputs, PartitionOutcome, PartitionPlan, StageOutcome
    from quant_core.windows import Window

__all__ = ["Stage", "StageRun", "run_stage"]


class Stage(Protocol):
    """A stage of the library, bound to a run."""

    def __call__(self, run: StageRun, **options: Any) -> StageOutcome:
        """Bring the partitions of a run up to date."""
        ...


@dataclass(frozen=True, slots=True)
class StageRun:
    """The months of one sleeve that a run brings up to date.

    Parameters
    ----------
    sleeve : Sleeve
        The sleeve.
    inputs : Inputs
        Returns of the train periods.
    windows : mapping of str to sequence of Window
        Windows of each month.
    store : FolderStore
        Where the months are kept.
    """

    sleeve: Sleeve
    inputs: Inputs = field(repr=False)
    windows: Mapping[str, Sequence[Window]] = field(repr=False)
    store: FolderStore = field(repr=False)

    @classmethod
    def of(
        cls,
        sleeve: Sleeve,
        months: Sequence[str],
        tables: Mapping[str, pa.Table],
        store: FolderStore,
    ) -> StageRun:
        """Return the run of a sleeve's months over partitions of ``atom_returns``."""
        inputs = inputs_of(sleeve, tables)
        return cls(sleeve, inputs, windows_of(sleeve, inputs, months), store)


def run_stage(
    name: str,
    stage: Stage,
    run: StageRun,
    trail: AuditTrail,
    *,
    run_id: str,
    reads: Mapping[str, str] | None = None,
) -> dict[str, Partition]:
    """Run a stage and return its partitions, as the workers wrote them.

    Parameters
    ----------
    name : str
        What the audit trail calls it.
    stage : Stage
        The stage.
    run : StageRun
        What to bring up to date.
    trail : AuditTrail
        Where it is recorded.
    run_id : str
        Dagster's run.
    reads : mapping of str to str, optional
        Digests of what the stage reads beside the returns, by name.
    """
    receipts: dict[str, Receipt] = {}

    def keep(plan: PartitionPlan, outcome: PartitionOutcome | None) -> None:
        receipts[plan.partition] = outcome.receipt if outcome else _stored(run.store, plan)

    given = {"atom_returns": digest_frame(run.inputs.matrix), **(reads or {})}
    with trail.action(
        name, run.sleeve, run_id=run_id, inputs=given, partitions=list(run.windows)
    ) as told:
        action, witness = told
        outcome = stage(run, progress=Silent(), on_partition=keep)
        counts = cell_counts(outcome.facts)
        action.outcome = {"hits": counts["hits"], "computed": counts["computed"]}
        action.outputs = {month: receipt.digest for month, receipt in sorted(receipts.items())}
    found = {}
    for month, windows in run.windows.items():
        keys = {window.key for window in windows}
        own = cell_counts([fact for fact in outcome.facts if fact.window in keys])
        metadata = {**own, "windows": len(windows), **witness}
        found[str(partition_key(run.sleeve.name, month))] = Partition(receipts[month], metadata)
    return found


def _stored(store: FolderStore, plan: PartitionPlan) -> Receipt:
    receipt = store.receipt(plan.partition)
    if receipt is None:
        raise StoreError(f"{store.path(plan.partition)}: it was there a moment ago and is gone")
    return receipt
