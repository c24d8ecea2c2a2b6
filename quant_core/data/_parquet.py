"""Parquet files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quant_core.data._table_file import TableFile, opened
from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ParquetFile"]

_DATES_OR_NAMES = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_timestamp,
    pa.types.is_date,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_null,
)


@dataclass(frozen=True, slots=True)
class ParquetFile(TableFile):
    """A Parquet file; only the columns and the row groups asked for are read.

    Parameters
    ----------
    groups : range or None
        Row groups to read; None for all.
    skipped : int
        Rows before the first of them.
    """

    groups: range | None = None
    skipped: int = 0

    row_word: ClassVar[str] = "row"
    first_row: ClassVar[int] = 1

    @classmethod
    def open(cls, url: str) -> ParquetFile:
        """Read the schema.

        Raises
        ------
        DataError
            If the file is missing, empty or no Parquet file.
        """
        with opened(url) as handle:
            return cls(url, tuple(_file(url, handle).schema_arrow.names))

    def load(self, texts: Sequence[int], numbers: Sequence[int]) -> dict[int, pa.ChunkedArray[Any]]:
        """Read columns."""
        places = (*texts, *numbers)
        with opened(self.url) as handle:
            file, names = _file(self.url, handle), [self.names[place] for place in places]
            groups = list(self.groups or range(file.num_row_groups))
            table = file.read_row_groups(groups, columns=names)
        if not table.num_rows:
            raise DataError(f"{self.url}: the file has columns and no rows")
        found = {place: table[self.names[place]] for place in places}
        for place in texts:
            self._refuse_other(found[place], place)
        for place in numbers:
            found[place] = self._numbers(found[place], place)
        return found

    @property
    def whole(self) -> bool:
        """Whether every row group is read."""
        return self.groups is None

    @property
    def first_read(self) -> int:
        """Number of the first row that `load` returns."""
        return self.first_row + self.skipped

    def within(
        self, place: int, start: np.datetime64 | None, end: np.datetime64 | None
    ) -> ParquetFile:
        """Return the file without leading and trailing row groups outside ``[start, end)``."""
        with opened(self.url) as handle:
            metadata = _file(self.url, handle).metadata
        spans = [
            _span(metadata.row_group(n), self.names[place]) for n in range(metadata.num_row_groups)
        ]
        inside = [
            number
            for number, span in enumerate(spans)
            if span is None
            or ((start is None or span[1] >= start) and (end is None or span[0] < end))
        ]
        # One group stays, to tell an empty answer from an empty file.
        groups = range(inside[0], inside[-1] + 1) if inside else range(1)
        if len(groups) >= len(spans):
            return self
        skipped = sum(metadata.row_group(number).num_rows for number in range(groups.start))
        return replace(self, groups=groups, skipped=skipped)

    def _refuse_other(self, column: pa.ChunkedArray[Any], place: int) -> None:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if not any(fits(kind) for fits in _DATES_OR_NAMES):
            raise DataError(
                f"{self.url}, column {self.names[place]!r}: expected dates or names, found "
                f"{column.type}; convert the column, or name another by data.date or data.symbol"
            )

    def _numbers(self, column: pa.ChunkedArray[Any], place: int) -> pa.ChunkedArray[Any]:
        kind = column.type
        if pa.types.is_dictionary(kind):
            column, kind = column.cast(kind.value_type), kind.value_type
        if pa.types.is_string_view(kind):
            column, kind = column.cast(pa.string()), pa.string()
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            self.refuse_text(column, place)
        elif not (_is_number(kind) or pa.types.is_null(kind)):
            raise DataError(
                f"{self.url}, column {self.names[place]!r}: expected numbers, found {kind}; "
                "convert or remove the column, or list it in data.exclude"
            )
        return column.cast(pa.float64(), safe=False)


def _span(group: Any, name: str) -> tuple[np.datetime64, np.datetime64] | None:
    """Return the first and last date of a row group, or None where the file does not say.

    Text is never trusted: its order is that of time only if all of it is written alike.
    """
    columns = (group.column(number) for number in range(group.num_columns))
    found = next((column for column in columns if column.path_in_schema == name), None)
    statistics = found.statistics if found is not None else None
    if statistics is None or not statistics.has_min_max or statistics.null_count != 0:
        return None
    ends = (statistics.min, statistics.max)
    if not all(isinstance(end, date) for end in ends):
        return None
    aware = [
        end.astimezone(UTC).replace(tzinfo=None)
        if isinstance(end, datetime) and end.tzinfo is not None
        else end
        for end in ends
    ]
    return np.datetime64(aware[0], "us"), np.datetime64(aware[1], "us")


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind))


def _file(url: str, handle: Any) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(handle)
    except pa.ArrowInvalid as error:
        raise DataError(f"{url}: empty, or not a Parquet file: {error}") from error
