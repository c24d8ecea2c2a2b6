"""Which symbols a window may choose from, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from quant_core.windows import Window

__all__ = ["ELIGIBLE", "Members", "members", "observed"]

ELIGIBLE = ""
_LATE = "first observation inside the train period"
_ENDED = "no observation at the end of the train period"
_GAP = "gap inside the train period"
_CONSTANT = "constant over the train period"


@dataclass(frozen=True, slots=True)
class Members:
    """The investable columns at the start of a window, each with its reason.

    Parameters
    ----------
    columns : numpy.ndarray of int64, shape (m,)
        Columns of the returns matrix: every investable one that the train period has seen.
    reason : tuple of str, length m
        Empty for an eligible column, else why it is not.
    """

    columns: np.ndarray = field(repr=False)
    reason: tuple[str, ...] = field(repr=False)

    @property
    def eligible(self) -> np.ndarray:
        """The columns with a full train period, ascending."""
        eligible = np.array([not reason for reason in self.reason], dtype=bool)
        return np.asarray(self.columns[eligible])


def observed(values: np.ndarray, investable: np.ndarray, window: Window) -> np.ndarray:
    """Return the investable columns that have an observation in the train period.

    A symbol without one is not part of the universe: to list it would tell of its later listing.
    """
    return np.asarray(investable[~np.isnan(values[window.train][:, investable]).all(axis=0)])


def members(values: np.ndarray, investable: np.ndarray, window: Window) -> Members:
    """Say which investable columns a window may choose from.

    The universe has the columns that `observed` returns. A column is eligible when every row of
    the train period has a return and they are not all the same. Only the train period is read.

    Parameters
    ----------
    values : numpy.ndarray, shape (T, n)
        The returns matrix.
    investable : numpy.ndarray of int64, shape (m,)
        Columns that are not the benchmark.
    window : Window
        The window.
    """
    columns = observed(values, investable, window)
    train = values[window.train][:, columns]
    there = ~np.isnan(train)
    complete = there.all(axis=0)
    with np.errstate(invalid="ignore"):
        constant = complete & (train.max(axis=0) == train.min(axis=0))
    late = ~there[0] & (np.diff(there.astype(np.int8), axis=0) >= 0).all(axis=0)
    reasons = np.select(
        [constant, complete, ~there[-1], late],
        [_CONSTANT, ELIGIBLE, _ENDED, _LATE],
        default=_GAP,
    )
    return Members(columns, tuple(str(reason) for reason in reasons))
