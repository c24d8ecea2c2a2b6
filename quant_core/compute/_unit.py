"""Whether a unit of work is running here."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["running_unit", "unit_runs"]

_RUNS: ContextVar[bool] = ContextVar("unit_runs", default=False)


@contextmanager
def running_unit() -> Iterator[None]:
    """Say that what is called inside belongs to a unit; every backend does around its units."""
    token = _RUNS.set(True)
    try:
        yield
    finally:
        _RUNS.reset(token)


def unit_runs() -> bool:
    """Return whether the caller is inside a unit: what costs time per call is left out there."""
    return _RUNS.get()
