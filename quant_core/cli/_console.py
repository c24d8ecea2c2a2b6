"""Where output goes: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
import sys
from datetime import date, datetime
from typing import Any

from rich.console import Console

__all__ = ["plain", "print_json", "results", "status"]

_PIPE_WIDTH = 160  # a pipe has no width, and lines that a tool reads should not be folded


def results() -> Console:
    """Return the console of what was asked for."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def status() -> Console:
    """Return the console of what is going on."""
    width = None if sys.stderr.isatty() else _PIPE_WIDTH
    return Console(stderr=True, highlight=False, width=width)


def plain(value: Any) -> Any:
    """Return a value as JSON holds it: dates as ISO text, null for a figure that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    if value is None or isinstance(value, str | int):
        return value
    return str(value)


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    sys.stdout.write(json.dumps(plain(value), indent=2, allow_nan=False) + "\n")
