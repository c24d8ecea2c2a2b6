"""Tier 2 as a pandera schema: each check of an audit is one check of the schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.contracts._audit import audit
from quant_core.contracts._finding import CHECKS
from quant_core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from quant_core.calendars import Calendar
    from quant_core.contracts._audit_rules import AuditRules
    from quant_core.contracts._finding import Finding
    from quant_core.contracts._levels import Level

__all__ = ["audit_schema"]


@dataclass(frozen=True, slots=True)
class _Wide:
    dates: np.ndarray
    symbols: tuple[str, ...]
    values: np.ndarray


def audit_schema(
    level: Level, calendar: Calendar | np.ndarray | None, rules: AuditRules | None
) -> Any:
    """Return the schema whose checks are those of `audit`; a note breaks none of them."""
    import pandera.pandas as pa

    if level != "returns":
        raise ContractError(
            f"schema {level!r}, tier 2: expected 'returns', which an audit looks over; turn prices "
            "into returns by quant_core.data.ingest"
        )
    checks = [
        pa.Check(_check(name, calendar, rules), name=name, error=name, ignore_na=False)
        for name in CHECKS
    ]
    return pa.DataFrameSchema({"date": pa.Column(None)}, checks=checks)


def _check(
    name: str, calendar: Calendar | np.ndarray | None, rules: AuditRules | None
) -> Callable[[pd.DataFrame], Any]:
    def holds(frame: pd.DataFrame) -> Any:
        wide = _wide(frame)
        report = audit(wide, calendar, rules=rules, checks=[name])
        found = [one for one in report.findings if one.severity == "warn"]
        if not found:
            return True
        good = np.ones(frame.shape, dtype=np.bool_)
        for one in found:
            good[_cell(wide, frame, one)] = False
        return type(frame)(good, index=frame.index, columns=frame.columns)

    holds.__name__ = name
    return holds


def _wide(frame: pd.DataFrame) -> _Wide:
    symbols = [name for name in frame if name != "date"]
    days = frame["date"].to_numpy(dtype="datetime64[ns]").astype("datetime64[D]")
    return _Wide(days, tuple(map(str, symbols)), frame[symbols].to_numpy(np.float64))


def _cell(wide: _Wide, frame: pd.DataFrame, found: Finding) -> tuple[int, int]:
    """Return the cell that stands for a finding.

    A session that is missing has no row, so that the one after it stands for it. pandera leaves
    cells out that are NaN, so that the first return after a gap stands for the gap.
    """
    row = int(np.searchsorted(wide.dates, np.datetime64(found.first)))
    names = [str(name) for name in frame]
    if not found.symbol:
        return row, names.index("date")
    column = names.index(found.symbol)
    there = frame.iloc[row:, column].notna().to_numpy()
    return row + int(there.argmax()), column
