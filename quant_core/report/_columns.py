"""Columns of names, as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["codes", "counted", "falling", "runs"]


def codes(column: pa.ChunkedArray[Any]) -> tuple[list[str], np.ndarray]:
    """Return the distinct names of a column, sorted, and the number of each row's name.

    A missing name counts as the empty one.
    """
    text: Any = column.cast(pa.string())
    encoded = text.fill_null("").dictionary_encode().combine_chunks()
    names: list[str] = encoded.dictionary.to_pylist()
    order = np.argsort(names, kind="stable")
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    return [names[number] for number in order], place[encoded.indices.to_numpy()]


def counted(column: pa.ChunkedArray[Any]) -> list[list[Any]]:
    """Return ``[name, count]`` of each name of a column, the most frequent first."""
    names, numbers = codes(column)
    counts = np.bincount(numbers, minlength=len(names)).tolist()
    return falling(dict(zip(names, counts, strict=True)))


def falling(counts: Mapping[str, int]) -> list[list[Any]]:
    """Return counts as ``[name, count]``, the largest first, equal ones by name."""
    pairs = [[name or "not recorded", count] for name, count in counts.items()]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def runs(*columns: pa.ChunkedArray[Any]) -> np.ndarray:
    """Return the borders of the runs of rows that are equal in every column.

    Parameters
    ----------
    *columns : pyarrow.ChunkedArray, length N
        Columns of names, dictionary-encoded or not.

    Returns
    -------
    numpy.ndarray of int64, shape (R + 1,)
        Run ``r`` holds the rows ``borders[r]`` up to ``borders[r + 1]``.
    """
    length = len(columns[0])
    starts = np.zeros(length + 1, dtype=bool)
    starts[[0, length]] = True
    for column in columns:
        whole: Any = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        array = whole.unify_dictionaries().combine_chunks()
        numbers = array.indices.to_numpy(zero_copy_only=False)
        starts[1:length] |= numbers[1:] != numbers[:-1]
    return np.flatnonzero(starts)
