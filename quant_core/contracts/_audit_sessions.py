"""Days against the calendar, and days that were padded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.contracts._finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.contracts._audit_rules import AuditRules
    from quant_core.contracts._panel import Panel

__all__ = ["padding", "sessions_held"]

_FEWEST = 2
_SATURDAY = 5


def sessions_held(panel: Panel, rules: AuditRules) -> Iterator[Finding]:  # noqa: ARG001 - every check takes them
    """Yield sessions without a row, and rows without a session."""
    if panel.sessions is None:
        return
    for day in np.setdiff1d(panel.sessions, panel.days):
        text = f"{day} is a session, and nothing is observed"
        yield Finding(
            "missing_session", "", str(day), str(day), len(panel.symbols), None, "warn", text
        )
    for row in np.flatnonzero(~np.isin(panel.days, panel.sessions)).tolist():
        day, count = panel.day(row), int(panel.seen[row].sum())
        text = f"{day} is no session, and {count} symbols are observed"
        yield Finding("not_a_session", "", day, day, count, None, "warn", text)


def padding(panel: Panel, rules: AuditRules) -> Iterator[Finding]:
    """Yield days on which nearly all returns are exactly zero: filled, not traded."""
    there = ~np.isnan(panel.values)
    count = there.sum(axis=1)
    zero = (panel.values == 0).sum(axis=1)
    padded = (count >= _FEWEST) & (zero >= rules.padded * count)
    for row in np.flatnonzero(padded).tolist():
        day, share = panel.day(row), float(zero[row] / count[row])
        weekday = int((panel.days[row].astype(int) + 3) % 7)
        kind = "a day of a weekend" if weekday >= _SATURDAY else "a weekday"
        text = f"{day}, {kind}: {int(zero[row])} of {int(count[row])} returns are exactly zero"
        yield Finding("padding", "", day, day, int(zero[row]), share, "warn", text)
