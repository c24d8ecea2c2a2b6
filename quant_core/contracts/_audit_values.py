"""Stale prices, jumps and drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.contracts._drift import kolmogorov_smirnov, population_stability
from quant_core.contracts._finding import Finding
from quant_core.contracts._panel import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.contracts._audit_rules import AuditRules
    from quant_core.contracts._panel import Panel

__all__ = ["drift", "jumps", "stale"]

_SPLITS = np.array([2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0])
_MAD_OF_NORMAL = 1.4826
_FEWEST = 20


def stale(panel: Panel, rules: AuditRules) -> Iterator[Finding]:
    """Yield runs of returns that are exactly zero."""
    for column, first, last in runs(panel.values == 0):
        count = last - first + 1
        if count >= rules.stale:
            symbol = panel.symbols[column]
            text = f"{symbol} does not move on {count} dates in a row"
            day = panel.day(first), panel.day(last)
            yield Finding("stale", symbol, *day, count, None, "warn", text)


def jumps(panel: Panel, rules: AuditRules) -> Iterator[Finding]:
    """Yield returns far outside what a symbol has shown, and name those that look like splits."""
    logs = np.log1p(np.where(panel.values > -1.0, panel.values, np.nan))
    spread = _spread(logs)
    far = (np.abs(logs) >= rules.jump) & (np.abs(logs) > rules.sigmas * spread)
    taken: set[tuple[int, int]] = set()
    for row, column in np.argwhere(far).tolist():
        if (row, column) in taken:
            continue
        after = _next(logs, row, column)
        size = float(logs[row, column])
        back = after is not None and float(logs[after, column]) / size <= -rules.taken_back
        if back and after is not None:
            taken.add((after, column))
        check = "glitch" if back else "split_like" if _is_split(size, rules) else "jump"
        yield _jump(panel, check, row, column, after if back else None)


def _jump(panel: Panel, check: str, row: int, column: int, after: int | None) -> Finding:
    symbol, value, day = panel.symbols[column], float(panel.values[row, column]), panel.day(row)
    text = f"{symbol} moves by {value:+.1%} on {day}"
    if check == "split_like":
        ratio = _SPLITS[_distance(np.log1p(value)).argmin()]
        text += f", the ratio of a split {ratio:g} to 1"
    last = day
    if after is not None:
        last = panel.day(after)
        text += f", and by {float(panel.values[after, column]):+.1%} on {last}"
    return Finding(check, symbol, day, last, 1 if after is None else 2, value, "warn", text)


def _spread(logs: np.ndarray) -> np.ndarray:
    """Return the robust standard deviation of each column; 0 where there are few returns."""
    found = np.zeros(logs.shape[1])
    for column in range(logs.shape[1]):
        there = logs[:, column][~np.isnan(logs[:, column])]
        if len(there) >= _FEWEST:
            found[column] = _MAD_OF_NORMAL * np.median(np.abs(there - np.median(there)))
    return found


def _next(logs: np.ndarray, row: int, column: int) -> int | None:
    later = np.flatnonzero(~np.isnan(logs[row + 1 :, column]))
    return row + 1 + int(later[0]) if len(later) else None


def _distance(size: float) -> np.ndarray:
    distance: np.ndarray = np.abs(np.log(_SPLITS) - abs(size))
    return distance


def _is_split(size: float, rules: AuditRules) -> bool:
    return bool(_distance(size).min() <= rules.split_tolerance)


def drift(panel: Panel, rules: AuditRules) -> Iterator[Finding]:
    """Yield symbols whose recent returns are distributed otherwise than those before."""
    border = len(panel.days) - rules.recent
    if border <= 0:
        return
    level = rules.significance / max(len(panel.symbols), 1)
    for place, symbol in enumerate(panel.symbols):
        history, recent = (_there(part[:, place]) for part in np.split(panel.values, [border]))
        if len(history) < rules.recent or len(recent) < _FEWEST:
            continue
        stability = population_stability(history, recent)
        distance, chance = kolmogorov_smirnov(history, recent)
        if stability > rules.stability and chance < level:
            text = (
                f"{symbol}: stability index {stability:.2f}, Kolmogorov-Smirnov distance "
                f"{distance:.2f} (p = {chance:.1e}) against {len(history)} returns before"
            )
            day = panel.day(border), panel.day(-1)
            yield Finding("drift", symbol, *day, len(recent), stability, "warn", text)


def _there(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]
