"""The stages in their order, over any store and any compute backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quant_core.errors import DataError, StoreError
from quant_core.tournament._atoms import read_atoms
from quant_core.tournament._cube import CUBE_NAMES
from quant_core.tournament._holdings import stored_before
from quant_core.tournament._selecting import SELECTION_NAMES, SelectionStage, plan_selections
from quant_core.tournament._solving import SolveStage, plan_solves
from quant_core.tournament._stage import run_stage, stage_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np

    from quant_core.cells import PartitionStore
    from quant_core.compute import Compute
    from quant_core.config import TournamentConfig
    from quant_core.tournament._atoms import AtomsRecord
    from quant_core.tournament._inputs import Inputs
    from quant_core.tournament._progress import CellFact, Progress
    from quant_core.tournament._solving import Atoms
    from quant_core.tournament._stage import PartitionOutcome, Stage
    from quant_core.tournament._staleness import PartitionPlan, StagePlan
    from quant_core.tournament._universe import Members
    from quant_core.windows import Window

__all__ = ["StageOutcome", "by_month", "collect_atoms", "select", "solve"]

type OnPartition = Callable[[PartitionPlan, PartitionOutcome | None], None]


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """What a stage did.

    Parameters
    ----------
    plan : StagePlan
        What was stored and what was stale.
    facts : tuple of CellFact
        What happened to each cell, in the order of the plan.
    """

    plan: StagePlan
    facts: tuple[CellFact, ...] = field(repr=False)


def by_month(windows: Iterable[Window]) -> dict[str, list[Window]]:
    """Group windows by the month of their first day, in time order."""
    months: dict[str, list[Window]] = {}
    for window in windows:
        months.setdefault(window.month, []).append(window)
    return months


def select(
    inputs: Inputs,
    config: TournamentConfig,
    partitions: Mapping[str, Sequence[Window]],
    store: PartitionStore,
    *,
    compute: Compute,
    progress: Progress,
    on_partition: OnPartition | None = None,
    universe: Mapping[str, Members] | None = None,
) -> StageOutcome:
    """Bring the selected atoms of partitions up to date.

    Parameters
    ----------
    inputs : Inputs
        The returns matrix seen through the configuration.
    config : TournamentConfig
        The configuration.
    partitions : mapping of str to sequence of Window
        The windows of each partition, in time order; a partition may have none.
    store : PartitionStore
        Where selected atoms are kept.
    compute : Compute
        The backend.
    progress : Progress
        Told of hits and computed cells.
    on_partition : callable, optional
        Called with each partition as soon as it is stored.
    universe : mapping of str to Members, optional
        What `discover` found for the windows; needed where the configuration has rules.

    Raises
    ------
    DataError
        If the configuration has rules of membership and no universe is given.
    """
    if config.universe.given and universe is None:
        raise DataError(
            "universe: the configuration has rules, and select was given no universe; make it "
            "by discover()"
        )
    plan = plan_selections(inputs, config, partitions, store, universe)
    stage = SelectionStage.of(inputs, config, universe)
    return _run(stage, plan, store, inputs, compute, progress, on_partition, SELECTION_NAMES)


def solve(
    inputs: Inputs,
    config: TournamentConfig,
    partitions: Mapping[str, Sequence[Window]],
    atoms: Atoms,
    store: PartitionStore,
    *,
    compute: Compute,
    progress: Progress,
    on_partition: OnPartition | None = None,
) -> StageOutcome:
    """Bring the weights cube of partitions up to date; parameters as in `select`.

    Parameters
    ----------
    inputs, config, partitions, store, compute, progress, on_partition
        As in `select`.
    atoms : mapping of (window, selection) to AtomsRecord
        What the selection stage chose.
    """
    plan = plan_solves(inputs, config, partitions, atoms, store)
    stage = SolveStage.of(
        inputs, config, atoms, before=stored_before(plan, store, inputs.matrix.symbols)
    )
    return _run(stage, plan, store, inputs, compute, progress, on_partition, CUBE_NAMES)


def _run(
    stage: Stage[Any],
    plan: StagePlan,
    store: PartitionStore,
    inputs: Inputs,
    compute: Compute,
    progress: Progress,
    on_partition: OnPartition | None,
    names: Sequence[str],
) -> StageOutcome:
    shared: dict[str, np.ndarray] = {"values": inputs.matrix.values, "blocks": inputs.blocks}
    found: dict[str, list[CellFact]] = {}
    for partition, outcome in run_stage(
        stage, plan, store, compute=compute, shared=shared, progress=progress
    ):
        found[partition.partition] = list(stage_facts(stage.name, partition, outcome, names))
        if on_partition is not None:
            on_partition(partition, outcome)
    ordered = [fact for partition in plan.partitions for fact in found[partition.partition]]
    return StageOutcome(plan, tuple(ordered))


def collect_atoms(
    store: PartitionStore, partitions: Iterable[str], symbols: Sequence[str]
) -> dict[tuple[str, str], AtomsRecord]:
    """Read the selected atoms of partitions, by window and selection.

    Raises
    ------
    StoreError
        If a partition is missing.
    """
    found: dict[tuple[str, str], AtomsRecord] = {}
    for partition in partitions:
        table = store.read(partition)
        if table is None:
            raise StoreError(
                f"selected_atoms: partition {partition} is missing; materialize it first"
            )
        for (window, names), record in read_atoms(table, symbols).items():
            found[window, names[0]] = record
    return found


def check_investable(inputs: Inputs) -> None:
    """Refuse a matrix that leaves nothing to choose from.

    Raises
    ------
    DataError
        If fewer than two symbols remain beside the benchmark.
    """
    if len(inputs.investable) < 2:  # noqa: PLR2004 - one asset is no portfolio
        names = ", ".join(inputs.matrix.symbols[column] for column in inputs.investable) or "none"
        raise DataError(
            f"data: expected at least two assets beside the benchmark, found {names}; "
            "bring more symbols, or correct benchmark and data.exclude"
        )
