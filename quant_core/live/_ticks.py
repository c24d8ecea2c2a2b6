"""Batches of ticks: parts of them, and several as one."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from quant_core.features import Rows
from quant_core.live._messages import TickBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["joined", "no_ticks", "none_of", "ordered", "taken", "writeable"]

_COLUMNS = ("instrument", "ts", "price", "bid", "ask", "size", "partition", "offset", "received")
_columns = attrgetter(*_COLUMNS)
_TYPES = (
    np.int32,
    np.int64,
    np.float64,
    np.float64,
    np.float64,
    np.float64,
    np.int32,
    np.int64,
    np.float64,
)


def no_ticks(names: tuple[str, ...] = ()) -> TickBatch:
    """Return a batch of no ticks."""
    return TickBatch(names, *(np.empty(0, dtype=kind) for kind in _TYPES))


def taken(batch: TickBatch, chosen: slice | np.ndarray) -> TickBatch:
    """Return some ticks of a batch; a slice gives views."""
    return TickBatch(batch.names, *[column[chosen] for column in _columns(batch)])


def writeable(batch: TickBatch) -> TickBatch:
    """Return a batch whose columns may be written to.

    Kernels are compiled for such arrays; numba would compile others anew, ticks waiting.
    """
    columns = _columns(batch)
    for column in columns:
        if not column.flags.writeable:
            break
    else:
        return batch
    return TickBatch(batch.names, *(np.require(column, requirements="W") for column in columns))


def ordered(rows: Rows, order: np.ndarray) -> Rows:
    """Return closed bars in another order, each as though a tick of its own had completed it."""
    return Rows(
        rows.sampling,
        np.arange(len(order)),
        rows.instrument[order],
        rows.values[order],
        rows.count[order],
        rows.seen[order],
        rows.ts[order],
    )


def none_of(rows: Rows, sampling: str) -> Rows:
    """Return no observations of a sampling."""
    none = rows.tick[:0]
    return Rows(sampling, none, none, rows.values[:0], none, none, none)


def joined(batches: Sequence[TickBatch]) -> TickBatch:
    """Return batches one after another."""
    filled = [batch for batch in batches if len(batch)]
    if len(filled) <= 1:
        return filled[0] if filled else (batches[0] if batches else no_ticks())
    columns = {
        name: np.concatenate([getattr(batch, name) for batch in filled]) for name in _COLUMNS
    }
    names = filled[0].names
    if any(batch.names != names for batch in filled):
        codes: dict[str, int] = {}
        parts = [_recoded(batch, codes) for batch in filled]
        columns["instrument"] = np.concatenate(parts)
        names = tuple(codes)
    return TickBatch(names, **columns)


def _recoded(batch: TickBatch, codes: dict[str, int]) -> np.ndarray:
    places = [codes.setdefault(name, len(codes)) for name in batch.names]
    recoded: np.ndarray = np.array(places, dtype=np.int32)[batch.instrument]
    return recoded
