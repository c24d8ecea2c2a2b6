"""The backend that needs nothing: one unit after the other, in this process."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from quant_core.compute._unit import running_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

__all__ = ["SerialCompute"]


class SerialCompute:
    """Run units in order, in this process.

    BLAS is held to one thread, as it is in a worker of any other backend: the number of threads
    may change the last bit of a product, and results are equal to the byte.
    """

    name = "serial"
    workers = 1

    def map[U, R](
        self,
        function: Callable[[U, Mapping[str, np.ndarray]], R],
        units: Sequence[U],
        *,
        shared: Mapping[str, np.ndarray],
        seconds_per_unit: float = 0.1,  # noqa: ARG002 - batching has no meaning here
    ) -> Iterator[tuple[int, R]]:
        """Yield ``(number of the unit, result)`` in the order of the units."""
        if units:
            # The limit holds for what is loaded when it is set; SciPy brings a BLAS of its own.
            import_module("scipy.linalg")
        for number, unit in enumerate(units):
            with threadpool_limits(1), running_unit():
                result = function(unit, shared)
            yield number, result

    def close(self) -> None:
        """Release nothing: the backend holds nothing."""
