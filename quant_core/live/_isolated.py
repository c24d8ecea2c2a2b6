"""The lane of strategies in Python: worker processes that may hang or die, and be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.live._isolated_messages import Dropped, Failure, Result, Serving, Work
    from quant_core.live._settings import Settings
    from quant_core.live._strategy import StrategyRow

__all__ = ["IsolatedLane"]


class IsolatedLane:
    """Runs strategies in Python in processes of their own.

    ``pool_size`` worker processes and one more, so that loading a strategy or replacing a worker
    leaves the others served. A worker has one call at a time, and a strategy too, so its outcomes
    come in the order of its calls. None is started before the first row.

    Nothing here blocks but `load` and `collect`, and those no longer than they are told to.
    Deadlines are in real time, whatever clock is in force.

    Parameters
    ----------
    settings : Settings
        ``pool_size``, and ``max_concurrency``: calls of one strategy that may wait or be under way.
    patience : float
        Factor on the ``budget_ms`` of every row. A replay, whose outcome should not depend on the
        load of the machine, gives a large one.
    load_seconds : float
        Time to import, build and warm up one strategy.
    memory_bytes : int or None
        Limit of the memory that one worker may allocate, where the system has such limits.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        patience: float = 1.0,
        load_seconds: float = 60.0,
        memory_bytes: int | None = 2 << 30,
    ) -> None:
        raise NotImplementedError

    def apply(self, rows: Sequence[StrategyRow]) -> None:
        """Serve these rows and no others; rows without ``python`` are left out.

        A changed row is loaded beside the one in force, which serves until then. A change that
        touches none of ``python``, ``parameters``, ``features`` and ``model`` is in force at once.
        """
        raise NotImplementedError

    def load(self, wait: float) -> None:
        """Return when every row is serving or refused, or after ``wait`` seconds."""
        raise NotImplementedError

    def serving(self) -> Mapping[str, Serving]:
        """Return the strategies that may be called, by name."""
        raise NotImplementedError

    def refused(self) -> Mapping[str, str]:
        """Return why strategies could not be loaded, by name."""
        raise NotImplementedError

    @property
    def pending(self) -> int:
        """Calls submitted whose outcome has not been collected."""
        raise NotImplementedError

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers."""
        raise NotImplementedError

    def submit(self, work: Work) -> None:
        """Take a call; its outcome comes by `collect`, always."""
        raise NotImplementedError

    def discard(self, strategy: str, reason: str) -> None:
        """Drop the calls of a strategy that wait, as when it has gone into quarantine."""
        raise NotImplementedError

    def collect(self, wait: float = 0.0) -> list[Result | Failure | Dropped]:
        """Return the outcomes there are, in the order of their calls.

        Parameters
        ----------
        wait : float
            Seconds to wait until nothing is pending; 0 takes what is there, and infinity returns
            the outcome of every call, which deadlines bound.
        """
        raise NotImplementedError

    def close(self) -> None:
        """End every worker; outcomes not collected are lost."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
