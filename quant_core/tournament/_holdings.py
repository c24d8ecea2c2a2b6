"""The solve of the window before: which it is, and where its weights lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import StoreError
from quant_core.tournament._cube import CUBE_NAMES, read_cube
from quant_core.tournament._drift import Holdings
from quant_core.tournament._segments import segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quant_core.cells import PartitionStore
    from quant_core.tournament._cube import SolveRecord
    from quant_core.tournament._inputs import Inputs
    from quant_core.tournament._staleness import Slot, StagePlan
    from quant_core.windows import Window

__all__ = ["Chain", "stored_before"]


class Chain:
    """The window before each, and the keys of its solves.

    Parameters
    ----------
    inputs : Inputs
        The returns matrix seen through the configuration. It holds the train periods of the
        windows before, too.
    store : PartitionStore
        Where the cube is kept: a window before that is not planned is read there.
    """

    def __init__(self, inputs: Inputs, store: PartitionStore) -> None:
        self._inputs = inputs
        self._store = store
        self._keys: dict[str, dict[tuple[str, ...], str]] = {}

    def before(self, window: Window) -> Window | None:
        """Return the window before one, or None for the first of the data."""
        grid, dates = self._inputs.grid, self._inputs.matrix.dates
        start = window.start
        while True:
            start = grid.period(start - np.timedelta64(1, "D"))
            found = grid.window(dates, start)
            # A period without a single observation is no window.
            if found is None or found.test.stop > found.test.start:
                return found

    def key(self, window: Window, names: tuple[str, ...]) -> str:
        """Return the key of a solve of an earlier window.

        Raises
        ------
        StoreError
            If it is neither planned nor stored.
        """
        if window.key not in self._keys:
            self._keys[window.key] = self._stored(window)
        if names not in self._keys[window.key]:
            raise StoreError(
                f"weights_cube: partition {window.month} has no {'/'.join(names)} of window "
                f"{window.key}, whose weights a turnover limit starts from; materialize it first"
            )
        return self._keys[window.key][names]

    def planned(self, window: Window, slots: Iterable[Slot]) -> None:
        """Remember the keys that a window is planned to have."""
        self._keys = {window.key: {slot.names: slot.identity.key for slot in slots}}

    def _stored(self, window: Window) -> dict[tuple[str, ...], str]:
        table = self._store.read(window.month, ["window", *CUBE_NAMES, "key"])
        found = segments(table, CUBE_NAMES) if table is not None else ()
        return {one.names: one.key for one in found if one.window == window.key}


def stored_before(
    plan: StagePlan, store: PartitionStore, symbols: Sequence[str]
) -> dict[str, Holdings]:
    """Read the stored weights that stale solves start from, by the key of their solve.

    Parameters
    ----------
    plan : StagePlan
        The plan.
    store : PartitionStore
        Where the cube is kept.
    symbols : sequence of str
        Columns of the matrix.
    """
    windows = [window for partition in plan.partitions for window in partition.windows]
    slots = [window.slots[number] for window in windows for number in window.stale]
    stale = {
        (window.window.key, window.slots[number].identity.key)
        for window in windows
        for number in window.stale
    }
    wanted = {slot.after.place for slot in slots if slot.after is not None} - stale
    found: dict[str, Holdings] = {}
    for partition in sorted({window[:7] for window, _ in wanted}):
        table = store.read(partition)
        if table is None:
            raise StoreError(f"weights_cube: partition {partition} was stored and is gone")
        for (window, _), record in read_cube(table, symbols).items():
            if (window, record.key) in wanted:
                found[record.key] = _holdings(record)
    return found


def _holdings(record: SolveRecord) -> Holdings:
    return Holdings(record.columns, record.weights)
