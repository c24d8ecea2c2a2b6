"""What a calendar is, and the two that need no exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from quant_core.errors import ConfigError

__all__ = ["ALWAYS", "OBSERVED", "AlwaysOpen", "Calendar", "ObservedDays"]

ALWAYS = "24/7"
"""Name of the calendar on which every day is a session."""

OBSERVED = "observed"
"""Name of the calendar that judges no day."""


class Calendar(Protocol):
    """The sessions of a universe: the calendar days, in UTC, on which it trades."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        ...

    @property
    def judges(self) -> bool:
        """Whether it knows its sessions; without that no day is wrong and none is missing."""
        ...

    def sessions(self, first: np.datetime64, last: np.datetime64) -> np.ndarray:
        """Return the sessions from ``first`` to ``last``, both included.

        Parameters
        ----------
        first, last : numpy.datetime64[D]
            Calendar days; none lies between them where ``first`` is after ``last``.

        Returns
        -------
        numpy.ndarray of datetime64[D]
            Strictly increasing.
        """
        ...


@dataclass(frozen=True, slots=True)
class AlwaysOpen:
    """Every day is a session, as for crypto assets.

    Examples
    --------
    >>> days = np.array(["2021-01-02", "2021-01-03"], dtype="datetime64[D]")
    >>> AlwaysOpen().sessions(*days).astype(str).tolist()
    ['2021-01-02', '2021-01-03']
    """

    name: str = ALWAYS
    judges: bool = True

    def sessions(self, first: np.datetime64, last: np.datetime64) -> np.ndarray:
        """Return every day from ``first`` to ``last``, both included."""
        start, stop = np.datetime64(first, "D"), np.datetime64(last, "D") + np.timedelta64(1, "D")
        return np.arange(start, max(start, stop), dtype="datetime64[D]")


@dataclass(frozen=True, slots=True)
class ObservedDays:
    """The days that the data have, whichever they are."""

    name: str = OBSERVED
    judges: bool = False

    def sessions(self, first: np.datetime64, last: np.datetime64) -> np.ndarray:  # noqa: ARG002 - the protocol's
        """Refuse: only the data know these days.

        Raises
        ------
        ConfigError
            Always.
        """
        raise ConfigError(
            f"calendar: {OBSERVED!r} knows no sessions, only the days that the data have; "
            f"configure {ALWAYS!r} or an exchange such as 'XNYS'"
        )
