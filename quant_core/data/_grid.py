"""The grid of dates by symbols on its way from observations to returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from quant_core.contracts import ContractReport, Notice, Reason, out_of_range, past_one
from quant_core.data._filter import filter_observations
from quant_core.data._log import Log
from quant_core.data._matrix import ReturnsMatrix
from quant_core.data._returns import column_returns

if TYPE_CHECKING:
    from quant_core.data._observations import RawObservations

__all__ = ["ReturnsGrid"]


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
        Overwritten column by column.
    held : numpy.ndarray of bool, shape (T, n)
        Observations that no rule has dropped.
    dropped, reported : Log
        What was dropped, and what was kept and noticed.
    first : int
        First row of the result; the rows before it are there to look back.
    lost : dict of str to str
        Symbols that leave the result, with the reason.
    """

    raw: RawObservations
    dates: np.ndarray
    values: np.ndarray
    held: np.ndarray
    dropped: Log
    reported: Log
    first: int = 0
    lost: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, raw: RawObservations, *, keep_first: bool, since: np.datetime64 | None = None
    ) -> Self:
        """Lay observations on a grid; those before ``since`` are looked back at, not counted."""
        dropped = Log(raw, since)
        dates, values = filter_observations(raw, dropped, keep_first=keep_first)
        first = 0 if since is None else int(np.searchsorted(dates, since))
        return cls(raw, dates, values, ~np.isnan(values), dropped, Log(raw, since), first)

    @property
    def whole(self) -> bool:
        """Whether the grid is all there is, so that a symbol can be judged as a whole."""
        return self.dropped.since is None

    def to_returns(self, max_gap_days: int) -> None:
        """Turn every column into returns and hold them to the range."""
        for code, symbol in enumerate(self.raw.symbols):
            at = np.flatnonzero(self.held[:, code])
            if len(at):
                self._column(code, at, max_gap_days)
            elif self.whole:
                self.lost[symbol] = Reason.ALL_MISSING_SYMBOL
                self.dropped.mention(Reason.ALL_MISSING_SYMBOL, code)

    def _column(self, code: int, at: np.ndarray, max_gap_days: int) -> None:
        found = self.values[at, code]
        returns = found
        if self.raw.kind == "prices":
            returns = column_returns(self.dates, self.values[:, code], at, max_gap_days)
            anew = np.flatnonzero(np.isnan(returns[1:])) + 1
            self._log(self.reported, Notice.GAP_RESTART, code, at[anew], found[anew])
        wrong = out_of_range(returns)
        returns = np.where(wrong, np.nan, returns)
        self._drop(Reason.RETURN_OUT_OF_RANGE, code, at[wrong], found[wrong])
        if self.whole and bool(np.isnan(returns).all()):
            self.lost[self.raw.symbols[code]] = Reason.NO_RETURN
            self._drop(Reason.NO_RETURN, code, at[~wrong], found[~wrong])
        self.values[at, code] = returns
        self._notice(code, at, returns)

    def _notice(self, code: int, at: np.ndarray, returns: np.ndarray) -> None:
        high = past_one(returns)
        self._log(self.reported, Notice.RETURN_PAST_ONE, code, at[high], returns[high])
        gaps = at[-1] + 1 - max(at[0], self.first) - int((at >= self.first).sum())
        self.reported.counts[Notice.INNER_GAP] += max(int(gaps), 0)
        if self.whole and at[0] > 0:
            self._log(self.reported, Notice.LATE_START, code, at[:1], returns[:1])
        if self.whole and at[-1] < len(self.dates) - 1:
            self._log(self.reported, Notice.EARLY_END, code, at[-1:], returns[-1:])

    def _drop(self, reason: Reason, code: int, at: np.ndarray, values: np.ndarray) -> None:
        self._log(self.dropped, reason, code, at, values)
        self.held[at, code] = False

    def _log(self, log: Log, name: str, code: int, at: np.ndarray, values: np.ndarray) -> None:
        if len(at):
            log.add(name, self.dates[at], np.full(len(at), code), values)

    def matrix(self) -> ReturnsMatrix:
        """Return the rows with an observation and the columns with a return."""
        values, held = self.values[self.first :], self.held[self.first :]
        columns = ~np.isnan(values).all(axis=0)
        rows = held.any(axis=1)
        symbols = tuple(name for name, kept in zip(self.raw.symbols, columns, strict=True) if kept)
        if not (columns.all() and rows.all()):
            values = values[np.ix_(rows, columns)]
        return ReturnsMatrix(self.dates[self.first :][rows], symbols, values)

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
