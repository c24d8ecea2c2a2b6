"""Tier 2: what the rules on single observations cannot see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from quant_core.contracts._audit_lives import coverage, gaps, lives
from quant_core.contracts._audit_rules import AuditRules
from quant_core.contracts._audit_sessions import padding, sessions_held
from quant_core.contracts._audit_values import drift, jumps, stale
from quant_core.contracts._finding import CHECKS, AuditReport
from quant_core.contracts._panel import Panel
from quant_core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.calendars import Calendar

__all__ = ["Matrix", "audit"]


class Matrix(Protocol):
    """Returns of symbols over dates; `ReturnsMatrix` is one."""

    @property
    def dates(self) -> np.ndarray: ...
    @property
    def symbols(self) -> tuple[str, ...]: ...
    @property
    def values(self) -> np.ndarray: ...


def audit(
    matrix: Matrix,
    calendar: Calendar | np.ndarray | None = None,
    *,
    prices: np.ndarray | None = None,
    rules: AuditRules | None = None,
    checks: Sequence[str] | None = None,
) -> AuditReport:
    """Look over a returns matrix for what no single observation shows.

    Parameters
    ----------
    matrix : ReturnsMatrix
        Returns, or any matrix with ``dates``, ``symbols`` and ``values``.
    calendar : Calendar or numpy.ndarray of datetime64, optional
        Sessions of the universe. Without it, or with a calendar that does not judge, every date
        that is there is a session, and no other.
    prices : numpy.ndarray of float64, shape of the matrix, optional
        Observed prices: with them a first price, which has no return, counts as an observation.
    rules : AuditRules, optional
        Thresholds.
    checks : sequence of str, optional
        Names of the checks to report; all of `CHECKS`.

    Returns
    -------
    AuditReport
        Findings in order of check, day and symbol. Nothing is changed or dropped.

    Raises
    ------
    ContractError
        If the prices have another shape than the matrix, or there is no such check.
    """
    wanted = tuple(CHECKS if checks is None else checks)
    unknown = [name for name in wanted if name not in CHECKS]
    if unknown:
        raise ContractError(f"audit: no check {unknown[0]!r}; expected one of {', '.join(CHECKS)}")
    panel = Panel.of(matrix, prices, _sessions(matrix, calendar))
    chosen = rules or AuditRules()
    parts = [part for part, names in _PARTS if not names.isdisjoint(wanted)]
    found = [one for part in parts for one in part(panel, chosen) if one.check in wanted]
    order = {name: number for number, name in enumerate(CHECKS)}
    found.sort(key=lambda one: (order[one.check], one.first, one.symbol))
    return AuditReport(
        checks=wanted,
        findings=tuple(found),
        observations=int(panel.seen.sum()),
        symbols=len(panel.symbols),
        days=len(panel.days),
    )


def _sessions(matrix: Matrix, calendar: Calendar | np.ndarray | None) -> np.ndarray | None:
    if calendar is None or not len(matrix.dates):
        return None
    days = matrix.dates.astype("datetime64[D]")
    if isinstance(calendar, np.ndarray):
        sessions: np.ndarray = np.unique(calendar.astype("datetime64[D]"))
        between: np.ndarray = sessions[(sessions >= days[0]) & (sessions <= days[-1])]
        return between
    if not calendar.judges:
        return None
    held: np.ndarray = calendar.sessions(days[0], days[-1]).astype("datetime64[D]")
    return held


_PARTS = (
    (lives, frozenset({"late_start", "early_end"})),
    (gaps, frozenset({"gap"})),
    (sessions_held, frozenset({"missing_session", "not_a_session"})),
    (padding, frozenset({"padding"})),
    (stale, frozenset({"stale"})),
    (jumps, frozenset({"split_like", "jump", "glitch"})),
    (coverage, frozenset({"thin_symbol", "thin_day"})),
    (drift, frozenset({"drift"})),
)
