"""A stage over partitions: compute what is stale, keep what is stored, write it whole."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from quant_core.clock import clock
from quant_core.errors import StoreError
from quant_core.tournament._progress import CellFact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np

    from quant_core.cells import Kind, PartitionStore, Receipt
    from quant_core.compute import Compute
    from quant_core.tournament._progress import Progress
    from quant_core.tournament._staleness import PartitionPlan, StagePlan, WindowPlan

__all__ = ["PartitionOutcome", "Record", "Stage", "Worker", "run_stage", "stage_facts"]

_LONGEST_CHUNK = 24
_CHUNKS_PER_WORKER = 4


class Record(Protocol):
    """The result of one cell."""

    @property
    def key(self) -> str:
        """Its content key."""
        ...

    @property
    def status(self) -> str:
        """How it ended."""
        ...


class Worker[R: Record](Protocol):
    """A stage bound to the arrays of the process that runs it."""

    def compute(self, plan: WindowPlan, number: int) -> R:
        """Compute one cell of a window."""
        ...

    def read(self, table: pa.Table) -> Mapping[tuple[str, tuple[str, ...]], R]:
        """Read the stored cells of a partition, by window and names."""
        ...

    def table(self, plan: WindowPlan, records: Sequence[R]) -> pa.Table:
        """Return the table of a window."""
        ...


class Stage[R: Record](Protocol):
    """What a stage is, without its arrays: small enough to send to a worker."""

    @property
    def name(self) -> Kind:
        """Name of the stage, as progress and records spell it."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """Schema of the partitions."""
        ...

    def bind(self, shared: Mapping[str, np.ndarray]) -> Worker[R]:
        """Return the stage bound to arrays."""
        ...


@dataclass(frozen=True, slots=True)
class PartitionOutcome:
    """What a worker did to a partition.

    Parameters
    ----------
    receipt : Receipt
        Proof of the written file.
    computed : tuple of (window number, slot number, status, seconds)
        The cells that were computed.
    worker : str
        The process that did it.
    """

    receipt: Receipt
    computed: tuple[tuple[int, int, str, float], ...] = field(repr=False)
    worker: str


@dataclass(frozen=True, slots=True)
class _Unit[R: Record]:
    stage: Stage[R]
    plans: tuple[PartitionPlan, ...]
    store: PartitionStore


def run_stage[R: Record](
    stage: Stage[R],
    plan: StagePlan,
    store: PartitionStore,
    *,
    compute: Compute,
    shared: Mapping[str, np.ndarray],
    progress: Progress,
) -> Iterator[tuple[PartitionPlan, PartitionOutcome | None]]:
    """Complete every partition of a plan; yield each as soon as it is stored.

    Parameters
    ----------
    stage : Stage
        What to compute.
    plan : StagePlan
        What is stored and what is stale.
    store : PartitionStore
        Where partitions are kept; the worker that computed a partition writes it.
    compute : Compute
        The backend. It is not touched when nothing has to be written.
    shared : mapping of str to numpy.ndarray
        Arrays that every worker reads.
    progress : Progress
        Told of hits and computed cells.

    Yields
    ------
    tuple of (PartitionPlan, PartitionOutcome or None)
        None for a partition that is stored as it is wanted.
    """
    progress.start(stage.name, plan.stale + plan.cached)
    todo = [partition for partition in plan.partitions if partition.rewrite]
    for partition in plan.partitions:
        progress.advance(stage.name, hits=_hits(partition))
        if not partition.rewrite:
            yield partition, None
    units = [_Unit(stage, chunk, store) for chunk in _chunks(todo, compute.workers)]
    if units:
        for number, outcomes in compute.map(_complete, units, shared=shared, seconds_per_unit=1.0):
            for partition, outcome in zip(units[number].plans, outcomes, strict=True):
                progress.advance(stage.name, computed=partition.stale)
                yield partition, outcome
    progress.finish(stage.name)


def _hits(partition: PartitionPlan) -> int:
    return sum(len(window.stored) for window in partition.windows)


def _chunks(todo: Sequence[PartitionPlan], workers: int) -> Iterator[tuple[PartitionPlan, ...]]:
    """Cut into runs of neighbours: a worker rolls its covariances from one to the next.

    What starts from a result that has yet to be computed stays with the worker that computes it.
    """
    size = -(-len(todo) // (workers * _CHUNKS_PER_WORKER))
    size = min(max(size, 1), _LONGEST_CHUNK)
    chunk: list[PartitionPlan] = []
    pending: set[tuple[str, str]] = set()
    for partition in todo:
        if len(chunk) >= size and not pending & set(_starts(partition)):
            yield tuple(chunk)
            chunk, pending = [], set()
        chunk.append(partition)
        pending.update(_pending(partition))
    if chunk:
        yield tuple(chunk)


def _starts(partition: PartitionPlan) -> Iterator[tuple[str, str]]:
    for window in partition.windows:
        for number in window.stale:
            after = window.slots[number].after
            if after is not None:
                yield after.place


def _pending(partition: PartitionPlan) -> Iterator[tuple[str, str]]:
    for window in partition.windows:
        for number in window.stale:
            yield window.window.key, window.slots[number].identity.key


def _complete[R: Record](
    unit: _Unit[R], shared: Mapping[str, np.ndarray]
) -> list[PartitionOutcome]:
    worker = unit.stage.bind(shared)
    return [_complete_partition(unit, worker, plan) for plan in unit.plans]


def _complete_partition[R: Record](
    unit: _Unit[R], worker: Worker[R], plan: PartitionPlan
) -> PartitionOutcome:
    found = _stored_records(unit, worker, plan)
    computed: list[tuple[int, int, str, float]] = []
    tables = [unit.stage.schema.empty_table()]
    for place, window in enumerate(plan.windows):
        for number in window.stale:
            started = clock().seconds()
            key = window.window.key, window.slots[number].identity.key
            record = found.get(key) or worker.compute(window, number)
            found[key] = record
            computed.append((place, number, record.status, clock().seconds() - started))
        records = [found[window.window.key, slot.identity.key] for slot in window.slots]
        tables.append(worker.table(window, records))
    receipt = unit.store.write(plan.partition, pa.concat_tables(tables))
    return PartitionOutcome(receipt, tuple(computed), f"process {os.getpid()}")


def _stored_records[R: Record](
    unit: _Unit[R], worker: Worker[R], plan: PartitionPlan
) -> dict[tuple[str, str], R]:
    if not _hits(plan):
        return {}
    table = unit.store.read(plan.partition)
    if table is None:
        raise StoreError(f"partition {plan.partition}: it was stored a moment ago and is gone")
    return {(window, record.key): record for (window, _), record in worker.read(table).items()}


def stage_facts(
    stage: Kind, plan: PartitionPlan, outcome: PartitionOutcome | None, names: Sequence[str]
) -> Iterator[CellFact]:
    """Yield what happened to each cell of a partition."""
    computed = outcome.computed if outcome else ()
    done = {(place, number): (status, seconds) for place, number, status, seconds in computed}
    for place, window in enumerate(plan.windows):
        for number, slot in enumerate(window.slots):
            stored = window.stored.get(number)
            status, seconds = (stored, None) if stored else done[place, number]
            yield CellFact(
                kind=stage,
                key=slot.identity.key,
                status=status,
                window=window.window.key,
                why=window.stale.get(number, ""),
                seconds=seconds,
                worker=None if stored or outcome is None else outcome.worker,
                coordinates=dict(zip(names, slot.names, strict=True)),
            )
