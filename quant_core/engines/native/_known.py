"""What one profile found out about a covariance, for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

__all__ = ["once"]


def once[T](
    known: dict[Any, Any] | None, name: tuple[str, ...], matrix: np.ndarray, find: Callable[[], T]
) -> T:
    """Return what a search of this name found for this very matrix, searching if none did.

    Parameters
    ----------
    known : dict, optional
        What was found before; None to search in any case.
    name : tuple of str
        What is searched, and all that it reads beside the matrix.
    matrix : numpy.ndarray, shape (n, n)
        Covariance, not changed in place since.
    find : callable
        The search; what it returns is a function of what it reads.
    """
    if known is None:
        return find()
    if name not in known or known[name][0] is not matrix:
        known[name] = matrix, find()
    found: T = known[name][1]
    return found
