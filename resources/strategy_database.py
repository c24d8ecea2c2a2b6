"""The strategy database: what runners are told to serve, and what they say they serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.live import Served, StrategyRow

__all__ = ["StrategyDatabase"]


class StrategyDatabase:
    """Rows of strategies in SQLite or PostgreSQL.

    Parameters
    ----------
    url : str
        ``sqlite:///path/to/file.db``, a path, or ``postgresql+psycopg2://user:password@host/name``.
    """

    def __init__(self, url: str) -> None:
        raise NotImplementedError

    def revision(self) -> int:
        """Return a number that grows with every change of a row."""
        raise NotImplementedError

    def rows(self) -> list[StrategyRow]:
        """Return every row, by name."""
        raise NotImplementedError

    def put(self, row: StrategyRow, *, by: str, expected: int | None = None) -> int:
        """Write a row and return the revision that it is."""
        raise NotImplementedError

    def disable(self, name: str, *, by: str) -> int:
        """Keep a row and serve it no longer."""
        raise NotImplementedError

    def history(self, name: str) -> list[Any]:
        """Return every version of a row, oldest first."""
        raise NotImplementedError

    def report(self, runner: str, served: Sequence[Served]) -> None:
        """Record what a runner serves now, in place of its last report."""
        raise NotImplementedError

    def served(self, runner: str | None = None) -> list[Any]:
        """Return what runners last said they serve."""
        raise NotImplementedError
