"""Columns of text as their distinct texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import numpy as np

__all__ = ["distinct_texts"]


def distinct_texts(column: pa.ChunkedArray[Any]) -> tuple[list[str], np.ndarray]:
    """Return the distinct texts of a column, stripped, and the place of each row's among them.

    A null is place -1. Two texts that differ by surrounding blanks are there twice.
    """
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    # mypy: pyarrow's annotations do not know that dictionary chunks combine into one array.
    array: Any = encoded.unify_dictionaries().combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0)
    texts = [(text or "").strip() for text in array.dictionary.cast(pa.string()).to_pylist()]
    return texts, array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
