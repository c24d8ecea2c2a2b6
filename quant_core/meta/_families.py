"""The streams of one profile family over the common days, and who stands for whom when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.meta._streams import levels_at, returns_of
from quant_core.metrics import path_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.config import Choice
    from quant_core.meta._sleeve import Cell
    from quant_core.meta._streams import Stream

__all__ = ["Family"]


@dataclass(frozen=True, slots=True)
class Family:
    """The streams that a profile is solved over.

    Parameters
    ----------
    profile : Choice
        The profile.
    days : numpy.ndarray of datetime64[D], shape (T,)
        Common days but the first, which is where returns start from.
    members : tuple of str
        The members in their order.
    streams : tuple of Stream, length K
        Their candidates, those of one member after the other.
    values : numpy.ndarray, shape (T, K)
        Returns of the streams between common days.
    levels : numpy.ndarray, shape (T + 1, K)
        Values of the streams on all common days.
    lack : str
        Why the family cannot be solved; empty when it can.
    """

    profile: Choice[Any]
    days: np.ndarray = field(repr=False)
    members: tuple[str, ...]
    streams: tuple[Stream, ...] = field(repr=False)
    values: np.ndarray = field(repr=False)
    levels: np.ndarray = field(repr=False)
    lack: str = ""

    @classmethod
    def of(
        cls,
        profile: Choice[Any],
        common: np.ndarray,
        streams: Mapping[str, Sequence[Stream]],
        lacks: Mapping[str, str],
    ) -> Family:
        """Join the streams of a family.

        Parameters
        ----------
        profile : Choice
            The profile.
        common : numpy.ndarray of datetime64[D], shape (T + 1,)
            Days that every member has.
        streams : mapping of str to sequence of Stream
            Candidates of each member; none where it lacks the family.
        lacks : mapping of str to str
            Why a member has no candidate.
        """
        every = tuple(stream for own in streams.values() for stream in own)
        levels = np.empty((len(common), len(every)))
        for at, stream in enumerate(every):
            levels[:, at] = levels_at(stream, common)
        lack = "; ".join(f"{name}: {lacks[name]}" for name, own in streams.items() if not own)
        return cls(profile, common[1:], tuple(streams), every, returns_of(levels), levels, lack)

    def chosen(self, train: slice, *, periods_per_year: int) -> np.ndarray:
        """Return the column that stands for each member in a window, increasing.

        Where a member has several candidates it is the one with the highest Sharpe ratio over the
        train rows; nothing later is read. The first wins a tie, and an undefined ratio comes last.

        Parameters
        ----------
        train : slice
            Rows of ``values`` before the window.
        periods_per_year : int
            What the ratio is annualised by.
        """
        owner = np.array([self.members.index(stream.member) for stream in self.streams])
        found = []
        for member in range(len(self.members)):
            own = np.flatnonzero(owner == member)
            if len(own) > 1:
                rows = np.ascontiguousarray(self.values[train][:, own].T)
                ratio = path_metrics(rows, periods_per_year=periods_per_year)["sharpe"]
                own = own[[int(np.argmax(np.nan_to_num(ratio, nan=-np.inf)))]]
            found.append(int(own[0]))
        return np.array(found, dtype=np.int64)

    def cell(self, column: int) -> Cell:
        """Return the cell of a column."""
        return self.streams[column].cell
