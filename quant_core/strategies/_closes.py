"""Daily closes as ticks, for the live runner to replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quant_core.cells import parquet_options, whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["TICKS_SCHEMA", "closes_as_ticks", "write_ticks"]

TICKS_SCHEMA = pa.schema(
    [
        ("ts", pa.timestamp("ns", tz="UTC")),
        ("instrument", pa.dictionary(pa.int32(), pa.string())),
        ("price", pa.float64()),
        ("size", pa.float64()),
    ]
)


def closes_as_ticks(dates: np.ndarray, symbols: Sequence[str], prices: np.ndarray) -> pa.Table:
    """Return closes as ticks, one a date and instrument, in the order of time and name.

    Replayed with ``sampling: tick``, they give the signals of research to the byte, each at the
    instant of its close. With ``sampling: 1d`` the runner learns of a close with the first tick of
    a later day, and sends the signal then.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Strictly increasing.
    symbols : sequence of str, length n
        The instruments.
    prices : numpy.ndarray of float64, shape (T, n)
        Closes, NaN where there is none.
    """
    at, column = np.nonzero(~np.isnan(prices))
    instruments = pa.DictionaryArray.from_arrays(
        pa.array(column, pa.int32()), pa.array(list(symbols), pa.string())
    )
    stamps = pa.array(dates[at].astype("datetime64[ns]")).cast(TICKS_SCHEMA.field("ts").type)
    sizes = pa.array(np.ones(len(at)), pa.float64())
    columns = [stamps, instruments, pa.array(prices[at, column]), sizes]
    return pa.table(columns, schema=TICKS_SCHEMA)


def write_ticks(
    path: Path, dates: np.ndarray, symbols: Sequence[str], prices: np.ndarray
) -> pa.Table:
    """Write closes to a Parquet file as ticks, and return the table; see `closes_as_ticks`."""
    table = closes_as_ticks(dates, symbols, prices)
    with whole_file(path) as unfinished:
        pq.write_table(table, unfinished, **parquet_options(table.schema))
    return table
