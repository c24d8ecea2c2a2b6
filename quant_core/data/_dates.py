"""Reading dates: naive ones are UTC, aware ones are converted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from quant_core.data._texts import distinct_texts
from quant_core.errors import DataError

__all__ = ["parse_dates", "refuse_far_years"]

_YYYYMMDD = 8
_YEARS = (1678, 2262)


def parse_dates(
    column: pa.ChunkedArray[Any], *, where: str, row_word: str, first_row: int
) -> np.ndarray:
    """Return the instants of a date column.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Dates, timestamps, ISO 8601 text or integers ``YYYYMMDD``.
    where : str
        File and column, for messages.
    row_word, first_row : str, int
        What a row is called, and the number of the first one.

    Returns
    -------
    numpy.ndarray of datetime64[us], shape (R,)
        NaT where the cell is empty.

    Raises
    ------
    DataError
        If a cell cannot be read, with its row and text.
    """
    instants = _instants(column, where, row_word, first_row)
    refuse_far_years(instants, where=where, row_word=row_word, first_row=first_row)
    return instants


def refuse_far_years(stamps: np.ndarray, *, where: str, row_word: str, first_row: int) -> None:
    """Refuse dates outside 1678 to 2261, the years that pandas' nanoseconds hold.

    Parameters
    ----------
    stamps : numpy.ndarray of datetime64, shape (R,)
        Of any unit; NaT passes.
    where, row_word, first_row : str, str, int
        As in `parse_dates`.

    Raises
    ------
    DataError
        At the first such date.
    """
    # The bounds take the unit of the dates: turned into another one, dates may wrap in silence.
    low, high = (np.datetime64(f"{year}-01-01").astype(stamps.dtype) for year in _YEARS)
    far = np.flatnonzero((stamps < low) | (stamps >= high))
    if len(far):
        year = stamps[far[0]].astype("datetime64[Y]").astype(np.int64) + 1970
        raise DataError(
            f"{where}, {row_word} {first_row + far[0]}: the year {year} is outside {_YEARS[0]} to "
            f"{_YEARS[1] - 1}; correct the date, or remove the row"
        )


def _instants(
    column: pa.ChunkedArray[Any], where: str, row_word: str, first_row: int
) -> np.ndarray:
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        plain = column.cast(pa.timestamp(kind.unit)) if pa.types.is_timestamp(kind) else column
        raw = plain.to_numpy().astype(f"datetime64[{getattr(kind, 'unit', 'D')}]")
        refuse_far_years(raw, where=where, row_word=row_word, first_row=first_row)
        naive = column.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False)
        instants: np.ndarray = naive.cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]")
        return instants
    if pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        raise DataError(
            f"{where}: expected dates such as 2020-01-31, found numbers ({kind}); name the right "
            "column by data.date"
        )
    texts, indices = distinct_texts(column)
    found = np.full(len(texts) + 1, np.datetime64("NaT", "us"), dtype="datetime64[us]")
    for place, text in enumerate(texts):
        if text:
            instant = _instant(text)
            if instant is None:
                row = first_row + int(np.flatnonzero(indices == place)[0])
                raise DataError(
                    f"{where}, {row_word} {row}: cannot read {text!r} as a date; write dates as "
                    "YYYY-MM-DD (ISO 8601)"
                )
            found[place] = instant
    parsed: np.ndarray = found[indices]
    return parsed


def _instant(text: str) -> np.datetime64 | None:
    if text.isdigit() and len(text) != _YYYYMMDD:
        return None
    # Slashes are taken only where the year leads: 02/03/2020 has two readings.
    if len(text) > _YYYYMMDD and text[4] == text[7] == "/":
        text = text.replace("/", "-")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(moment, "us")
