"""How many prices a feature reads: exponential averages too read a finite span."""

from __future__ import annotations

from math import ceil, log

__all__ = ["REMAINDER", "ema_span", "lookback", "rsi_span"]

REMAINDER = 1e-6
"""Weight that an infinite exponential average gives to what ours leaves out, at most."""


def lookback(kind: str, window: int) -> int:
    """Return the prices that a feature reads, the current one included."""
    if kind in ("return", "volatility", "momentum", "efficiency_ratio"):
        return window + 1
    if kind == "ema":
        return ema_span(window)
    if kind == "rsi":
        return rsi_span(window) + 1
    return window


def ema_span(window: int) -> int:
    """Return the least K with ``(1 - 2 / (window + 1)) ** K <= REMAINDER``."""
    return _span(2.0 / (window + 1))


def rsi_span(window: int) -> int:
    """Return the least K with ``(1 - 1 / window) ** K <= REMAINDER``, as Wilder smooths."""
    return _span(1.0 / window)


def _span(share: float) -> int:
    return 1 if share >= 1.0 else ceil(log(REMAINDER) / log(1.0 - share))
