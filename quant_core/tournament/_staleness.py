"""What of a partition is stored, what is stale, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from quant_core.cells import CellIdentity, why_stale
from quant_core.tournament._segments import segments, text_codes, texts_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quant_core.cells import PartitionStore
    from quant_core.windows import Window

__all__ = ["Earlier", "PartitionPlan", "Slot", "StagePlan", "WindowPlan", "plan_partition"]


class Earlier(NamedTuple):
    """A cell of an earlier window that another starts from: its window and key, the rows since."""

    window: str
    key: str
    rows: slice

    @property
    def place(self) -> tuple[str, str]:
        """Window and key."""
        return self.window, self.key


@dataclass(frozen=True, slots=True)
class Slot:
    """A cell that is wanted: what it is called, and what decides its numbers.

    Parameters
    ----------
    names : tuple of str
        Labels that the table spells, for example selection, engine and profile.
    identity : CellIdentity
        Its identity.
    after : Earlier, optional
        The cell of an earlier window whose result it starts from.
    """

    names: tuple[str, ...]
    identity: CellIdentity
    after: Earlier | None = None


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """The cells of one window.

    Parameters
    ----------
    window : Window
        The window.
    slots : tuple of Slot
        Every wanted cell, in the order of the table.
    stale : mapping of int to str
        Number of each slot that has to be computed, and why.
    stored : mapping of int to str
        Number of each slot that is stored, and its status.
    """

    window: Window
    slots: tuple[Slot, ...] = field(repr=False)
    stale: Mapping[int, str] = field(repr=False)
    stored: Mapping[int, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """The cells of one partition.

    Parameters
    ----------
    partition : str
        Name of the partition.
    windows : tuple of WindowPlan
        Its windows in time order; empty for a month before the first full train period.
    rewrite : bool
        Whether the stored table differs from the wanted one, be it only by a label.
    """

    partition: str
    windows: tuple[WindowPlan, ...] = field(repr=False)
    rewrite: bool

    @property
    def stale(self) -> int:
        """Number of cells that have to be computed."""
        return sum(len(window.stale) for window in self.windows)


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The cells of a stage, partition by partition."""

    partitions: tuple[PartitionPlan, ...] = field(repr=False)

    @property
    def stale(self) -> int:
        """Number of cells that have to be computed."""
        return sum(partition.stale for partition in self.partitions)

    @property
    def cached(self) -> int:
        """Number of cells that are stored."""
        wanted = sum(len(w.slots) for partition in self.partitions for w in partition.windows)
        return wanted - self.stale

    @property
    def reasons(self) -> dict[str, int]:
        """How many cells are stale for each reason, sorted by reason."""
        found = Counter(
            why
            for partition in self.partitions
            for window in partition.windows
            for why in window.stale.values()
        )
        return dict(sorted(found.items()))


def plan_partition(
    store: PartitionStore,
    partition: str,
    wanted: Iterable[tuple[Window, Sequence[Slot]]],
    names: Sequence[str],
    *,
    sleeve: str,
) -> PartitionPlan:
    """Compare the wanted cells of a partition with those that are stored.

    Parameters
    ----------
    store : PartitionStore
        Where the partition lies.
    partition : str
        Its name.
    wanted : iterable of (Window, slots)
        The wanted cells, in the order of the table.
    names : sequence of str
        Columns that name a cell within a window.
    sleeve : str
        What the table calls the sleeve.
    """
    stored = _Stored.read(store, partition, names)
    windows = tuple(stored.plan(window, slots) for window, slots in wanted)
    order = [
        (plan.window.key, slot.names, slot.identity.key) for plan in windows for slot in plan.slots
    ]
    other = stored.missing or stored.order != order or stored.sleeves - {sleeve}
    return PartitionPlan(partition, windows, rewrite=bool(other))


@dataclass(frozen=True, slots=True)
class _Stored:
    missing: bool
    sleeves: frozenset[str] = frozenset()
    order: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)
    status: dict[tuple[str, str], str] = field(default_factory=dict)
    origins: dict[tuple[str, tuple[str, ...]], tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, store: PartitionStore, partition: str, names: Sequence[str]) -> _Stored:
        columns = ["sleeve", "window", *names, "key", "code_version", "inputs_hash", "status"]
        table = store.read(partition, columns)
        if table is None:
            return cls(missing=True)
        stored = cls(missing=False, sleeves=frozenset(text_codes(table["sleeve"])[1]))
        found = segments(table, names)
        code = texts_at(table["code_version"], found)
        inputs = texts_at(table["inputs_hash"], found)
        status = texts_at(table["status"], found)
        for segment, ended, *origin in zip(found, status, code, inputs, strict=True):
            stored.order.append((segment.window, segment.names, segment.key))
            stored.status[segment.window, segment.key] = ended
            stored.origins[segment.window, segment.names] = (origin[0], origin[1])
        return stored

    def plan(self, window: Window, slots: Sequence[Slot]) -> WindowPlan:
        stale, stored = {}, {}
        for number, slot in enumerate(slots):
            status = self.status.get((window.key, slot.identity.key))
            if status is None:
                origin = self.origins.get((window.key, slot.names))
                stale[number] = why_stale(slot.identity, origin)
            else:
                stored[number] = status
        return WindowPlan(window, tuple(slots), stale, stored)
