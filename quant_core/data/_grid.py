"""The grid of dates by symbols on its way from observations to returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from quant_core.contracts import ContractReport, Notice, Reason, out_of_range, past_one
from quant_core.data._filter import filter_observations
from quant_core.data._log import Log
from quant_core.data._matrix import ReturnsMatrix
from quant_core.data._returns import spanned_returns
from quant_core.data._sessions import missing_sessions

if TYPE_CHECKING:
    from quant_core.calendars import Calendar
    from quant_core.data._observations import RawObservations

__all__ = ["ReturnsGrid"]

_BLOCK = 64


@dataclass(slots=True)
class ReturnsGrid:
    """Values on a grid, turned from prices to returns in place, with the books of it.

    Parameters
    ----------
    raw : RawObservations
        What the grid was made from.
    dates : numpy.ndarray of datetime64[us], shape (T,)
        Strictly increasing.
    values : numpy.ndarray of float64, shape (T, n)
        Overwritten block by block.
    held : numpy.ndarray of bool, shape (T, n)
        Observations that no rule has dropped.
    dropped, reported : Log
        What was dropped, and what was kept and noticed.
    first : int
        First row of the result; the rows before it are there to look back.
    lost : dict of str to str
        Symbols that leave the result, with the reason.
    prices : numpy.ndarray of float64, shape (T, n), or None
        The prices that no rule has dropped, where they are wanted and the source has them.
    """

    raw: RawObservations
    dates: np.ndarray
    values: np.ndarray
    held: np.ndarray
    dropped: Log
    reported: Log
    first: int = 0
    lost: dict[str, str] = field(default_factory=dict)
    prices: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        raw: RawObservations,
        *,
        keep_first: bool,
        since: np.datetime64 | None = None,
        prices: bool = False,
        calendar: Calendar | None = None,
    ) -> Self:
        """Lay observations on a grid; those before ``since`` are looked back at, not counted."""
        dropped = Log(raw, since)
        dates, values = filter_observations(raw, dropped, keep_first=keep_first, calendar=calendar)
        first = 0 if since is None else int(np.searchsorted(dates, since))
        kept = np.empty_like(values) if prices and raw.kind == "prices" else None
        log, held = Log(raw, since), ~np.isnan(values)
        log.note(Notice.MISSING_SESSION, missing_sessions(dates, calendar, since))
        return cls(raw, dates, values, held, dropped, log, first, prices=kept)

    @property
    def whole(self) -> bool:
        """Whether the grid is all there is, so that a symbol can be judged as a whole."""
        return self.dropped.since is None

    def to_returns(self, max_gap_days: int) -> None:
        """Turn the values into returns and hold them to the range, a block of symbols at a time."""
        for start in range(0, len(self.raw.symbols), _BLOCK):
            self._block(slice(start, start + _BLOCK), max_gap_days)

    def _block(self, columns: slice, max_gap_days: int) -> None:
        found, held = self.values[:, columns].copy(), self.held[:, columns]
        code = columns.start
        self._ends(code, found, held)
        returns = found
        if self.raw.kind == "prices" and len(found):
            returns, anew = spanned_returns(self.dates, found, max_gap_days)
            self._log(self.reported, Notice.GAP_RESTART, code, anew, found)
        wrong = out_of_range(returns)
        self._log(self.reported, Notice.RETURN_PAST_ONE, code, past_one(returns), returns)
        self._drop(Reason.RETURN_OUT_OF_RANGE, code, wrong, found)
        self.values[:, columns] = np.where(wrong, np.nan, returns)
        if self.whole:
            self._lose(code, found, held)
        if self.prices is not None:
            self.prices[:, columns] = np.where(held, found, np.nan)

    def _lose(self, code: int, found: np.ndarray, held: np.ndarray) -> None:
        unseen = np.isnan(found).all(axis=0)
        silent = np.isnan(self.values[:, code : code + found.shape[1]]).all(axis=0)
        for place in np.flatnonzero(silent):
            reason = Reason.ALL_MISSING_SYMBOL if unseen[place] else Reason.NO_RETURN
            self.lost[self.raw.symbols[code + place]] = reason
            if unseen[place]:
                self.dropped.mention(reason, code + int(place))
        self._drop(Reason.NO_RETURN, code, held & silent, found)

    def _ends(self, code: int, found: np.ndarray, held: np.ndarray) -> None:
        """Report gaps inside the life of a symbol, and lives shorter than the grid."""
        if not len(held):
            return
        seen = held.any(axis=0)
        first = held.argmax(axis=0)
        last = len(held) - 1 - held[::-1].argmax(axis=0)
        inside = (last + 1 - np.maximum(first, self.first)).clip(min=0)
        gaps = np.where(seen, inside - held[self.first :].sum(axis=0), 0)
        self.reported.counts[Notice.INNER_GAP] += int(gaps.sum())
        if self.whole:
            row = np.arange(len(held)).reshape(-1, 1)
            late = seen & (first > 0) & (row == first)
            early = seen & (last < len(held) - 1) & (row == last)
            self._log(self.reported, Notice.LATE_START, code, late, found)
            self._log(self.reported, Notice.EARLY_END, code, early, found)

    def _drop(self, reason: Reason, code: int, mask: np.ndarray, found: np.ndarray) -> None:
        if not mask.any():
            return
        self._log(self.dropped, reason, code, mask, found)
        self.held[:, code : code + found.shape[1]][mask] = False

    def _log(self, log: Log, name: str, code: int, mask: np.ndarray, values: np.ndarray) -> None:
        if mask.any():
            at, place = np.nonzero(mask)
            log.add(name, self.dates[at], code + place, values[at, place])

    def matrix(self) -> tuple[ReturnsMatrix, np.ndarray | None]:
        """Return the rows with an observation and the columns with a return, and their prices."""
        values, held = self.values[self.first :], self.held[self.first :]
        columns = ~np.isnan(values).all(axis=0)
        rows = held.any(axis=1)
        symbols = tuple(name for name, kept in zip(self.raw.symbols, columns, strict=True) if kept)
        prices = None if self.prices is None else self.prices[self.first :][np.ix_(rows, columns)]
        if not (columns.all() and rows.all()):
            values = values[np.ix_(rows, columns)]
        return ReturnsMatrix(self.dates[self.first :][rows], symbols, values), prices

    def report(self) -> ContractReport:
        """Return the books."""
        since = self.dropped.since
        rows = slice(None) if since is None else self.raw.dates[:, 0] >= since
        return ContractReport(
            rows_in=int(self.raw.present()[rows].sum()),
            kept=int(self.held[self.first :].sum()),
            dropped=self.dropped.counts,
            reported=self.reported.counts | {Reason.ALL_MISSING_SYMBOL.value: self._all_missing()},
            symbols_dropped=self.lost,
        )

    def _all_missing(self) -> int:
        return sum(1 for why in self.lost.values() if why == Reason.ALL_MISSING_SYMBOL)
