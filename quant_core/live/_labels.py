"""What signals say of the strategies that they come from, as columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from quant_core.live._kernels import id_bytes
from quant_core.live._messages import SIGNALS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.live._strategy import StrategyRow

__all__ = ["MODES", "Labels", "Origin", "no_signals", "text_array"]

MODES = ("live", "shadow")
_REMEMBERED = 4096
_TS = SIGNALS_SCHEMA.field("ts").type
_TEXT, _INTEGER, _CODE, _NUMBER = pa.string(), pa.int64(), pa.int32(), pa.float64()


@cache
def no_signals() -> pa.Table:
    """Return a table of no signals."""
    return SIGNALS_SCHEMA.empty_table()


def text_array(values: Sequence[str]) -> pa.Array:
    """Return text as an Arrow array.

    ``pyarrow.array`` would import pandas to see whether it was given something of it.
    """
    encoded = [value.encode() for value in values]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    return _text(offsets, np.frombuffer(b"".join(encoded), dtype=np.uint8))


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
        self._strategy = text_array([row.name for row in rows])
        self._version = _encoded([row.version for row in rows])
        self._hash = _encoded([row.features.hash for row in rows])
        self._seed = np.array([row.seed for row in rows], dtype=np.int64)
        self._modes = text_array(MODES)
        self._said: tuple[tuple[bytes, bytes], list[pa.Array]] | None = None
        self._source = ("", np.empty(0, dtype=np.uint8))

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
        # Threads may be here together: what is remembered is read once, and replaced whole.
        source = self._source
        if source[0] != origin.source:
            encoded = np.frombuffer(origin.source.encode(), dtype=np.uint8)
            source = self._source = (origin.source, encoded)
        text_offsets, text, tick_offsets, tick = id_bytes(
            source[1],
            origin.partition,
            origin.offset,
            rows,
            places,
            self._names,
            self._starts,
        )
        strategy, version, feature_hash, mode, seed = self._same(places, modes)
        columns = [
            _text(text_offsets, text),
            _text(tick_offsets, tick),
            _plain(origin.ts[rows], _TS),
            _coded(origin.codes[rows], origin.instruments),
            strategy,
            version,
            feature_hash,
            mode,
            _plain(predictions, _NUMBER),
            _plain(signals, _NUMBER),
            seed,
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=SIGNALS_SCHEMA)
        return pa.Table.from_batches([batch], SIGNALS_SCHEMA)

    def _same(self, places: np.ndarray, modes: np.ndarray) -> list[pa.Array]:
        """Return what depends on the strategies alone; small batches often have the same ones."""
        key = (places.tobytes(), modes.tobytes())
        said = self._said
        if said is None or said[0] != key:
            columns = [
                _coded(places, self._strategy),
                _coded(self._version[0][places], self._version[1]),
                _coded(self._hash[0][places], self._hash[1]),
                _coded(modes, self._modes),
                _plain(self._seed[places], _INTEGER),
            ]
            if len(places) > _REMEMBERED:
                return columns
            said = self._said = (key, columns)
        return said[1]


def _encoded(values: list[str]) -> tuple[np.ndarray, pa.Array]:
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int32)
    return codes, text_array(list(known))


def _text(offsets: np.ndarray, data: np.ndarray) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(_TEXT, len(offsets) - 1, buffers)


def _plain(values: np.ndarray, kind: Any) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _coded(codes: np.ndarray, values: pa.Array) -> pa.Array:
    indices = _plain(codes.astype(np.int32, copy=False), _CODE)
    return pa.DictionaryArray.from_arrays(indices, values, safe=False)
