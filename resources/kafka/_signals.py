"""Signals and dead letters as messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LONGEST", "Message", "SignalMessages", "dead_letter_messages"]

LONGEST = 1000
"""Signals that one message holds at most; a megabyte is the largest message of most brokers."""

_CODED = ("strategy", "model_version", "feature_hash", "mode")
_REMEMBERED = 256
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"
_TEXT, _LISTS = pa.string(), pa.list_(pa.string())
_QUOTED = json.encoder.encode_basestring_ascii


class Message(NamedTuple):
    """Key, value and headers of one message."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class SignalMessages:
    """Makes one message a tick: the rows of a correlation id that follow each other.

    The value is a JSON object: ``correlation_id``, ``ts`` and ``instrument`` of the tick; arrays
    ``strategy``, ``prediction`` and ``signal`` with an element a row; and ``model_version``,
    ``feature_hash``, ``mode`` and ``seed``, each an array too, or the value that all rows have.
    The id of a signal is ``{correlation_id}/{strategy}``.

    What is equal in every message of the same strategies is most of it, and is encoded once.
    """

    def __init__(self) -> None:
        self._dictionaries: list[pa.Array] = []
        self._names: list[list[str]] = []
        self._same: dict[tuple[bytes, ...], str] = {}

    def of(self, signals: pa.Table) -> Iterator[Message]:
        """Yield the messages of a table.

        Parameters
        ----------
        signals : pyarrow.Table
            Rows of `SIGNALS_SCHEMA`.
        """
        if signals.num_rows == 0:
            return
        batches = signals.to_batches()
        columns = batches[0] if len(batches) == 1 else signals.combine_chunks().to_batches()[0]
        bounds = _bounds(columns["correlation_id"])
        codes = self._codes(columns)
        heads = _heads(columns, bounds)
        numbers = _joined(columns["prediction"], columns["signal"], bounds)
        count = len(heads)
        for place, (head, key) in enumerate(heads):
            part = slice(bounds[place], bounds[place + 1])
            same = self._text(tuple(one[part].tobytes() for one in codes))
            prediction, signal = numbers[place], numbers[count + place]
            value = f'{head}{same},"prediction":[{prediction}],"signal":[{signal}]}}'
            yield Message(key, value.encode(), [])

    def _codes(self, columns: pa.RecordBatch) -> list[np.ndarray]:
        """Return indices into the names of the columns of `_CODED`, and the seeds."""
        coded = [columns[name] for name in _CODED]
        dictionaries = [column.dictionary for column in coded]
        known = zip(self._dictionaries, dictionaries, strict=False)
        if not self._dictionaries or not all(one.equals(other) for one, other in known):
            self._dictionaries = dictionaries
            self._names = [one.to_pylist() for one in dictionaries]
            self._same.clear()
        return [*(_values(one.indices, np.int32) for one in coded), _values(columns["seed"])]

    def _text(self, codes: tuple[bytes, ...]) -> str:
        found = self._same.get(codes)
        if found is None:
            if len(self._same) >= _REMEMBERED:
                self._same.clear()
            found = self._same[codes] = self._encoded(codes)
        return found

    def _encoded(self, codes: tuple[bytes, ...]) -> str:
        *coded, seeds = codes
        strategy, version, feature_hash, mode = (
            [names[code] for code in np.frombuffer(one, np.int32)]
            for names, one in zip(self._names, coded, strict=True)
        )
        same = {
            "strategy": strategy,
            "model_version": _single(version),
            "feature_hash": _single(feature_hash),
            "mode": _single(mode),
            "seed": _single(np.frombuffer(seeds, np.int64).tolist()),
        }
        return json.dumps(same, separators=(",", ":"))[1:-1]


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


def _bounds(correlation: pa.Array) -> list[int]:
    """Return where messages begin, and the number of rows."""
    count = len(correlation)
    if _is_one_run(correlation):
        ends = [count]
    else:
        ends = pc.run_end_encode(correlation).run_ends.to_pylist()
    bounds = [0]
    for end in ends:
        bounds += range(bounds[-1] + LONGEST, end, LONGEST)
        bounds.append(end)
    return bounds


def _is_one_run(text: pa.Array) -> bool:
    """Say whether all rows hold the same text, by their bytes."""
    _, offsets, data = text.buffers()
    rows, first = len(text), text.offset
    at = np.frombuffer(offsets, np.int32, rows + 1, 4 * first)
    begin, length = int(at[0]), int(at[1] - at[0])
    if not text.null_count and int(at[rows]) - begin == rows * length and length:
        whole = bytes(memoryview(data)[begin : begin + rows * length])
        return whole == whole[:length] * rows and bool((np.diff(at) == length).all())
    return False


def _heads(columns: pa.RecordBatch, bounds: list[int]) -> list[tuple[str, bytes]]:
    """Return the beginning and the key of each message."""
    starts = bounds[:-1]
    instants = np.datetime_as_string(_values(columns["ts"])[starts].astype("datetime64[ns]"))
    correlation, column = columns["correlation_id"], columns["instrument"]
    codes = _values(column.indices, np.int32)[starts].tolist()
    names = {code: column.dictionary[code].as_py() for code in dict.fromkeys(codes)}
    found = []
    for start, instant, code in zip(starts, instants.tolist(), codes, strict=True):
        origin, name = _QUOTED(correlation[start].as_py()), names[code]
        head = f'{{"correlation_id":{origin},"ts":"{instant}Z","instrument":{_QUOTED(name)},'
        found.append((head, name.encode()))
    return found


def _joined(first: pa.Array, second: pa.Array, bounds: list[int]) -> list[str]:
    """Return the numbers of each message, in the shortest form that reads back exactly.

    Those of the first column come before those of the second one.
    """
    values = np.concatenate([_values(first, np.float64), _values(second, np.float64)])
    whole = pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(values)])
    text = whole.cast(_TEXT)
    if not np.isfinite(values).all():
        text = pc.if_else(pc.is_finite(whole), text, "null")
    at = np.array(bounds, dtype=np.int32)
    ends = np.concatenate([at, at[1:] + at[-1]])
    lists = pa.Array.from_buffers(
        _LISTS, len(ends) - 1, [None, pa.py_buffer(ends)], children=[text]
    )
    joined: list[str] = pc.binary_join(lists, ",").to_pylist()
    return joined


def _single(column: list[Any]) -> Any:
    return column[0] if column.count(column[0]) == len(column) else column


def _values(array: pa.Array, kind: type = np.int64) -> np.ndarray:
    """Return the numbers of an array without nulls, as a view."""
    size = np.dtype(kind).itemsize
    return np.frombuffer(array.buffers()[1], kind, len(array), size * array.offset)
