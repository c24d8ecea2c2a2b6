"""How many observations an exponential average reads before the rest is negligible."""

from __future__ import annotations

from math import ceil, log

__all__ = ["REMAINDER", "ema_span", "rsi_span"]

REMAINDER = 1e-6
"""Weight that an infinite exponential average gives to the observations left out, at most."""


def ema_span(window: int) -> int:
    """Return the least K with ``(1 - 2 / (window + 1)) ** K <= REMAINDER``."""
    return _span(2.0 / (window + 1))


def rsi_span(window: int) -> int:
    """Return the least K with ``(1 - 1 / window) ** K <= REMAINDER``, as Wilder smooths."""
    return _span(1.0 / window)


def _span(share: float) -> int:
    return 1 if share >= 1.0 else ceil(log(REMAINDER) / log(1.0 - share))
