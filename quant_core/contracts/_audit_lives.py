"""Genesis, end, gaps and coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.contracts._finding import Finding
from quant_core.contracts._panel import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.contracts._audit_rules import AuditRules
    from quant_core.contracts._panel import Panel

__all__ = ["coverage", "gaps", "lives"]


def lives(panel: Panel, rules: AuditRules) -> Iterator[Finding]:
    """Yield late starts, which are valid, and series that have ended."""
    final = len(panel.days) - 1
    for place, symbol in enumerate(panel.symbols):
        first, last = int(panel.first[place]), int(panel.last[place])
        if 0 < first <= last:
            day = panel.day(first)
            text = f"{symbol} begins on {day}"
            yield Finding("late_start", symbol, day, day, first, None, "note", text)
        if 0 <= last < final:
            lag = int((panel.days[final] - panel.days[last]).astype(int))
            if lag >= rules.ended_days:
                day = panel.day(last)
                text = f"{symbol} ends on {day}, {lag} days before the last date"
                yield Finding("early_end", symbol, day, day, final - last, lag, "warn", text)


def gaps(panel: Panel, rules: AuditRules) -> Iterator[Finding]:  # noqa: ARG001 - every check takes them
    """Yield runs of dates without an observation inside a life."""
    for column, first, last in runs(panel.alive & ~panel.seen):
        symbol, count = panel.symbols[column], last - first + 1
        days = int((panel.days[last + 1] - panel.days[first - 1]).astype(int))
        text = (
            f"{symbol} has no observation on {count} dates; {days} days lie between its neighbours"
        )
        day = panel.day(first), panel.day(last)
        yield Finding("gap", symbol, *day, count, days, "warn", text)


def coverage(panel: Panel, rules: AuditRules) -> Iterator[Finding]:
    """Yield symbols and days with few observations; dates outside a life do not count."""
    alive = panel.alive
    seen = alive & panel.seen
    for place in np.flatnonzero(_share(seen, alive, 0) < rules.coverage):
        symbol, first, last = panel.symbols[place], panel.first[place], panel.last[place]
        share = float(_share(seen, alive, 0)[place])
        missing = int((alive & ~seen)[:, place].sum())
        text = f"{symbol} is observed on {share:.1%} of the dates of its life"
        day = panel.day(first), panel.day(last)
        yield Finding("thin_symbol", symbol, *day, missing, share, "warn", text)
    by_day = _share(seen, alive, 1)
    for row in np.flatnonzero(by_day < rules.coverage).tolist():
        share, missing = float(by_day[row]), int((alive & ~seen)[row].sum())
        text = f"{share:.1%} of {int(alive[row].sum())} living symbols are observed"
        yield Finding("thin_day", "", panel.day(row), panel.day(row), missing, share, "warn", text)


def _share(seen: np.ndarray, alive: np.ndarray, axis: int) -> np.ndarray:
    whole = alive.sum(axis=axis)
    share: np.ndarray = np.where(whole > 0, seen.sum(axis=axis) / np.maximum(whole, 1), 1.0)
    return share
