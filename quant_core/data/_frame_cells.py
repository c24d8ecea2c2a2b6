"""Cells of object columns: a date, a name or a number."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

__all__ = ["as_name", "as_number", "as_stamp", "is_date"]


def is_date(cell: Any) -> bool:
    """Tell whether a cell is a date or an instant."""
    return isinstance(cell, date | np.datetime64)


def as_stamp(cell: Any) -> np.datetime64:
    """Return an instant; a naive one is UTC, an aware one is converted."""
    if not is_date(cell):
        raise TypeError("expected a date like the other cells of the column")
    if isinstance(cell, datetime) and cell.tzinfo is not None:
        cell = cell.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(cell, "us")


def as_name(cell: Any) -> str:
    """Return the text of a name; whole numbers are taken as theirs."""
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, str | int | np.integer):
        raise TypeError("expected a text")
    text = str(cell)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("expected text that UTF-8 can hold") from None
    return text


def as_number(cell: Any) -> float:
    """Return a number; text is read as one."""
    if isinstance(cell, bool | np.bool_):
        raise TypeError("expected a number")
    if isinstance(cell, str):
        return _parsed(cell.strip())
    if not isinstance(cell, int | float | np.integer | np.floating | Decimal):
        raise TypeError("expected a number")
    return float(cell)


def _parsed(text: str) -> float:
    if not text:
        return float("nan")
    try:
        # Python alone takes 1_000 and digits of other scripts for numbers.
        return float(text) if text.isascii() and "_" not in text else _refuse()
    except ValueError:
        return _refuse()


def _refuse() -> float:
    raise ValueError("expected a number")
