"""Changes of the strategy database, on their way into the engine."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from quant_core.clock import clock
from quant_core.errors import QuantError
from quant_core.live.journal._journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from quant_core.live._engine import Engine
    from quant_core.live._loading import Changes, Prepared
    from quant_core.live._protocols import Served, StrategyStore

__all__ = ["Reload"]


_LONGEST_RETRY = 60.0


class _AtOnce(Executor):
    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except QuantError as error:
            future.set_exception(error)
        return future


class Reload:
    """Asks the store for changes, has models loaded, and swaps them in between two batches.

    A store that cannot be reached changes nothing: what is served stays, and ``complaint`` says
    why.

    Parameters
    ----------
    store : StrategyStore
        The rows.
    engine : Engine
        Serves them.
    runner : str
        What reports call this runner.
    every : float
        Seconds from one question to the next.
    report_every : float
        Seconds after which what is served is reported again, changed or not.
    background : bool
        Whether the store is asked and models are loaded in a thread, while ticks are processed.
    journal : Journal, optional
        Is told which strategies were loaded, swapped or refused.
    """

    def __init__(
        self,
        store: StrategyStore,
        engine: Engine,
        runner: str,
        every: float,
        *,
        report_every: float,
        background: bool,
        journal: Journal | None = None,
    ) -> None:
        self._store, self._engine, self._runner, self._every = store, engine, runner, every
        self._executor = ThreadPoolExecutor(1, "reload") if background else _AtOnce()
        self._journal = journal if journal is not None else Journal()
        self._fresh: tuple[str, ...] = ()
        self._revision: int | None = None
        self._due = 0.0
        self._look: Future[tuple[int, Prepared] | None] | None = None
        self._report: Future[None] | None = None
        self._reported: list[Served] | None = None
        self._report_every, self._report_due = report_every, 0.0
        self._retry = self._retry_at = 0.0
        self.complaint = ""

    @property
    def due(self) -> float:
        """Reading of the clock's seconds at which the store is asked next."""
        return self._due

    @property
    def revision(self) -> int | None:
        """Revision of the store that is served."""
        return self._revision

    def begin(self) -> Changes:
        """Serve what the store says now.

        Raises
        ------
        QuantError
            If the store cannot be read.
        """
        self._revision = self._store.revision()
        changes = self._engine.apply(self._store.rows())
        self._due = clock().seconds() + self._every
        self._fresh = changes.changed
        self.report()
        return changes

    def turn(self) -> Changes | None:
        """Do what is due, without waiting for it; return what changed, if something did."""
        now = clock().seconds()
        if self._look is None and now >= self._due:
            self._due = now + self._every
            self._look = self._executor.submit(self._changed, self._revision)
            self.report()
        if self._look is None or not self._look.done():
            return None
        look, self._look = self._look, None
        try:
            found = look.result()
        except QuantError as error:
            self.complaint = f"strategies: {error}"
            return None
        self.complaint = ""
        if found is None:
            return None
        self._revision, prepared = found
        changes = self._engine.swap(prepared)
        self._fresh = changes.changed
        self.report()
        return changes

    def _changed(self, known: int | None) -> tuple[int, Prepared] | None:
        revision = self._store.revision()
        if revision == known and not (self._engine.refusals and self._retry_due()):
            return None
        return revision, self._engine.prepare(self._store.rows())

    def _retry_due(self) -> bool:
        """Say whether refused models are tried again: ever more seldom."""
        now = clock().seconds()
        if now < self._retry_at:
            return False
        self._retry = min(max(2 * self._retry, self._every), _LONGEST_RETRY)
        self._retry_at = now + self._retry
        return True

    def report(self) -> None:
        """Tell the store what is served, if that has changed or the last report is old."""
        served, now = self._engine.served(), clock().seconds()
        if self._journal.on:
            self._journal.served(served, self._engine.loading(), self._fresh)
            self._fresh = ()
        if self._report is not None:
            if not self._report.done():
                return
            self._settle_report()
        if served != self._reported or now >= self._report_due:
            self._reported, self._report_due = served, now + self._report_every
            self._report = self._executor.submit(self._store.report, self._runner, served)

    def _settle_report(self) -> None:
        report, self._report = self._report, None
        try:
            if report is not None:
                report.result()
        except QuantError as error:
            self.complaint, self._reported = f"report: {error}", None

    def close(self) -> None:
        """Report that nothing is served any more, and end the thread."""
        if self._look is not None:
            self._look.cancel()
        self._executor.shutdown(wait=True)
        self._settle_report()
        self._executor = _AtOnce()
        self._report = self._executor.submit(self._store.report, self._runner, [])
        self._settle_report()
