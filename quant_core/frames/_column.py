"""The canonical bytes of one Arrow column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_core.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Buffer, Callable

__all__ = ["Hash", "hash_column"]

_ROWS = 1 << 16
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Hash(Protocol):
    """What takes bytes."""

    def update(self, data: Buffer, /) -> None:
        """Take more bytes."""
        ...


def hash_column(hash_: Hash, name: Any, column: pa.ChunkedArray | pa.Array) -> None:
    """Take a column: its name, type, length, which values are missing, and the others.

    Parameters
    ----------
    hash_ : Hash
        What takes the bytes.
    name : None, bool, int, float, str, list or tuple
        The name.
    column : pyarrow.ChunkedArray or pyarrow.Array
        The values.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # what is too long for one array stays in chunks
        raise TypeError(f"digest of a frame: column {name!r} has more text than one array can hold")
    head = canonical_json([name, _title(array.type, name), len(array), array.null_count])
    hash_.update(len(head).to_bytes(8, "little") + head)
    _hash_values(hash_, array, name)


def _hash_values(hash_: Hash, array: pa.Array, name: Any) -> None:
    if array.null_count:
        hash_.update(np.packbits(array.is_valid().to_numpy(zero_copy_only=False)))
    family = _family(array.type, name)
    if family in _NESTED:
        _NESTED[family](hash_, array, name)
    elif family in _FLAT:
        _FLAT[family](hash_, array)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    checks = (types.is_binary, types.is_large_binary, types.is_binary_view)
    return any(check(kind) for check in (*checks, types.is_fixed_size_binary))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_whole(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_boolean(kind))


_FAMILIES: dict[str, Callable[[pa.DataType], bool]] = {
    "text": _is_text,
    "bytes": _is_bytes,
    "instant": pa.types.is_timestamp,
    "duration": pa.types.is_duration,
    "date": pa.types.is_date,
    "time of day": pa.types.is_time,
    "category": pa.types.is_dictionary,
    "list": _is_list,
    "struct": pa.types.is_struct,
    "float": pa.types.is_floating,
    "whole": _is_whole,
    "decimal": pa.types.is_decimal,
    "nothing": pa.types.is_null,
}


def _family(kind: pa.DataType, name: Any) -> str:
    for family, check in _FAMILIES.items():
        if check(kind):
            return family
    raise TypeError(f"digest of a frame: column {name!r} is of a type without a form: {kind}")


def _title(kind: pa.DataType, name: Any) -> str:
    """Return what a type means, without how it is laid out."""
    family = _family(kind, name)
    if family == "instant":
        return f"instant {kind.tz or 'without zone'}"
    if family == "category":
        ordered = "ordered " if kind.ordered else ""
        return f"{ordered}category of {_title(kind.value_type, name)}"
    if family == "struct":
        return f"struct of {kind.num_fields}"
    return str(kind) if family in ("float", "whole", "decimal") else family


def _filled(array: pa.Array, value: Any) -> np.ndarray:
    whole = pc.fill_null(array, pa.scalar(value).cast(array.type)) if array.null_count else array
    values: np.ndarray = whole.to_numpy(zero_copy_only=False)
    return values


def _hash_whole(hash_: Hash, array: pa.Array) -> None:
    hash_.update(np.ascontiguousarray(_filled(array, 0)))


def _hash_floats(hash_: Hash, array: pa.Array) -> None:
    values = _filled(array, 0.0)
    for start in range(0, len(values), _ROWS):
        block = values[start : start + _ROWS] + values.dtype.type(0)
        block[np.isnan(block)] = np.nan
        hash_.update(block)


def _hash_temporal(hash_: Hash, array: pa.Array) -> None:
    """Take instants as seconds and nanoseconds: finer units would overflow."""
    kind = array.type
    if pa.types.is_date(kind):
        hash_.update(_filled(array.cast(pa.date32()).cast(pa.int32()), 0).astype(np.int64))
        return
    storage = pa.int32() if kind.bit_width == 32 else pa.int64()  # noqa: PLR2004 - bits
    counts = _filled(array.cast(storage), 0).astype(np.int64)
    unit = _PER_SECOND[kind.unit]
    for start in range(0, len(counts), _ROWS):
        seconds, rest = np.divmod(counts[start : start + _ROWS], unit)
        hash_.update(np.stack([seconds, rest * (10**9 // unit)]))


def _hash_texts(hash_: Hash, array: pa.Array) -> None:
    large = pa.large_binary()
    texts = array.cast(pa.binary()) if pa.types.is_fixed_size_binary(array.type) else array
    whole = pc.fill_null(texts.cast(large), b"")
    offsets = np.frombuffer(whole.buffers()[1], np.int64)
    own = offsets[whole.offset : whole.offset + len(whole) + 1]
    hash_.update(np.diff(own))
    if len(own) and own[-1] > own[0]:
        hash_.update(memoryview(whole.buffers()[2])[own[0] : own[-1]])


def _hash_decimals(hash_: Hash, array: pa.Array) -> None:
    _hash_texts(hash_, array.cast(pa.string()))


def _hash_struct(hash_: Hash, array: pa.StructArray, _: Any) -> None:
    for number in range(array.type.num_fields):
        hash_column(hash_, array.type.field(number).name, pc.struct_field(array, [number]))


def _hash_lists(hash_: Hash, array: pa.ListArray, _: Any) -> None:
    hash_.update(_filled(pc.list_value_length(array).cast(pa.int64()), 0))
    hash_column(hash_, "item", array.flatten())


def _hash_dictionary(hash_: Hash, array: pa.DictionaryArray, name: Any) -> None:
    if array.type.ordered:
        hash_column(hash_, [name, "order"], array.dictionary)
    hash_column(hash_, [name, "values"], array.dictionary_decode())


_FLAT: dict[str, Callable[[Hash, pa.Array], None]] = {
    "float": _hash_floats,
    "whole": _hash_whole,
    "decimal": _hash_decimals,
    "text": _hash_texts,
    "bytes": _hash_texts,
    **dict.fromkeys(("instant", "duration", "date", "time of day"), _hash_temporal),
}
_NESTED: dict[str, Callable[[Hash, Any, Any], None]] = {
    "category": _hash_dictionary,
    "list": _hash_lists,
    "struct": _hash_struct,
}
