"""Signals and dead letters as messages."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LONGEST", "Message", "dead_letter_messages", "signal_messages"]

LONGEST = 1000
"""Signals that one message holds at most; a megabyte is the largest message of most brokers."""

_SAME = ("model_version", "feature_hash", "mode", "seed")
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
_QUOTED = json.encoder.encode_basestring_ascii


class Message(NamedTuple):
    """Key, value and headers of one message."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def signal_messages(signals: pa.Table) -> Iterator[Message]:
    """Yield one message a tick: the rows of a correlation id that follow each other.

    The value is a JSON object: ``correlation_id``, ``ts`` and ``instrument`` of the tick; arrays
    ``strategy``, ``prediction`` and ``signal`` with an element a row; and ``model_version``,
    ``feature_hash``, ``mode`` and ``seed``, each an array too, or the value that all rows have.
    The id of a signal is ``{correlation_id}/{strategy}``.

    Parameters
    ----------
    signals : pyarrow.Table
        Rows of `SIGNALS_SCHEMA`.
    """
    if signals.num_rows == 0:
        return
    table = signals.combine_chunks()
    names, codes = _coded(table)
    ticks = list(_ticks(table))
    bounds = pa.array([0, *(end for _, end, _, _ in ticks)], pa.int32())
    numbers = (_joined(table[name], bounds) for name in ("prediction", "signal"))
    for (begin, end, head, instrument), prediction, signal in zip(ticks, *numbers, strict=True):
        # What is equal in every message of these strategies is most of it, and is encoded once.
        same = _same(names, codes[:, begin:end].tobytes())
        value = f'{head}{same},"prediction":[{prediction}],"signal":[{signal}]}}'
        yield Message(instrument.encode(), value.encode(), [])


def dead_letter_messages(dead: pa.Table) -> Iterator[Message]:
    """Yield one message a dead letter, with headers ``dlq`` and ``reason``.

    Parameters
    ----------
    dead : pyarrow.Table
        Rows of `DEAD_LETTERS_SCHEMA`.
    """
    if dead.num_rows == 0:
        return
    instants = pc.strftime(dead["ts"], format=_INSTANT)
    table = dead.set_column(dead.schema.get_field_index("ts"), "ts", instants)
    for row in table.to_pylist():
        headers = [("dlq", b"true"), ("reason", row["reason"].encode())]
        value = json.dumps(row, separators=(",", ":"), ensure_ascii=False)
        yield Message(row["instrument"].encode(), value.encode(), headers)


def _ticks(table: pa.Table) -> Iterator[tuple[int, int, str, str]]:
    """Yield first and last row of each message, its beginning and its instrument."""
    runs = pc.run_end_encode(_whole(table["correlation_id"]))
    ends = runs.run_ends.to_numpy()
    starts = np.concatenate([[0], ends[:-1]])
    instants = np.datetime_as_string(table["ts"].to_numpy()[starts]).tolist()
    column = _whole(table["instrument"])
    instruments = column.dictionary.to_pylist()
    codes = column.indices.to_numpy()[starts].tolist()
    tick = zip(starts.tolist(), ends.tolist(), runs.values.to_pylist(), instants, strict=True)
    for (start, stop, correlation, instant), code in zip(tick, codes, strict=True):
        name = instruments[code]
        head = (
            f'{{"correlation_id":{_QUOTED(correlation)},"ts":"{instant}Z",'
            f'"instrument":{_QUOTED(name)},'
        )
        for begin in range(start, stop, LONGEST):
            yield begin, min(begin + LONGEST, stop), head, name


def _coded(table: pa.Table) -> tuple[tuple[tuple[Any, ...], ...], np.ndarray]:
    """Return the values of the columns of `_same`, and (5, rows) indices into them."""
    values, codes = [], []
    for name in ("strategy", *_SAME):
        column = _whole(table[name])
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        values.append(tuple(column.dictionary.to_pylist()))
        codes.append(column.indices.to_numpy())
    return tuple(values), np.array(codes, dtype=np.int32)


@lru_cache(maxsize=256)
def _same(names: tuple[tuple[Any, ...], ...], codes: bytes) -> str:
    columns = [
        [values[code] for code in one]
        for values, one in zip(
            names, np.frombuffer(codes, np.int32).reshape(len(names), -1), strict=True
        )
    ]
    strategy, *others = columns
    same = {name: _single(column) for name, column in zip(_SAME, others, strict=True)}
    return json.dumps({"strategy": strategy} | same, separators=(",", ":"))[1:-1]


def _single(column: list[Any]) -> Any:
    return column[0] if column.count(column[0]) == len(column) else column


def _joined(column: pa.ChunkedArray, bounds: pa.Array) -> list[str]:
    """Return the numbers of each message, in the shortest form that reads back exactly."""
    whole = _whole(column)
    text = whole.cast(pa.string())
    if not np.isfinite(whole.to_numpy()).all():
        text = pc.if_else(pc.is_finite(whole), text, "null")
    joined: list[str] = pc.binary_join(pa.ListArray.from_arrays(bounds, text), ",").to_pylist()
    return joined


def _whole(column: pa.ChunkedArray) -> Any:
    found = column.combine_chunks()
    return found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
