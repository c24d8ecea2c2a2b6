"""Long tables made of segments: the rows of one cell of one window, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "TEXT",
    "Segment",
    "constant",
    "named",
    "segments",
    "text_codes",
    "text_column",
    "texts_at",
]

TEXT = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True, slots=True)
class Segment:
    """The rows of one cell in a stored table.

    Parameters
    ----------
    window : str
        The window.
    names : tuple of str
        The names of the cell, as the table spells them.
    key : str
        Its content key.
    rows : slice
        Its rows.
    """

    window: str
    names: tuple[str, ...]
    key: str
    rows: slice


def segments(table: pa.Table, names: Sequence[str]) -> list[Segment]:
    """Return the segments of a table in their order.

    Parameters
    ----------
    table : pyarrow.Table
        A table with the text columns ``window``, ``key`` and ``names``.
    names : sequence of str
        The columns that name a cell within a window.
    """
    if not table.num_rows:
        return []
    columns = ["window", *names, "key"]
    coded = [text_codes(table[column]) for column in columns]
    change = np.zeros(table.num_rows - 1, dtype=bool)
    for codes, _ in coded:
        change |= codes[1:] != codes[:-1]
    starts = np.concatenate([[0], np.flatnonzero(change) + 1])
    stops = np.append(starts[1:], table.num_rows)
    texts = [[values[code] for code in codes[starts].tolist()] for codes, values in coded]
    return [
        Segment(row[0], tuple(row[1:-1]), row[-1], slice(start, stop))
        for row, start, stop in zip(
            zip(*texts, strict=True), starts.tolist(), stops.tolist(), strict=True
        )
    ]


def texts_at(column: pa.ChunkedArray[Any], found: Sequence[Segment]) -> list[str]:
    """Return the text that a column holds in the first row of each segment."""
    codes, texts = text_codes(column)
    firsts = codes[[segment.rows.start for segment in found]] if found else codes[:0]
    return [texts[code] for code in firsts.tolist()]


def text_codes(column: pa.ChunkedArray[Any]) -> tuple[np.ndarray, list[str]]:
    """Return a text column as codes, shape (rows,), and the texts they stand for; null is -1."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    whole: Any = column.unify_dictionaries() if column.num_chunks > 1 else column
    whole = whole.combine_chunks()
    codes = whole.indices.fill_null(-1) if whole.indices.null_count else whole.indices
    return codes.to_numpy(zero_copy_only=False).astype(np.int32), whole.dictionary.to_pylist()


def text_column(values: Sequence[str], counts: np.ndarray) -> pa.Array[Any]:
    """Return a text column that repeats each value as often as its count says."""
    order: dict[str, int] = {}
    codes = np.array([order.setdefault(value, len(order)) for value in values], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(
        pa.array(np.repeat(codes, counts), pa.int32()), pa.array(list(order), pa.string())
    )


def constant(value: Any, rows: int, kind: pa.DataType = TEXT) -> pa.Array[Any]:
    """Return a column that holds one value throughout."""
    if kind == TEXT:
        return text_column([value], np.array([rows]))
    return pa.array(np.full(rows, value), kind)


def named(columns: np.ndarray, names: Sequence[str]) -> pa.Array[Any]:
    """Return a text column of the names of matrix columns, null where the number is negative.

    Its dictionary holds no other name: bytes may not depend on what is not in the table.
    """
    held = columns >= 0
    used = np.zeros(len(names), dtype=bool)
    used[columns[held]] = True
    codes: Any = pa.array((np.cumsum(used) - 1)[columns], pa.int32(), mask=~held)
    texts = [name for name, there in zip(names, used, strict=True) if there]
    return pa.DictionaryArray.from_arrays(codes, pa.array(texts, pa.string()))
