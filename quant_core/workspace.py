"""Buffers for hot loops: made once a thread, used again by every unit of work."""

from __future__ import annotations

import math
import threading

import numpy as np

__all__ = ["Workspace", "workspace"]

_LIMIT = 32 * 2**20


class Workspace:
    """Named buffers of floats that grow to the largest size asked for, and stay.

    A large array that is made and freed again and again goes back to the system each time, and
    comes back page by page: that costs more than the arithmetic on it.

    Parameters
    ----------
    limit : int
        Bytes of a buffer beyond which it is made anew for each use, so that a worker does not hold
        on to what it needed once.

    Examples
    --------
    >>> buffers = Workspace()
    >>> buffers.array("weights", (2, 3)).shape
    (2, 3)
    >>> buffers.array("weights", (3, 2)).base is buffers.array("weights", (2, 3)).base
    True
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._buffers: dict[str, np.ndarray] = {}

    @property
    def bytes(self) -> int:
        """Bytes of all buffers."""
        return sum(buffer.nbytes for buffer in self._buffers.values())

    def array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array of float64 whose content is arbitrary.

        Parameters
        ----------
        name : str
            Name of the buffer; the array is valid until the name is asked for again.
        shape : tuple of int
            Its shape; it is C-ordered.
        """
        size = math.prod(shape)
        if 8 * size > self._limit:
            return np.empty(shape)
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < size:
            buffer = self._buffers[name] = np.empty(size)
        return buffer[:size].reshape(shape)

    def columns(self, name: str, matrix: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return some columns of a matrix, C-ordered; the matrix itself where it is all of them.

        Parameters
        ----------
        name : str
            Name of the buffer, as in `array`.
        matrix : numpy.ndarray of float64, shape (rows, n)
            The matrix.
        chosen : numpy.ndarray of int64, shape (k,)
            Columns, ascending, each once.
        """
        if len(chosen) == matrix.shape[1] and matrix.flags.c_contiguous:
            return matrix
        found = self.array(name, (len(matrix), len(chosen)))
        # Unlike the default, this mode writes to the buffer without one of its own.
        np.take(matrix, chosen, axis=1, out=found, mode="clip")
        return found

    def clear(self) -> None:
        """Give the buffers back."""
        self._buffers.clear()


_OF_THREAD = threading.local()


def workspace() -> Workspace:
    """Return the workspace of this thread."""
    found: Workspace | None = getattr(_OF_THREAD, "workspace", None)
    if found is None:
        found = _OF_THREAD.workspace = Workspace()
    return found
