"""What an asset may hand to the IO manager, and what it may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args, get_origin

import pyarrow as pa

from quant_core.cells import Receipt
from quant_core.data import ReturnsMatrix
from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Partition", "Stored", "by_partition", "reader", "to_table"]

_SHOWN = 3

type Stored = pa.Table | ReturnsMatrix | Receipt


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of an output, with what is told about it.

    Parameters
    ----------
    value : pyarrow.Table, ReturnsMatrix or Receipt
        What it holds, or the receipt of the worker that has already written it.
    metadata : mapping
        Metadata of its materialization event.
    tags : mapping of str to str
        Tags of its materialization event; values of at most 63 characters.
    """

    value: Stored
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def by_partition(value: Any, keys: list[str], *, asset: str) -> dict[str, Partition]:
    """Return the partitions of an output, in the order of the keys.

    Raises
    ------
    DataError
        If the output is of another type, or its partitions are not those that were asked for.
    """
    if not isinstance(value, Mapping):
        if len(keys) != 1:
            raise DataError(
                f"{asset}: {len(keys)} partitions were asked for, so expected a mapping of "
                f"partition to table, found {_name(value)}"
            )
        value = {keys[0]: value}
    missing, extra = sorted(set(keys) - set(value)), sorted(set(value) - set(keys))
    if missing or extra:
        raise DataError(
            f"{asset}: the output does not hold the partitions of this run: "
            f"missing {_some(missing)}; not asked for {_some(extra)}"
        )
    return {key: _partition(value[key], asset, key) for key in keys}


def _partition(value: Any, asset: str, key: str) -> Partition:
    if isinstance(value, Partition):
        return Partition(_partition(value.value, asset, key).value, value.metadata, value.tags)
    if isinstance(value, (pa.Table, ReturnsMatrix, Receipt)):
        return Partition(value)
    raise DataError(
        f"{asset}, partition {key}: expected a pyarrow.Table, a ReturnsMatrix or a Receipt, found "
        f"{_name(value)}; partitions are Parquet and nothing is pickled"
    )


def to_table(value: pa.Table | ReturnsMatrix) -> pa.Table:
    """Return the table that a partition is stored as."""
    return value.to_table() if isinstance(value, ReturnsMatrix) else value


def reader(wanted: Any, *, asset: str) -> Callable[[dict[str, pa.Table]], Any]:
    """Return what makes the wanted type of partitions in time order.

    Parameters
    ----------
    wanted : type
        Annotation of the input: `pyarrow.Table` and `ReturnsMatrix` are concatenated, a mapping
        stays a mapping even of a single partition.
    asset : str
        Name of the asset that is loaded, for messages.

    Raises
    ------
    DataError
        If the annotation is another one.
    """
    if wanted is pa.Table:
        return lambda tables: pa.concat_tables(tables.values())
    if wanted is ReturnsMatrix:
        return lambda tables: ReturnsMatrix.concatenate(
            [ReturnsMatrix.from_table(table) for table in tables.values()]
        )
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in {dict, Mapping} and arguments == (str, pa.Table):
        return dict
    raise DataError(
        f"input {asset}: expected the annotation pyarrow.Table, ReturnsMatrix or "
        f"dict[str, pyarrow.Table], found {wanted!r}; partitions are Parquet and nothing is "
        "unpickled"
    )


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _some(names: list[str]) -> str:
    first = ", ".join(names[:_SHOWN]) or "none"
    return first if len(names) <= _SHOWN else f"{first} and {len(names) - _SHOWN} more"
