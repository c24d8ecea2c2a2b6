"""What signals say of the strategies that they come from, as columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from quant_core.live._kernels import id_bytes
from quant_core.live._messages import SIGNALS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.live._strategy import StrategyRow

__all__ = ["MODES", "Labels", "Origin", "no_signals"]

MODES = ("live", "shadow")
_MODES = pa.array(MODES, pa.string())


def no_signals() -> pa.Table:
    """Return a table of no signals."""
    return SIGNALS_SCHEMA.empty_table()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where ticks came from.

    Parameters
    ----------
    source : str
        Name of the source.
    partition, offset, ts : numpy.ndarray
        Of each tick, as in `TickBatch`.
    codes : numpy.ndarray of int32
        Instrument of each tick.
    instruments : pyarrow.Array of string
        What the codes stand for.
    """

    source: str
    partition: np.ndarray = field(repr=False)
    offset: np.ndarray = field(repr=False)
    ts: np.ndarray = field(repr=False)
    codes: np.ndarray = field(repr=False)
    instruments: pa.Array = field(repr=False)


class Labels:
    """Names, versions, feature hashes and seeds of strategies.

    Parameters
    ----------
    rows : sequence of StrategyRow
        The strategies, by place.
    """

    def __init__(self, rows: Sequence[StrategyRow]) -> None:
        names = [row.name.encode() for row in rows]
        self._names = np.frombuffer(b"".join(names), dtype=np.uint8)
        self._starts = np.cumsum([0, *map(len, names)], dtype=np.int64)
        self._strategy = pa.array([row.name for row in rows], pa.string())
        self._version = _encoded([row.version for row in rows])
        self._hash = _encoded([row.features.hash for row in rows])
        self._seed = np.array([row.seed for row in rows], dtype=np.int64)

    def signals(
        self,
        origin: Origin,
        rows: np.ndarray,
        places: np.ndarray,
        modes: np.ndarray,
        predictions: np.ndarray,
        signals: np.ndarray,
    ) -> pa.Table:
        """Return signals as a table of `SIGNALS_SCHEMA`.

        Parameters
        ----------
        origin : Origin
            The ticks.
        rows, places : numpy.ndarray of int64, shape (S,)
            Tick and strategy of each signal.
        modes : numpy.ndarray of int8, shape (S,)
            Index into `MODES`.
        predictions, signals : numpy.ndarray of float64, shape (S,)
            What was predicted, and what to hold.
        """
        source = np.frombuffer(origin.source.encode(), dtype=np.uint8)
        text_offsets, text, tick_offsets, tick = id_bytes(
            source, origin.partition, origin.offset, rows, places, self._names, self._starts
        )
        columns = [
            _text(text_offsets, text),
            _text(tick_offsets, tick),
            _plain(origin.ts[rows], SIGNALS_SCHEMA.field("ts").type),
            _coded(origin.codes[rows], origin.instruments),
            _coded(places, self._strategy),
            _coded(self._version[0][places], self._version[1]),
            _coded(self._hash[0][places], self._hash[1]),
            _coded(modes, _MODES),
            _plain(predictions, pa.float64()),
            _plain(signals, pa.float64()),
            _plain(self._seed[places], pa.int64()),
        ]
        return pa.Table.from_arrays(columns, schema=SIGNALS_SCHEMA)


def _encoded(values: list[str]) -> tuple[np.ndarray, pa.Array]:
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int32)
    return codes, pa.array(list(known), pa.string())


def _text(offsets: np.ndarray, data: np.ndarray) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


def _plain(values: np.ndarray, kind: Any) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _coded(codes: np.ndarray, values: pa.Array) -> pa.Array:
    indices = _plain(codes.astype(np.int32, copy=False), pa.int32())
    return pa.DictionaryArray.from_arrays(indices, values, safe=False)
