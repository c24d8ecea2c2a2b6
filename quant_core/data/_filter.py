"""Rules on single observations, and their grid of dates by symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from quant_core.contracts import Reason, non_finite, non_positive, out_of_range
from quant_core.data._sessions import off_session
from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.calendars import Calendar
    from quant_core.data._log import Log
    from quant_core.data._observations import RawObservations

__all__ = ["filter_observations", "refuse_other_kind"]

_IMPLAUSIBLE = 0.25
_CELLS = 1 << 18
_INT32 = 1 << 31


def filter_observations(
    raw: RawObservations, log: Log, *, keep_first: bool, calendar: Calendar | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Drop what breaks a rule on single observations, and lay the rest on a grid.

    Parameters
    ----------
    raw : RawObservations
        Not changed.
    log : Log
        Takes what is dropped.
    keep_first : bool
        Keep the first of two observations of one date and symbol instead of raising.
    calendar : Calendar, optional
        Days on which an observation may be.

    Returns
    -------
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Strictly increasing; each has at least one observation.
    values : numpy.ndarray of float64, shape (T, n)
        In the order of ``raw.symbols``; NaN where there is nothing.
    """
    if "date" in raw.symbols:
        raise DataError(
            f"{raw.origin}: a symbol may not be called 'date', the name of the date column of "
            "every table; rename it, or list it in data.exclude"
        )
    dates, row = _distinct(raw.dates[:, 0])
    repeated = _repeated(raw, row, len(dates))
    if repeated and not keep_first:
        raise DataError(_first_repeat(raw, row))
    alive = raw.present()
    off = off_session(dates, calendar)
    if off.any():
        closed = np.broadcast_to(off[row].reshape(-1, 1), alive.shape)
        _drop(raw, alive, closed, Reason.NOT_A_SESSION, log)
    for reason, mask in _rules(raw):
        _drop(raw, alive, mask, reason, log)
    if repeated:
        _drop(raw, alive, _later_repeats(raw, row, alive), Reason.DUPLICATE, log)
    held = np.zeros(len(dates), dtype=np.bool_)
    held[row[alive.any(axis=1)]] = True
    place = np.cumsum(held) - 1
    return dates[held], _grid(raw, place[row], alive, int(held.sum()))


def _rules(raw: RawObservations) -> Iterator[tuple[Reason, np.ndarray]]:
    """Yield one rule at a time: each mask is as long as the data."""
    yield Reason.MISSING_SYMBOL, np.broadcast_to(raw.codes < 0, raw.values.shape)
    yield Reason.MISSING, np.isnan(raw.values)
    yield Reason.NON_FINITE, non_finite(raw.values)
    if raw.kind == "prices":
        yield Reason.NON_POSITIVE_PRICE, non_positive(raw.values)


def _distinct(dates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct dates, sorted, and the place of each date among them."""
    # By hash: sorting every row of a long file would cost several copies of it.
    encoded: Any = pa.array(dates, pa.timestamp("us")).dictionary_encode()
    found: np.ndarray = encoded.dictionary.to_numpy(zero_copy_only=False)
    order = np.argsort(found)
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    row: np.ndarray = place[encoded.indices.to_numpy()]
    return found[order], row


def refuse_other_kind(raw: RawObservations) -> None:
    """Refuse returns given as prices, and prices given as returns.

    Parameters
    ----------
    raw : RawObservations
        All there is: a part may hold few good values.

    Raises
    ------
    DataError
        If more than a quarter of the values is out of range.
    """
    prices = raw.kind == "prices"
    wrong = np.count_nonzero(non_positive(raw.values) if prices else out_of_range(raw.values))
    finite = np.count_nonzero(np.isfinite(raw.values)) if wrong else 0
    if wrong > _IMPLAUSIBLE * finite:
        expected, likely = (
            ("prices above zero", "returns; give it as data.returns")
            if prices
            else ("returns as fractions", "prices or per cent; give prices as data.prices")
        )
        raise DataError(
            f"{raw.origin}: expected {expected}, but {wrong} of {finite} values are out of range; "
            f"the file seems to hold {likely}"
        )


def _drop(
    raw: RawObservations, alive: np.ndarray, mask: np.ndarray, reason: Reason, log: Log
) -> None:
    # By position, never by label: labels repeat.
    hit = mask & alive
    if not hit.any():
        return
    at, column = np.nonzero(hit)
    codes = np.broadcast_to(raw.codes, raw.values.shape)[at, column]
    log.add(reason, raw.dates[at, 0], codes, raw.values[at, column])
    alive[at, column] = False


def _keys(raw: RawObservations, row: np.ndarray) -> np.ndarray:
    keys = row.astype(np.int64).reshape(-1, 1)
    keys *= len(raw.symbols) + 1
    if raw.wide:
        keys = keys + raw.codes
    else:
        keys += raw.codes
    keys += 1
    return keys


def _repeated(raw: RawObservations, row: np.ndarray, dates: int) -> bool:
    if raw.wide:
        return dates < len(row)
    symbols = len(raw.symbols) + 1
    if dates * symbols < _INT32:
        # The code -1 of no symbol falls on the first place of its date, which is not counted.
        keys = row * np.int32(symbols)
        keys += raw.codes[:, 0]
        keys += 1
    else:
        keys = _keys(raw, row)[:, 0]
    seen = np.zeros(dates * symbols, dtype=np.bool_)
    seen[keys] = True
    seen[::symbols] = False
    return bool(np.count_nonzero(seen) < np.count_nonzero(raw.codes >= 0))


def _first_repeat(raw: RawObservations, row: np.ndarray) -> str:
    keys = row if raw.wide else np.where(raw.codes[:, 0] >= 0, _keys(raw, row)[:, 0], -1)
    named = np.flatnonzero(keys >= 0)
    _, first, inverse = np.unique(keys[named], return_index=True, return_inverse=True)
    later = np.flatnonzero(first[inverse] != np.arange(len(named)))
    at, before = named[later[0]], named[first[inverse[later[0]]]]
    what = f"date {np.datetime_as_string(raw.dates[at, 0], unit='D')}"
    if not raw.wide:
        what += f", symbol {raw.symbols[raw.codes[at, 0]]}"
    return (
        f"{raw.origin}, {raw.row_word} {raw.rows[at, 0]}: {what} was already given in "
        f"{raw.row_word} {raw.rows[before, 0]} ({len(later)} such rows); remove one, or set "
        "data.duplicates: keep_first"
    )


def _later_repeats(raw: RawObservations, row: np.ndarray, alive: np.ndarray) -> np.ndarray:
    at, column = np.nonzero(alive)
    first = np.unique(_keys(raw, row)[at, column], return_index=True)[1]
    later = np.ones(len(at), dtype=np.bool_)
    later[first] = False
    mask = np.zeros(alive.shape, dtype=np.bool_)
    mask[at[later], column[later]] = True
    return mask


def _grid(raw: RawObservations, row: np.ndarray, alive: np.ndarray, dates: int) -> np.ndarray:
    values = np.full((dates, len(raw.symbols)), np.nan)
    if not raw.wide and bool(alive.all()):
        values[row, raw.codes[:, 0]] = raw.values[:, 0]
        return values
    codes = np.broadcast_to(raw.codes, alive.shape)
    step = max(1, _CELLS // max(1, alive.shape[1]))
    for start in range(0, len(alive), step):
        part = slice(start, start + step)
        at, column = np.nonzero(alive[part])
        values[row[part][at], codes[part][at, column]] = raw.values[part][at, column]
    return values
