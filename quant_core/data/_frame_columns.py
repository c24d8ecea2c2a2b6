"""The columns of a data frame as Arrow has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
import pyarrow as pa

from quant_core.data._dates import refuse_far_years
from quant_core.data._frame_cells import as_name, as_number, as_stamp, is_date
from quant_core.data._layout import is_date_name
from quant_core.data._table_file import TableFile
from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["FrameTable"]

_STAMP = pa.timestamp("us")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class FrameTable(TableFile):
    """A data frame that gives its columns by place."""

    row_word: ClassVar[str] = "row"
    first_row: ClassVar[int] = 1

    parts: tuple[Any, ...] = field(repr=False)

    @classmethod
    def of(cls, frame: pd.DataFrame, origin: str) -> Self:
        """Put the levels of an index that tells something before the columns.

        Raises
        ------
        DataError
            If it is no frame, there are no rows, or the name of a column is none.
        """
        if not isinstance(frame, pd.DataFrame):
            raise DataError(f"{origin}: expected a pandas DataFrame, found {type(frame).__name__}")
        if frame.columns.nlevels > 1:
            levels = ", ".join(repr(name) for name in frame.columns.names)
            raise DataError(
                f"{origin}: the columns have {frame.columns.nlevels} levels ({levels}); select one "
                "field, for example frame['Close'], so that a column is a symbol"
            )
        labels, parts = _index(frame.index)
        labels += list(frame.columns)
        parts += _columns(frame)
        if not len(frame):
            raise DataError(f"{origin}: the frame has no rows")
        names = tuple(_name(label, place, origin) for place, label in enumerate(labels, 1))
        return cls(origin, names, tuple(parts))

    def load(self, texts: Sequence[int], numbers: Sequence[int]) -> dict[int, pa.ChunkedArray[Any]]:
        """Return columns by place: dates as timestamps, names as text, numbers as float64."""
        found = {place: self._texts(place) for place in texts}
        found |= {place: self._numbers(place) for place in numbers}
        return {place: pa.chunked_array([column]) for place, column in found.items()}

    def _texts(self, place: int) -> Any:
        part = self.parts[place]
        dtype = part.dtype
        if isinstance(dtype, pd.PeriodDtype):
            part = self._own(part.to_timestamp, place)
        elif isinstance(dtype, pd.DatetimeTZDtype):
            part = part.tz_convert("UTC").tz_localize(None)
        if part.dtype.kind == "M":
            return self._stamps(np.asarray(part, dtype=part.dtype.name), place)
        if dtype.kind in "fc" or pd.api.types.is_bool_dtype(dtype):
            raise self._wrong_type(place, "dates or names")
        cells = np.asarray(part, dtype=object)
        empty = np.asarray(pd.isna(cells), dtype=np.bool_)
        if any(is_date(cell) for cell in cells[~empty]):
            return self._stamps(self._each(cells, empty, as_stamp, "datetime64[us]", place), place)
        return pa.array(self._each(cells, empty, as_name, object, place), pa.string())

    def _numbers(self, place: int) -> Any:
        part = self.parts[place]
        dtype = part.dtype
        if dtype.kind in "mMcb" or pd.api.types.is_bool_dtype(dtype):
            raise self._wrong_type(place, "numbers")
        if isinstance(part, np.ndarray):
            return pa.array(part)
        if dtype.kind in "fiu":
            numbers = pd.Series(part).to_numpy(dtype=np.float64, na_value=np.nan)
            return pa.array(numbers)
        cells = np.asarray(part, dtype=object)
        empty = np.asarray(pd.isna(cells), dtype=np.bool_)
        return pa.array(self._each(cells, empty, as_number, np.float64, place))

    def _each(
        self,
        cells: np.ndarray,
        empty: np.ndarray,
        read: Callable[[Any], Any],
        dtype: Any,
        place: int,
    ) -> np.ndarray:
        """Read cells of any type one by one; the first that cannot be read is named."""
        nothing: Any = {object: None, np.float64: np.nan}.get(dtype, np.datetime64("NaT", "us"))
        found = np.full(len(cells), nothing, dtype=dtype)
        for at in np.flatnonzero(~empty):
            try:
                found[at] = read(cells[at])
            except (TypeError, ValueError, OverflowError) as error:
                raise DataError(
                    f"{self._where(place)}, row {at + self.first_row}: {error}, found "
                    f"{_shown(cells[at])}; correct the cell, or leave it empty"
                ) from error
        return found

    def _stamps(self, stamps: np.ndarray, place: int) -> Any:
        refuse_far_years(stamps, where=self._where(place), row_word="row", first_row=1)
        return pa.array(stamps.astype("datetime64[us]"), _STAMP)

    def _own(self, convert: Callable[[], Any], place: int) -> Any:
        try:
            return convert()
        except (ValueError, OverflowError) as error:  # pandas: its periods reach further
            raise DataError(f"{self._where(place)}: cannot be read as dates: {error}") from error

    def _wrong_type(self, place: int, expected: str) -> DataError:
        return DataError(
            f"{self._where(place)}: expected {expected}, found {self.parts[place].dtype}; convert "
            "or remove the column, or list it in data.exclude"
        )

    def _where(self, place: int) -> str:
        return f"{self.url}, column {_shown(self.names[place])}"


def _columns(frame: pd.DataFrame) -> list[Any]:
    kinds = set(frame.dtypes)
    if kinds == {np.dtype(np.float64)}:
        # A frame of one block: making a series of each column would cost a millisecond each.
        block = frame.to_numpy()
        return [block[:, place] for place in range(frame.shape[1])]
    return [frame.iloc[:, place].array for place in range(frame.shape[1])]


def _index(index: pd.Index) -> tuple[list[Any], list[Any]]:
    """Return names and values of the levels; none for an index that numbers the rows."""
    numbers = index.nlevels == 1 and index.dtype.kind in "iuf"
    if numbers and not is_date_name(str(index.name)):
        return [], []
    levels = [index.get_level_values(level) for level in range(index.nlevels)]
    return [_level_name(level) for level in levels], [level.array for level in levels]


def _level_name(level: pd.Index) -> Any:
    dated = isinstance(level, pd.DatetimeIndex | pd.PeriodIndex)
    return ("date" if dated else "") if level.name is None else level.name


def _name(label: Any, place: int, origin: str) -> str:
    try:
        return as_name(label).strip()
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{origin}, column {place}: the name of the column: {error}, found {_shown(label)}; "
            "rename the column"
        ) from error


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"
