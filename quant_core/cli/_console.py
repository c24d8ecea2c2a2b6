"""Where output goes: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import logging
import math
import sys
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.logging import RichHandler

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["logged", "plain", "print_json", "results", "status"]

_PIPE_WIDTH = 160  # a pipe has no width, and lines that a tool reads should not be folded


def results() -> Console:
    """Return the console of what was asked for."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def status() -> Console:
    """Return the console of what is going on."""
    width = None if sys.stderr.isatty() else _PIPE_WIDTH
    return Console(stderr=True, highlight=False, width=width)


@contextmanager
def logged(console: Console) -> Iterator[None]:
    """Print what the tournament logs, as much as the settings say, inside a ``with`` block."""
    from quant_core.context import current_settings  # noqa: PLC0415 - most commands need none

    logger = logging.getLogger("quant_core.tournament")
    handler, before = RichHandler(console=console, show_path=False), logger.level
    logger.addHandler(handler)
    logger.setLevel(current_settings().log_level.upper())
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


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
