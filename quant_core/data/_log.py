"""The log of what the contract dropped or noticed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from quant_core.data._matrix import DATE_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.data._observations import RawObservations

__all__ = ["LOG_SCHEMA", "Log"]

_NAME = pa.dictionary(pa.int32(), pa.string())
LOG_SCHEMA = pa.schema(
    [
        ("date", DATE_TYPE),
        ("symbol", _NAME),
        ("value", pa.string()),
        ("column", _NAME),
        ("reason", _NAME),
    ]
)


@dataclass(slots=True)
class Log:
    """Rows of one log table, gathered as arrays.

    Parameters
    ----------
    raw : RawObservations
        What the entries are about.
    since : numpy.datetime64 or None
        Entries before this instant are not logged.
    """

    raw: RawObservations
    since: np.datetime64 | None = None
    counts: Counter[str] = field(default_factory=Counter)
    _parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, str]] = field(default_factory=list)

    def add(self, reason: str, dates: np.ndarray, codes: np.ndarray, values: np.ndarray) -> None:
        """Log and count entries of one reason."""
        if self.since is not None:
            late = dates >= self.since
            dates, codes, values = dates[late], codes[late], values[late]
        if len(dates):
            self.counts[reason] += len(dates)
            self._parts.append((dates, codes, values, reason))

    def mention(self, reason: str, code: int) -> None:
        """Log a symbol as a whole, without a date and without counting an observation."""
        none = np.full(1, np.datetime64("NaT", "us"), dtype="datetime64[us]")
        self._parts.append((none, np.array([code]), np.array([np.nan]), reason))

    def note(self, reason: str, dates: np.ndarray) -> None:
        """Log and count dates as a whole, of no symbol, also before ``since``."""
        if len(dates):
            self.counts[reason] += len(dates)
            nobody = np.full(len(dates), -1)
            self._parts.append((dates, nobody, np.full(len(dates), np.nan), reason))

    def table(self) -> pa.Table:
        """Return the log: date, symbol, value as text, column, reason; sorted by these."""
        parts = self._parts
        if not parts:
            return LOG_SCHEMA.empty_table()
        dates = np.concatenate([part[0] for part in parts])
        codes = np.concatenate([part[1] for part in parts]).astype(np.int64)
        values = np.concatenate([part[2] for part in parts])
        reasons = sorted({part[3] for part in parts})
        reason = np.concatenate([np.full(len(part[0]), reasons.index(part[3])) for part in parts])
        order = np.lexsort((values, reason, codes, dates))
        dates, codes, reason = dates[order], codes[order], reason[order]
        symbol = _names(codes, self.raw.symbols)
        named = self.raw.value_column
        column = _names(np.zeros(len(codes)), [named]) if named else symbol
        texts = pa.array([_text(value) for value in values[order].tolist()], pa.string())
        stamps = pa.array(dates, pa.timestamp("us")).cast(DATE_TYPE)
        columns = [stamps, symbol, texts, column, _names(reason, reasons)]
        return pa.table(columns, schema=LOG_SCHEMA)


def _names(codes: np.ndarray, names: Sequence[str]) -> pa.DictionaryArray[Any, Any]:
    present = np.unique(codes[codes >= 0]).astype(np.int64)
    place = np.full(len(names) + 1, -1, dtype=np.int32)
    place[present] = np.arange(len(present), dtype=np.int32)
    indices = place[codes.astype(np.int64)]
    found = pa.array([names[code] for code in present], pa.string())
    # pyarrow's annotations take the mask for the type of the array.
    codes_or_null: Any = pa.array(indices, mask=indices < 0)
    return pa.DictionaryArray.from_arrays(codes_or_null, found)


def _text(value: float) -> str | None:
    if np.isnan(value):
        return None
    return repr(value).removesuffix(".0")
