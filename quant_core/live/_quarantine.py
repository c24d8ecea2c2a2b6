"""Who may be called: strategies in quarantine, backends behind a circuit breaker."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from quant_core.clock import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from quant_core.live._settings import Settings

__all__ = ["CircuitBreaker", "Quarantine", "Standing"]

type State = Literal["trusted", "quarantined", "trial"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one name stands.

    Parameters
    ----------
    state : {"trusted", "quarantined", "trial"}
        ``trial``: its quarantine has ended, and the next outcome decides.
    failures : int
        Failures in a row.
    until : float
        Reading of the clock's seconds at which the quarantine ends, or at which a trial without an
        outcome counts as lost; minus infinity for a trusted name.
    backoff_seconds : float
        Length of the quarantine; 0 for a trusted name.
    reason : str
        The last failure.
    """

    state: State = "trusted"
    failures: int = 0
    until: float = -math.inf
    backoff_seconds: float = 0.0
    reason: str = ""


_TRUSTED = Standing()


class Quarantine:
    """Counts failures in a row, and keeps those with too many of them waiting.

    A name is *trusted* until it fails ``max_failures`` times in a row. It is then *quarantined*
    for ``backoff_seconds``. After that one call is its *trial*: a success makes it trusted again
    with nothing on record, a failure doubles its quarantine, up to ``max_backoff_seconds``.
    Outcomes that arrive during a quarantine belong to calls made before it and do not end it.

    While a strategy is in quarantine nothing is emitted for it but dead letters, so whoever acts
    on its signals holds what the last one said.

    Parameters
    ----------
    settings : Settings
        Gives ``max_failures``, ``backoff_seconds`` and ``max_backoff_seconds``.
    told : callable, optional
        Called with a name and its standing when it is put into quarantine, and with None in place
        of a standing when a name that was there is trusted again.

    Examples
    --------
    >>> quarantine = Quarantine(Settings(max_failures=1, backoff_seconds=60.0))
    >>> quarantine.failed("momentum", "raised: ValueError")
    True
    >>> quarantine.allowed(["momentum", "carry"])
    array([False,  True])
    """

    def __init__(
        self, settings: Settings, told: Callable[[str, Standing | None], None] | None = None
    ) -> None:
        self._told = told
        self._max_failures = settings.max_failures
        self._first = settings.backoff_seconds
        self._longest = max(settings.backoff_seconds, settings.max_backoff_seconds)
        self._standings: dict[str, Standing] = {}
        self._under_trial: set[str] = set()
        self._due = math.inf
        self._mask: tuple[Sequence[str], np.ndarray] | None = None

    def allowed(self, names: Sequence[str]) -> np.ndarray:
        """Return which names may be called now, booleans of the shape of ``names``.

        The answer for the same ``names`` object is computed again only when a standing has changed
        or a quarantine has ended; the array is read-only.
        """
        if self._mask is not None and self._mask[0] is names and clock().seconds() < self._due:
            return self._mask[1]
        now = clock().seconds()
        mask = np.array([self._open(name, now) for name in names], dtype=bool)
        mask.flags.writeable = False
        self._mask = (names, mask)
        ends = (one.until for one in self._standings.values() if one.until > now)
        self._due = min(ends, default=math.inf)
        return mask

    def started(self, name: str) -> None:
        """Say that a call has begun whose outcome comes later.

        A name on trial is then not allowed a second call until the outcome of the first, or until
        its quarantine has passed once more.
        """
        standing = self.standing(name)
        if standing.state == "trial":
            self._under_trial.add(name)
            until = clock().seconds() + standing.backoff_seconds
            self._set(name, _quarantined(standing, until, standing.backoff_seconds))

    def succeeded(self, names: Iterable[str]) -> None:
        """Record calls that succeeded."""
        if not self._standings:
            return
        for name in names:
            if self.standing(name).state != "quarantined" or name in self._under_trial:
                self.forget(name)

    def failed(self, name: str, reason: str) -> bool:
        """Record a call that failed.

        Parameters
        ----------
        name : str
            Whose call it was.
        reason : str
            Kept until the next success.

        Returns
        -------
        bool
            Whether this failure put the name into quarantine.
        """
        before = self.standing(name)
        after = Standing(
            before.state, before.failures + 1, before.until, before.backoff_seconds, reason
        )
        if before.state == "quarantined" and name not in self._under_trial:
            self._set(name, after)
            return False
        if before.state == "trusted" and after.failures < self._max_failures:
            self._set(name, after)
            return False
        backoff = min(2 * before.backoff_seconds or self._first, self._longest)
        self._under_trial.discard(name)
        standing = _quarantined(after, clock().seconds() + backoff, backoff)
        self._set(name, standing)
        if self._told is not None:
            self._told(name, standing)
        return True

    def forget(self, name: str) -> None:
        """Take a name off the record, as when its row has changed."""
        self._under_trial.discard(name)
        kept = self._standings.pop(name, None)
        if kept is not None:
            self._mask = None
            if kept.state != "trusted" and self._told is not None:
                self._told(name, None)

    def standing(self, name: str) -> Standing:
        """Return how a name stands now."""
        kept = self._standings.get(name, _TRUSTED)
        if kept.state == "quarantined" and clock().seconds() >= kept.until:
            self._under_trial.discard(name)
            kept = Standing("trial", kept.failures, kept.until, kept.backoff_seconds, kept.reason)
            self._set(name, kept)
        return kept

    def quarantined(self) -> dict[str, Standing]:
        """Return the names that may not be called now, sorted."""
        now = clock().seconds()
        return {
            name: self._standings[name]
            for name in sorted(self._standings)
            if not self._open(name, now)
        }

    def _open(self, name: str, now: float) -> bool:
        kept = self._standings.get(name, _TRUSTED)
        return kept.state != "quarantined" or now >= kept.until

    def _set(self, name: str, standing: Standing) -> None:
        self._standings[name] = standing
        self._mask = None


def _quarantined(standing: Standing, until: float, backoff: float) -> Standing:
    return Standing("quarantined", standing.failures, until, backoff, standing.reason)


class CircuitBreaker:
    """The same machine for the backends of inference: an open circuit is not called.

    A backend that fails ``max_failures`` times in a row is left alone for a while, then tried with
    one call. Meanwhile its strategies emit dead letters and no signals: no other backend's numbers
    go out under its name.

    Parameters
    ----------
    settings, told
        As for `Quarantine`.
    """

    def __init__(
        self, settings: Settings, told: Callable[[str, Standing | None], None] | None = None
    ) -> None:
        self._backends = Quarantine(settings, told)

    def closed(self, backend: str) -> bool:
        """Say whether a backend may be called now."""
        return self._backends.standing(backend).state != "quarantined"

    def succeeded(self, backend: str) -> None:
        """Record a call that the backend answered."""
        self._backends.succeeded([backend])

    def failed(self, backend: str, reason: str) -> bool:
        """Record a call that the backend did not answer; return whether that opened the circuit."""
        return self._backends.failed(backend, reason)

    def standing(self, backend: str) -> Standing:
        """Return how a backend stands now."""
        return self._backends.standing(backend)
