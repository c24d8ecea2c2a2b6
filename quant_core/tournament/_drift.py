"""What is held when a window is solved: the weights of the window before, after its returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from quant_core.windows import Window

__all__ = ["Holdings", "drifted", "rows_between"]


class Holdings(NamedTuple):
    """Weights over columns of the matrix, as the window before left them."""

    columns: np.ndarray
    weights: np.ndarray


def rows_between(before: Window, window: Window) -> slice:
    """Return the rows whose returns weights earn from their trade to the next solve."""
    return slice(before.test.start + 1, window.train.stop)


def drifted(held: Holdings, values: np.ndarray) -> Holdings | None:
    """Return weights after returns, as a portfolio that is left alone has them.

    Parameters
    ----------
    held : Holdings
        Weights at the trade; what they leave is cash.
    values : numpy.ndarray, shape (t, n)
        Returns of every column since, NaN where a symbol has no observation.

    Returns
    -------
    Holdings or None
        None where nothing is left.
    """
    growth = np.prod(1.0 + np.nan_to_num(values[:, held.columns]), axis=0)
    grown = held.weights * growth
    worth = float(grown.sum()) + max(1.0 - float(held.weights.sum()), 0.0)
    return Holdings(held.columns, grown / worth) if worth > 0 and grown.any() else None
