"""What the cube holds, without its weights: the key and status of every solve."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from quant_core.profiles import WEIGHTED, Status
from quant_core.tournament._atoms import traded_columns
from quant_core.tournament._cube import CUBE_NAMES
from quant_core.tournament._segments import segments, texts_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quant_core.cells import PartitionStore
    from quant_core.tournament._progress import CellFact
    from quant_core.tournament._staleness import StagePlan

__all__ = ["CubeIndex", "read_weights"]

_ABSENT = (Status.UNAVAILABLE, Status.UNSUPPORTED, Status.FAILED)


@dataclass(frozen=True, slots=True)
class CubeIndex:
    """Keys and statuses of the solves, window by window.

    Parameters
    ----------
    windows : tuple of str
        Keys of the windows, in time order.
    partitions : tuple of str
        Partition of each window.
    solves : mapping of names to tuple of (key, status)
        For each selection, engine and profile, one pair a window.
    """

    windows: tuple[str, ...]
    partitions: tuple[str, ...] = field(repr=False)
    solves: Mapping[tuple[str, ...], tuple[tuple[str, str], ...]] = field(repr=False)

    @classmethod
    def read(cls, store: PartitionStore, partitions: Iterable[str]) -> CubeIndex:
        """Read the index of partitions, in time order."""
        windows: dict[str, str] = {}
        solves: dict[tuple[str, ...], dict[str, tuple[str, str]]] = {}
        for partition in partitions:
            table = store.read(partition, ["window", *CUBE_NAMES, "key", "status"])
            if table is None:
                continue
            found = segments(table, CUBE_NAMES)
            for segment, status in zip(found, texts_at(table["status"], found), strict=True):
                windows[segment.window] = partition
                solves.setdefault(segment.names, {})[segment.window] = (segment.key, status)
        lines = {
            names: tuple(line.get(window, ("", str(Status.EMPTY))) for window in windows)
            for names, line in solves.items()
        }
        return cls(tuple(windows), tuple(windows.values()), lines)

    @classmethod
    def of_facts(cls, facts: Iterable[CellFact]) -> CubeIndex:
        """Make the index of the solves that a stage has just brought up to date."""
        return cls._of(
            (
                str(fact.window),
                tuple(fact.coordinates[name] for name in CUBE_NAMES),
                fact.key,
                fact.status,
            )
            for fact in facts
        )

    @classmethod
    def of_plan(cls, plan: StagePlan) -> CubeIndex:
        """Make the index that the solves of a plan would have if each stale one succeeded."""
        return cls._of(
            (
                window.window.key,
                slot.names,
                slot.identity.key,
                window.stored.get(number, str(Status.OPTIMAL)),
            )
            for partition in plan.partitions
            for window in partition.windows
            for number, slot in enumerate(window.slots)
        )

    @classmethod
    def _of(cls, found: Iterable[tuple[str, tuple[str, ...], str, str]]) -> CubeIndex:
        windows: dict[str, str] = {}
        solves: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        for window, names, key, status in found:
            windows[window] = window[:7]
            solves.setdefault(names, []).append((key, status))
        lines = {names: tuple(line) for names, line in solves.items()}
        return cls(tuple(windows), tuple(windows.values()), lines)

    def keys(self, names: tuple[str, ...]) -> list[str]:
        """Return the key of each window's solve."""
        return [key for key, _ in self.solves[names]]

    def in_cash(self, names: tuple[str, ...]) -> int:
        """Return the number of windows without weights."""
        return sum(status not in WEIGHTED for _, status in self.solves[names])

    def absence(self, names: tuple[str, ...]) -> tuple[str, str] | None:
        """Return status and reason of a cell that can have no path, or None.

        A cell has no path when a solve is unavailable, unsupported or failed in any window, or
        when no window has weights: figures under its label would not be its own.
        """
        statuses = [status for _, status in self.solves[names]]
        for absent in _ABSENT:
            if absent in statuses:
                return str(absent), self._where(statuses, str(absent))
        if self.in_cash(names) == len(statuses):
            status = Counter(statuses).most_common(1)[0][0]
            return status, self._where(statuses, status)
        return None

    def _where(self, statuses: Sequence[str], status: str) -> str:
        first = self.windows[statuses.index(status)]
        count = statuses.count(status)
        return f"{status} in {count} of {len(statuses)} windows, the first {first}"


def read_weights(
    store: PartitionStore,
    index: CubeIndex,
    lines: Sequence[tuple[str, ...]],
    symbols: Sequence[str],
) -> np.ndarray:
    """Read the weights of some lines of the cube.

    Parameters
    ----------
    store : PartitionStore
        Where the cube is kept.
    index : CubeIndex
        Its index.
    lines : sequence of names
        Selections, engines and profiles, L of them.
    symbols : sequence of str
        Columns of the matrix and of the result, n of them.

    Returns
    -------
    numpy.ndarray, shape (L, W, n)
        Weights of what is traded, 0 where nothing is held: long and short atoms of one asset are
        one weight, negative where it is sold short.
    """
    weights = np.zeros((len(lines), len(index.windows), len(symbols)))
    line_at = {names: number for number, names in enumerate(lines)}
    window_at = {window: number for number, window in enumerate(index.windows)}
    for partition in dict.fromkeys(index.partitions):
        table = store.read(partition, ["window", *CUBE_NAMES, "key", "atom", "weight"])
        if table is None:
            continue
        columns, signs = traded_columns(table["atom"], symbols)
        weight = table["weight"].to_numpy() * signs
        for segment in segments(table, CUBE_NAMES):
            line = line_at.get(segment.names)
            if line is not None and columns[segment.rows.start] >= 0:
                place = line, window_at[segment.window]
                np.add.at(weights[place], columns[segment.rows], weight[segment.rows])
    return weights
