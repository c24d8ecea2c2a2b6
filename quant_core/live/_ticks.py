"""Batches of ticks: parts of them, and several as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.live._messages import TickBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["joined", "no_ticks", "taken", "writeable"]

_COLUMNS = ("instrument", "ts", "price", "bid", "ask", "size", "partition", "offset", "received")
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
    return TickBatch(batch.names, *(getattr(batch, name)[chosen] for name in _COLUMNS))


def writeable(batch: TickBatch) -> TickBatch:
    """Return a batch whose columns may be written to.

    Kernels are compiled for such arrays; numba would compile others anew, ticks waiting.
    """
    columns = [getattr(batch, name) for name in _COLUMNS]
    if all(column.flags.writeable for column in columns):
        return batch
    return TickBatch(batch.names, *(np.require(column, requirements="W") for column in columns))


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
