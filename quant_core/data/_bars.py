"""Bars of a long file of prices: what stands beside the price that returns are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from quant_core.data._dates import parse_dates
from quant_core.data._files import open_table
from quant_core.data._layout import ColumnNames, find_layout
from quant_core.data._matrix import DATE_TYPE
from quant_core.data._place import expanded

if TYPE_CHECKING:
    from quant_core.data._config import DataConfig

__all__ = ["read_bars"]

_BARS = ("open", "high", "low", "volume")


def read_bars(config: DataConfig) -> pa.Table | None:
    """Read a long file of prices with its bars, as found.

    Parameters
    ----------
    config : DataConfig
        Where the prices are.

    Returns
    -------
    pyarrow.Table or None
        ``date, symbol, value`` and those of ``open, high, low, volume`` that the file has; None if
        it is no file of prices, is wide, or has none of them.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    if config.prices is None:
        return None
    file = open_table(expanded(config.prices))
    columns = ColumnNames(date=config.date, symbol=config.symbol, value=config.value)
    layout = find_layout(
        file.names, origin=config.prices, kind="prices", columns=columns, exclude=config.exclude
    )
    bars = {name.lower(): place for place, name in enumerate(file.names) if name.lower() in _BARS}
    if layout.symbol is None or not bars:
        return None
    found = file.load([layout.date, layout.symbol], [layout.values[0], *bars.values()])
    where = f"{config.prices}, column {file.names[layout.date]!r}"
    dates = parse_dates(
        found[layout.date], where=where, row_word=file.row_word, first_row=file.first_row
    )
    stamps = pa.array(dates, pa.timestamp("us")).cast(DATE_TYPE)
    values = [found[layout.values[0]], *(found[place] for place in bars.values())]
    names = ["date", "symbol", "value", *bars]
    return pa.table([stamps, found[layout.symbol], *values], names=names)
