"""The parts of a pandas frame, as Arrow columns."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from quant_core.frames._column import hash_column

if TYPE_CHECKING:
    from quant_core.frames._column import Hash

__all__ = ["hash_pandas"]


def hash_pandas(hash_: Hash, frame: pd.DataFrame | pd.Series) -> None:
    """Take the names of the columns, the index and every column.

    Parameters
    ----------
    hash_ : Hash
        What takes the bytes.
    frame : pandas.DataFrame or pandas.Series
        The frame.
    """
    if isinstance(frame, pd.Series):
        hash_.update(b"series")
        _hash_index(hash_, "index", frame.index)
        _hash_values(hash_, frame.name, frame)
        return
    _hash_index(hash_, "columns", frame.columns)
    _hash_index(hash_, "index", frame.index)
    for number in range(frame.shape[1]):
        _hash_values(hash_, number, frame.iloc[:, number])


def _hash_index(hash_: Hash, role: str, index: pd.Index) -> None:
    for number, name in enumerate(index.names):
        level = index.get_level_values(number)
        _hash_values(hash_, [role, number, _named(name)], level)


def _hash_values(hash_: Hash, name: Any, values: pd.Series | pd.Index) -> None:
    kind = values.dtype
    label = _named(name) if not isinstance(name, list) else name
    if isinstance(kind, np.dtype) and kind.kind == "O":
        _hash_objects(hash_, label, values)
    elif isinstance(kind, pd.CategoricalDtype) and kind.categories.dtype == object:
        _hash_objects(hash_, [label, "categories", kind.ordered], kind.categories)
        _hash_objects(hash_, [label, "category"], values.astype(object))
    elif isinstance(kind, pd.DatetimeTZDtype):
        instants = pa.array(pd.DatetimeIndex(values).tz_convert(None).to_numpy())
        hash_column(hash_, [label, f"in {kind.tz}"], instants)
    elif isinstance(kind, pd.PeriodDtype):
        hash_column(hash_, [label, str(kind)], pa.array(values.array.asi8))
    else:
        # Without a mask NaN is a value, and it must not become a null that it is not.
        masked = not isinstance(kind, np.dtype) or kind.kind in "mM"
        plain = values.array if masked else values.to_numpy()
        hash_column(hash_, [label, _family(kind)], _arrow(plain, name, from_pandas=masked))


def _arrow(values: Any, name: Any, *, from_pandas: bool) -> pa.Array:
    try:
        return pa.array(values, from_pandas=from_pandas)
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise TypeError(
            f"digest of a frame: column {name!r} is of type {values.dtype}, which has no canonical "
            "form; convert it to text or numbers"
        ) from error


def _family(kind: Any) -> str:
    """Return what sets a type of pandas apart from another one of the same Arrow type."""
    if isinstance(kind, np.dtype):
        return "numpy"
    return type(kind).__name__


def _hash_objects(hash_: Hash, label: Any, values: pd.Series | pd.Index) -> None:
    texts = [_told(value, label) for value in values]
    hash_column(hash_, [label, "objects"], pa.array(texts, pa.string()))


def _told(value: Any, label: Any) -> str | None:
    """Return an object as a text that no other object has; None where it is missing."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | str | Decimal):
        return f"{type(value).__name__} {value}"
    if isinstance(value, float):
        return f"float {(value + 0.0)!r}"
    if isinstance(value, bytes):
        return f"bytes {value.hex()}"
    if isinstance(value, datetime | date):
        return f"{type(value).__name__} {value.isoformat()} {getattr(value, 'tzinfo', None)}"
    if isinstance(value, tuple | list):
        return f"{type(value).__name__} {[_told(item, label) for item in value]!r}"
    raise TypeError(
        f"digest of a frame: column {label!r} holds a {type(value).__name__}, which has no "
        "canonical form; convert it to text or numbers"
    )


def _named(name: Any) -> Any:
    return None if name is None else _told(name, "name")
