"""Signals and dead letters as messages, built column by column."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LONGEST", "Message", "dead_letter_messages", "signal_messages"]

LONGEST = 1000
"""Signals that one message holds at most; a megabyte is the largest message of most brokers."""

_SAME = ("strategy", "model_version", "feature_hash", "mode", "seed")
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
_UNSAFE = r'["\\\x00-\x1f]'
_LARGEST = 2**62
_QUOTED = json.encoder.encode_basestring_ascii


class Message(NamedTuple):
    """Key, value and headers of one message."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def signal_messages(signals: pa.Table) -> Iterator[Message]:
    """Yield one message a tick: the rows of a correlation id that follow each other.

    The value is a JSON object ``{correlation_id, ts, instrument, signals}``; ``signals`` holds an
    object ``{signal_id, strategy, model_version, feature_hash, mode, seed, prediction, signal}``
    for every row.

    Parameters
    ----------
    signals : pyarrow.Table
        Rows of `SIGNALS_SCHEMA`.
    """
    if signals.num_rows == 0:
        return
    table = signals.combine_chunks()
    # A call of Arrow costs as much as some hundred rows in Python.
    yield from _by_row(table) if table.num_rows < LONGEST else _by_column(table)


def _by_column(table: pa.Table) -> Iterator[Message]:
    starts = _starts(table["correlation_id"])
    bodies = pc.binary_join(pa.ListArray.from_arrays(starts, _rows(table)), ",")
    first = table.select(["correlation_id", "ts", "instrument"]).take(starts[:-1])
    instruments = _text(first["instrument"])
    values = pc.binary_join_element_wise(
        '{"correlation_id":',
        _quoted(first["correlation_id"]),
        ',"ts":"',
        pc.strftime(first["ts"], format=_INSTANT),
        '","instrument":',
        _quoted(instruments),
        ',"signals":[',
        bodies,
        "]}",
        "",
    )
    for key, value in zip(instruments.to_pylist(), values.to_pylist(), strict=True):
        yield Message(key.encode(), value.encode(), [])


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


def _by_row(table: pa.Table) -> Iterator[Message]:
    columns = {name: _values(table[name]) for name in table.column_names if name != "ts"}
    instants = np.datetime_as_string(table["ts"].to_numpy()).tolist()
    parts = map(_part, *(columns[name] for name in _SAME))
    numbers = (map(_plain, columns[name]) for name in ("prediction", "signal"))
    rows = [
        f'{{"signal_id":{_QUOTED(name)}{part}{prediction},"signal":{signal}}}'
        for name, part, prediction, signal in zip(
            columns["signal_id"], parts, *numbers, strict=True
        )
    ]
    correlation, instruments = columns["correlation_id"], columns["instrument"]
    starts = [i for i, name in enumerate(correlation) if not i or name != correlation[i - 1]]
    for begin, end in pairwise([*starts, len(rows)]):
        value = (
            f'{{"correlation_id":{_QUOTED(correlation[begin])},"ts":"{instants[begin]}Z",'
            f'"instrument":{_QUOTED(instruments[begin])},"signals":[{",".join(rows[begin:end])}]}}'
        )
        yield Message(instruments[begin].encode(), value.encode(), [])


def _values(column: pa.ChunkedArray) -> list[Any]:
    array = column.combine_chunks()
    if pa.types.is_dictionary(array.type):
        names = array.dictionary.to_pylist()
        return [names[code] for code in array.indices.to_numpy().tolist()]
    values: list[Any] = array.to_pylist()
    return values


def _plain(value: float) -> str:
    return repr(value) if math.isfinite(value) else "null"


def _starts(correlation: pa.ChunkedArray) -> pa.Array:
    codes = correlation.combine_chunks().dictionary_encode().indices.to_numpy()
    changes = np.flatnonzero(np.diff(codes)) + 1
    starts = np.unique(np.concatenate([[0], changes, np.arange(0, len(codes), LONGEST)]))
    return pa.array(np.append(starts, len(codes)), pa.int32())


def _rows(table: pa.Table) -> pa.Array:
    rows = pc.binary_join_element_wise(
        '{"signal_id":',
        _quoted(table["signal_id"]),
        _same_parts(table),
        _number(table["prediction"]),
        ',"signal":',
        _number(table["signal"]),
        "}",
        "",
    )
    return rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows


def _same_parts(table: pa.Table) -> pa.Array:
    """Return what is equal in every signal of a strategy, encoded once a strategy."""
    code, size = np.zeros(table.num_rows, dtype=np.int64), 1
    for name in _SAME:
        column = table[name].combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        size *= len(column.dictionary)
        if size >= _LARGEST:
            _, code = np.unique(code, return_inverse=True)
            size = (int(code.max()) + 1) * len(column.dictionary)
        code = code * len(column.dictionary) + column.indices.to_numpy()
    _, first, code = np.unique(code, return_index=True, return_inverse=True)
    chosen = pa.array(first)
    columns = [_text(table[name].take(chosen)).to_pylist() for name in _SAME]
    return pa.array(map(_part, *columns), pa.string()).take(pa.array(code))


@lru_cache(maxsize=4096)
def _part(*values: str | int) -> str:
    part = dict(zip(_SAME, values, strict=True)) | {"seed": int(values[-1])}
    return f',{json.dumps(part, separators=(",", ":"))[1:-1]},"prediction":'


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _quoted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pc.any(pc.match_substring_regex(column, _UNSAFE)).as_py():
        return pa.chunked_array([[json.dumps(text) for text in column.to_pylist()]])
    return pc.binary_join_element_wise('"', column, '"', "")


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers of JSON, in the shortest form that reads back exactly; null for NaN."""
    text = column.cast(pa.string())
    return pc.if_else(pc.is_finite(column), text, "null")
