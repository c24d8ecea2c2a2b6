"""Signals of batches, made a table only when somebody reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from quant_core.live._labels import Labels, Origin, no_signals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Drawn", "Signals"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Signals of one batch as plain columns, which nobody changes any more.

    Parameters
    ----------
    labels : Labels
        What is said of their strategies.
    origin : Origin
        The ticks.
    rows, places : numpy.ndarray of int64, shape (S,)
        Tick and strategy of each signal; rows ascend.
    modes : numpy.ndarray of int8, shape (S,)
        As in `Labels.signals`.
    predictions, signals : numpy.ndarray of float64, shape (S,)
        What was predicted, and what to hold.
    """

    labels: Labels = field(repr=False)
    origin: Origin = field(repr=False)
    rows: np.ndarray = field(repr=False)
    places: np.ndarray = field(repr=False)
    modes: np.ndarray = field(repr=False)
    predictions: np.ndarray = field(repr=False)
    signals: np.ndarray = field(repr=False)

    @property
    def num_rows(self) -> int:
        """Number of signals."""
        return len(self.rows)

    def table(self) -> pa.Table:
        """Return them as a table of `SIGNALS_SCHEMA`."""
        said = (self.rows, self.places, self.modes, self.predictions, self.signals)
        return self.labels.signals(self.origin, *said)


class Signals:
    """What a batch of ticks, or several, gave, in order.

    A tick does not wait for a table of its own: a sink that writes many at once makes one of many
    batches, in a thread of its own.

    Parameters
    ----------
    parts : iterable of Drawn or pyarrow.Table
        Signals of batches; tables are of `SIGNALS_SCHEMA`.
    """

    __slots__ = ("_table", "num_rows", "parts")

    def __init__(self, parts: Iterable[Drawn | pa.Table] = ()) -> None:
        self.parts = tuple(part for part in parts if part.num_rows)
        self._table: pa.Table | None = None
        self.num_rows = sum(part.num_rows for part in self.parts)

    @classmethod
    def joined(cls, batches: Iterable[Signals]) -> Self:
        """Return the signals of batches one after another."""
        return cls(part for batch in batches for part in batch.parts)

    def table(self) -> pa.Table:
        """Return them as a table of `SIGNALS_SCHEMA`; the same one every time."""
        if self._table is None:
            tables = [
                part if isinstance(part, pa.Table) else part.table() for part in _merged(self.parts)
            ]
            self._table = pa.concat_tables(tables) if len(tables) != 1 else tables[0]
        return self._table


def _merged(parts: Sequence[Drawn | pa.Table]) -> list[Drawn | pa.Table]:
    """Join what has the same labels, instruments and source."""
    if len(parts) <= 1:
        return list(parts) or [no_signals()]
    found: list[Drawn | pa.Table] = []
    for said, group in groupby(parts, _said):
        alike = list(group)
        found += [_one(alike)] if said is not None and len(alike) > 1 else alike
    return found


def _said(part: Drawn | pa.Table) -> tuple[int, int, str] | None:
    if isinstance(part, pa.Table):
        return None
    return id(part.labels), id(part.origin.instruments), part.origin.source


def _one(parts: Sequence[Drawn]) -> Drawn:
    first, lengths = parts[0], [len(part.origin.ts) for part in parts]
    shifts = np.cumsum([0, *lengths[:-1]])
    columns = {
        name: np.concatenate([getattr(part.origin, name) for part in parts])
        for name in ("partition", "offset", "ts", "codes")
    }
    return Drawn(
        first.labels,
        Origin(first.origin.source, **columns, instruments=first.origin.instruments),
        np.concatenate([part.rows + shift for part, shift in zip(parts, shifts, strict=True)]),
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("places", "modes", "predictions", "signals")
        ),
    )
