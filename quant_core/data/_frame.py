"""Prices or returns from a data frame in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quant_core.data._files import FileSource
from quant_core.data._layout import ColumnNames

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from quant_core.data._observations import Kind, RawObservations

__all__ = ["FrameSource"]


@dataclass(frozen=True, slots=True)
class FrameSource:
    """A pandas frame, wide (a column a symbol) or long (a row an observation).

    An index that has a name, holds dates or has several levels is read as columns; any other one
    numbers the rows and is left out. Naive dates are UTC, aware ones are converted.

    Parameters
    ----------
    frame : pandas.DataFrame
        The observations; never changed.
    kind : {"prices", "returns"}
        What the frame holds.
    columns : ColumnNames
        Columns whose names are not the usual ones.
    exclude : tuple of str
        Symbols to leave unread.
    name : str
        Name of the source.
    origin : str
        What messages call the frame.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2020-01-01", periods=3, name="date")
    >>> frame = pd.DataFrame({"AAA": [10.0, 11.0, 12.1], "BBB": [20.0, 20.0, 21.0]}, index=days)
    >>> FrameSource(frame, "prices").read().symbols
    ('AAA', 'BBB')
    """

    frame: pd.DataFrame = field(repr=False)
    kind: Kind
    columns: ColumnNames = field(default_factory=ColumnNames)
    exclude: tuple[str, ...] = ()
    name: str = "frame"
    origin: str = "data frame"

    def read(
        self, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> RawObservations:
        """Read the observations from ``start``, included, to ``end``, excluded.

        Raises
        ------
        DataError
            If the frame cannot be read as prices or returns; the message names the column, the
            row, counted from 1, and the value found.
        """
        from quant_core.data._frame_columns import FrameTable  # noqa: PLC0415 - brings pandas

        source = FileSource(self.origin, self.kind, self.columns, self.exclude)
        return source.read_from(FrameTable.of(self.frame, self.origin)).between(start, end)
