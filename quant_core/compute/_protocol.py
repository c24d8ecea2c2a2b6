"""Mapping pure functions over units of work, wherever they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

__all__ = ["Compute"]


class Compute(Protocol):
    """A backend that maps a pure function over units with shared read-only arrays."""

    @property
    def name(self) -> str:
        """Name of the backend, as the command line and the records spell it."""
        ...

    @property
    def workers(self) -> int:
        """How many units run at the same time."""
        ...

    def map[U, R](
        self,
        function: Callable[[U, Mapping[str, np.ndarray]], R],
        units: Sequence[U],
        *,
        shared: Mapping[str, np.ndarray],
        seconds_per_unit: float = 0.1,
    ) -> Iterator[tuple[int, R]]:
        """Yield ``(number of the unit, result)`` as results arrive, in any order.

        Parameters
        ----------
        function : callable
            A module-level function of ``(unit, shared)`` without side effects other than writing
            the unit's own partition. It sees the arrays of ``shared`` read-only.
        units : sequence
            Small descriptions of work.
        shared : mapping of str to numpy.ndarray
            Large arrays, handed to the backend once whatever the number of units.
        seconds_per_unit : float
            Estimate used to batch units into tasks of at least 100 ms.
        """
        ...

    def close(self) -> None:
        """Release what the backend holds; nothing of ours is left running."""
        ...
