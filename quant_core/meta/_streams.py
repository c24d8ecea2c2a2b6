"""The return streams of members over the days that all of them have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.meta._sleeve import Cell

__all__ = ["Stream", "common_days", "levels_at", "returns_of"]

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Stream:
    """The value of one cell of a member on the days of that member.

    Parameters
    ----------
    member : str
        Name of the sleeve or meta-portfolio.
    cell : Cell
        The cell that stands for it.
    days : numpy.ndarray of datetime64[D], shape (T,)
        Days, not decreasing; the last observation of a day counts.
    nav : numpy.ndarray, shape (T,)
        Value after the costs of the member.
    """

    member: str
    cell: Cell
    days: np.ndarray = field(repr=False)
    nav: np.ndarray = field(repr=False)


def common_days(days: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the days on which every member has a value.

    Parameters
    ----------
    days : mapping of str to numpy.ndarray of datetime64[D]
        Days of each member.

    Returns
    -------
    numpy.ndarray of datetime64[D], shape (J,)
        Increasing.

    Raises
    ------
    DataError
        If fewer than two days are common, so that there is no return.
    """
    found: np.ndarray | None = None
    for own in days.values():
        unique = np.unique(own.astype("datetime64[D]"))
        found = unique if found is None else np.intersect1d(found, unique, assume_unique=True)
    if found is None or len(found) < _FEWEST:
        spans = "; ".join(
            f"{name} {own[0]} to {own[-1]}" if len(own) else f"{name} none"
            for name, own in days.items()
        )
        raise DataError(
            f"meta-portfolio: {0 if found is None else len(found)} days are common to all members, "
            f"expected at least {_FEWEST}: {spans}"
        )
    return found


def levels_at(stream: Stream, days: np.ndarray) -> np.ndarray:
    """Return the value of a stream at the close of some of its days, shape (J,).

    What a member earns between two common days, a crypto weekend say, is in the level of the
    second, so returns between levels compound it: nothing is dropped, and no day is filled in.
    """
    found: np.ndarray = stream.nav[np.searchsorted(stream.days, days, side="right") - 1]
    return found


def returns_of(levels: np.ndarray) -> np.ndarray:
    """Return simple returns between the rows of levels.

    Parameters
    ----------
    levels : numpy.ndarray, shape (J, K)
        Values at the common days.

    Returns
    -------
    numpy.ndarray, shape (J - 1, K)
        0 from a bankruptcy on.
    """
    before, after = levels[:-1], levels[1:]
    growth = np.divide(after, before, out=np.ones_like(after), where=before > 0.0)
    return np.asarray(growth - 1.0)
