"""What an audit found."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CHECKS", "AuditReport", "Finding", "Severity"]

Severity = Literal["note", "warn"]

CHECKS: dict[str, str] = {
    "gap": "dates without an observation between the first and the last one of a symbol",
    "late_start": "a genesis after the first date",
    "early_end": "a last observation long before the last date",
    "missing_session": "a session of the calendar without any observation",
    "not_a_session": "observations on a day that is no session of the calendar",
    "padding": "a day on which nearly every return is exactly zero",
    "stale": "a run of returns that are exactly zero",
    "split_like": "a jump by the ratio of a common split",
    "jump": "a return far outside what the symbol has shown",
    "glitch": "a jump that the next observation takes back",
    "thin_symbol": "a symbol observed on few of the dates of its life",
    "thin_day": "a day on which few of the living symbols are observed",
    "drift": "recent returns distributed otherwise than those before",
}
"""The tier-2 checks, and what each finds."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should look at.

    Parameters
    ----------
    check : str
        Name of the check, a key of `CHECKS`.
    symbol : str
        The symbol; empty where a day as a whole is meant.
    first, last : str
        First and last day, ``YYYY-MM-DD``.
    count : int
        Observations concerned, or that are missing.
    value : float or None
        The figure that was judged: the return, the share, the stability index.
    severity : {"note", "warn"}
        A note is a fact of life (a genesis); a warning wants a look.
    text : str
        What was found, in words.
    """

    check: str
    symbol: str
    first: str
    last: str
    count: int
    value: float | None
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The findings of an audit, in order of check, day and symbol.

    Parameters
    ----------
    checks : tuple of str
        Names of the checks that ran; one without findings found nothing.
    findings : tuple of Finding
        What they found.
    observations, symbols, days : int
        How much they looked at.
    """

    checks: tuple[str, ...]
    findings: tuple[Finding, ...] = field(repr=False)
    observations: int
    symbols: int
    days: int

    def of(self, *checks: str) -> tuple[Finding, ...]:
        """Return the findings of some checks."""
        return tuple(one for one in self.findings if one.check in checks)

    def counts(self) -> dict[str, int]:
        """Return the number of findings of each check that ran."""
        found = Counter(one.check for one in self.findings)
        return {name: found[name] for name in self.checks}

    @property
    def warnings(self) -> int:
        """Findings that want a look."""
        return sum(1 for one in self.findings if one.severity == "warn")

    def to_table(self) -> pa.Table:
        """Return the findings as a table."""
        import pyarrow as pa  # noqa: PLC0415 - a report is made without it

        kinds = {"count": pa.int64(), "value": pa.float64()}
        schema = pa.schema([(name, kinds.get(name, pa.string())) for name in _COLUMNS])
        return pa.Table.from_pylist([asdict(one) for one in self.findings], schema=schema)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values, for metadata, the ledger and the manifest."""
        return {
            "observations": self.observations,
            "symbols": self.symbols,
            "days": self.days,
            "warnings": self.warnings,
            "findings": self.counts(),
        }


_COLUMNS = ("check", "symbol", "first", "last", "count", "value", "severity", "text")
