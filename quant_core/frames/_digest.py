"""What is hashed of a table, whatever library holds it; what cannot change is hashed once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import pyarrow as pa

from quant_core.data import Ingested, ReturnsMatrix, matrix_version
from quant_core.frames._column import hash_column
from quant_core.frames._memo import IdentityMemo

if TYPE_CHECKING:
    from quant_core.frames._column import Hash

__all__ = ["digest_frame"]

_SIZE = 16
_MEMO = IdentityMemo()


@runtime_checkable
class _PandasFrame(Protocol):
    """A DataFrame or Series, told by its parts: pandas is not imported to look."""

    index: Any
    iloc: Any


def digest_frame(frame: Any) -> str:
    """Return the digest of what a table says, as 32 hexadecimal characters.

    What counts: names and order of columns, their types, every value to the last bit, instants to
    the nanosecond, time zones, and of pandas the values, type, name and time zone of the index.
    A categorical (dictionary) column is not a text column, and missing is not NaN where a library
    tells the two apart: always in Arrow, in pandas in columns with a mask.

    What does not count: where bytes lie. Chunks, slices, memory order, the width of text offsets,
    the order of a dictionary that is not ordered, the resolution in which the same instants are
    stored, a range index for the same integers, metadata of a schema. Every NaN is one NaN, `-0.0`
    is `0.0`, and None, NaN and NA are one missing value in a pandas column of objects or text.

    Parameters
    ----------
    frame : pandas.DataFrame, pandas.Series, pyarrow.Table, ReturnsMatrix or Ingested
        The table. One that cannot change (all but pandas) is hashed once as long as it lives;
        what was ingested carries its digest already.

    Raises
    ------
    TypeError
        If it is something else, or a column holds values that have no canonical form.

    Examples
    --------
    >>> import pyarrow as pa
    >>> whole = pa.table({"day": [1, 2], "value": [0.0, float("nan")]})
    >>> digest_frame(pa.concat_tables([whole.slice(0, 1), whole.slice(1)])) == digest_frame(whole)
    True
    """
    if isinstance(frame, pa.Table):
        return _MEMO.get((frame,), lambda: _arrow(frame))
    if isinstance(frame, Ingested):
        return frame.version
    if isinstance(frame, ReturnsMatrix):
        parts = (frame.values, frame.dates)
        return _MEMO.get(parts, lambda: matrix_version(frame), also=frame.symbols)
    if isinstance(frame, _PandasFrame):
        from quant_core.frames._pandas import hash_pandas  # noqa: PLC0415 - the caller has it

        return _hexadecimal("pandas", lambda hash_: hash_pandas(hash_, frame))
    raise TypeError(
        "digest of a frame: expected a pandas DataFrame or Series, a pyarrow Table, a "
        f"ReturnsMatrix or what was ingested, found {type(frame).__name__}"
    )


def _arrow(table: pa.Table) -> str:
    def fill(hash_: Hash) -> None:
        for name, column in zip(table.column_names, table.columns, strict=True):
            hash_column(hash_, name, column)

    return _hexadecimal("arrow", fill)


def _hexadecimal(kind: str, fill: Any) -> str:
    hash_ = hashlib.blake2b(kind.encode(), digest_size=_SIZE)
    fill(hash_)
    return hash_.hexdigest()
