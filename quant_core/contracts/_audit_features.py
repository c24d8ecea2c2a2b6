"""Drift of features against their history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.contracts._audit_rules import AuditRules
from quant_core.contracts._drift import kolmogorov_smirnov, population_stability
from quant_core.contracts._finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quant_core.contracts._finding import Severity

__all__ = ["feature_drift"]


def feature_drift(
    name: str, months: Iterable[tuple[np.ndarray, np.ndarray]], *, rules: AuditRules | None = None
) -> Finding | None:
    """Compare the recent values of a feature, over all symbols, with those before.

    A feature over many days is alike from one to the next, and so many values are pooled that the
    smallest shift is significant: the stability index alone decides, the Kolmogorov-Smirnov
    distance is told.

    Parameters
    ----------
    name : str
        The feature.
    months : iterable of (dates, values)
        Dates and values of its rows, in time order, each of shape (rows,); NaN is missing. They
        are gone through once.
    rules : AuditRules, optional
        ``recent`` dates are compared; an index above ``stability`` is a warning, else a note.

    Returns
    -------
    Finding or None
        With the feature in place of a symbol; None if there are fewer dates before than recent.
    """
    chosen = rules or AuditRules()
    parts = [(dates.astype("M8[D]"), values) for dates, values in months if len(dates)]
    if not parts:
        return None
    dates, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    there = np.isfinite(values)
    dates, values = dates[there], values[there]
    days = np.unique(dates)
    if len(days) < 2 * chosen.recent:
        return None
    late = dates >= days[-chosen.recent]
    stability = population_stability(values[~late], values[late])
    distance = kolmogorov_smirnov(values[~late], values[late])[0]
    text = (
        f"{name}: stability index {stability:.2f}, Kolmogorov-Smirnov distance {distance:.2f} "
        f"against {int((~late).sum())} values before"
    )
    ends = str(days[-chosen.recent]), str(days[-1])
    severity: Severity = "warn" if stability > chosen.stability else "note"
    return Finding("drift", name, *ends, int(late.sum()), stability, severity, text)
