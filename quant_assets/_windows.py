"""The matrix and the windows that a run of monthly partitions works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.data import ReturnsMatrix
from quant_core.errors import DataError
from quant_core.tournament import Inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from quant_assets._sleeves import Sleeve
    from quant_core.windows import Window

__all__ = ["inputs_of", "windows_of"]


def inputs_of(sleeve: Sleeve, tables: Mapping[str, pa.Table]) -> Inputs:
    """Return what the stages read, from the returns of the atoms of a sleeve's months.

    Parameters
    ----------
    sleeve : Sleeve
        The sleeve.
    tables : mapping of str to pyarrow.Table
        Partitions of ``atom_returns``, or of ``returns_matrix``, of any sleeve.
    """
    own = [table for key, table in tables.items() if key.endswith(f"|{sleeve.name}")]
    parts = [ReturnsMatrix.from_table(table) for table in own] or [_nothing()]
    return Inputs.of(ReturnsMatrix.concatenate(parts), sleeve.config)


def _nothing() -> ReturnsMatrix:
    return ReturnsMatrix(np.zeros(0, "datetime64[us]"), (), np.zeros((0, 0)))


def windows_of(sleeve: Sleeve, inputs: Inputs, months: Sequence[str]) -> dict[str, list[Window]]:
    """Return the windows of months, in time order; none before the first full train period.

    Parameters
    ----------
    sleeve : Sleeve
        The sleeve.
    inputs : Inputs
        Returns of the months before, as far back as the train periods reach.
    months : sequence of str
        Partitions, ``YYYY-MM``.

    Raises
    ------
    DataError
        If the months that were read are too few for a train period that the data have.
    """
    days = inputs.matrix.dates.astype("datetime64[D]")
    return {month: _windows_in(sleeve, inputs, days, month) for month in months}


def _windows_in(sleeve: Sleeve, inputs: Inputs, days: np.ndarray, month: str) -> list[Window]:
    if not sleeve.holds(month):
        return []
    first = np.datetime64(month, "M")
    start, end = (
        first.astype("datetime64[D]"),
        (first + np.timedelta64(1, "M")).astype("datetime64[D]"),
    )
    begin = inputs.grid.period(start)
    begin = begin if begin >= start else inputs.grid.following(begin)
    found = []
    while begin < end:
        window = inputs.grid.window(days, begin)
        if window is not None:
            found.append(window)
        elif _clipped(sleeve, days, month):
            raise DataError(
                f"sleeve {sleeve.name}, month {month}: {sleeve.config.windows.train} observations "
                f"to train on do not lie in the {sleeve.look_back} months before it; "
                "shorten windows.train or correct periods_per_year"
            )
        begin = inputs.grid.following(begin)
    return found


def _clipped(sleeve: Sleeve, days: np.ndarray, month: str) -> bool:
    """Return whether the data begin before the months that were read."""
    since = np.datetime64(month, "M") - np.timedelta64(sleeve.look_back, "M")
    return bool(since > np.datetime64(sleeve.first, "M") and len(days))
