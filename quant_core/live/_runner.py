"""The loop around the engine: poll, process, emit, commit, reload."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quant_core.clock import clock
from quant_core.live._latency import Latencies
from quant_core.live._protocols import Marking, Silent
from quant_core.live._queue import TickQueue
from quant_core.live._rehearsal import rehearse
from quant_core.live._reload import Reload
from quant_core.live._tracing import trace
from quant_core.live.journal._journal import Journal

if TYPE_CHECKING:
    from quant_core.live._engine import Engine, Outcome
    from quant_core.live._messages import TickBatch
    from quant_core.live._protocols import (
        Log,
        Polled,
        Sink,
        StrategyStore,
        Telemetry,
        TickSource,
    )
    from quant_core.live._settings import Settings

__all__ = ["Figures", "Runner"]

_IDLE_SECONDS = 0.1
_LOAD_SECONDS = 60.0
_STUCK_SECONDS = 10.0
_WAIT_SECONDS = 5.0
_BACKGROUND, _NORMAL, _ALL = 1, 2, 3


@dataclass(slots=True)
class Figures:
    """What a runner has done so far.

    Parameters
    ----------
    ticks, signals, dead_letters : int
        Ticks that were processed, and what was emitted.
    dropped_ticks : int
        Ticks beyond ``queue_limit``: they filled the history, and no strategy was asked.
    turned : float or None
        Reading of the clock's seconds at the last round of the loop.
    started, ended : float
        Readings of the clock's seconds at the first and after the last batch.
    latencies : Latencies
        From tick to its last signal, history left out.
    """

    ticks: int = 0
    signals: int = 0
    dead_letters: int = 0
    dropped_ticks: int = 0
    turned: float | None = None
    started: float = 0.0
    ended: float = 0.0
    latencies: Latencies = field(default_factory=Latencies, repr=False)


class _Saying(NamedTuple):
    """A commit that waits until what came before a mark of the sink is durable."""

    mark: int
    upto: dict[int, int]
    since: float


class Runner:
    """Takes ticks from a source through an engine to a sink.

    Ticks are committed after their signals are durable: after a crash some come again, and give
    signals of the same ids. When the queue is half full, strategies of background priority are
    left out, from three quarters on those of normal priority too. Ticks beyond ``queue_limit``,
    the oldest first, fill the history without any strategy being asked. All of it is counted in
    ``strategy_drops_total``; the strategy of a tick is ``*`` there.

    When the source ends, as that of a replay, bars that are open are closed: `Engine.close_bars`.

    Parameters
    ----------
    source : TickSource
        Where ticks come from.
    sink : Sink
        Where signals and dead letters go.
    engine : Engine
        What is in between; it has the same telemetry.
    store : StrategyStore
        What to serve.
    settings : Settings
        Batches, limits and periods.
    telemetry : Telemetry, optional
        Where the figures go; nowhere by default.
    name : str
        What reports to the store call this runner.
    drain : bool
        Whether the source is emptied into the queue, as for ticks that come whether or not they
        are processed. Without it a batch is polled when the one before is done, so that nothing is
        ever left out: a replay as fast as possible.
    background : bool
        Whether the store is asked and models are loaded in a thread of its own.
    log : Log, optional
        Where events and sampled ticks go; nowhere by default. The engine has the same.
    """

    def __init__(
        self,
        source: TickSource,
        sink: Sink,
        engine: Engine,
        store: StrategyStore,
        settings: Settings,
        telemetry: Telemetry | None = None,
        *,
        name: str = "runner",
        drain: bool = True,
        background: bool = False,
        log: Log | None = None,
    ) -> None:
        self._source, self._sink, self._engine = source, sink, engine
        self._settings = settings
        self._telemetry = telemetry if telemetry is not None else Silent()
        self._journal = Journal(log)
        self._reload = Reload(
            store,
            engine,
            name,
            settings.reload_seconds,
            report_every=settings.report_seconds,
            background=background,
            journal=self._journal,
        )
        self._queue = TickQueue()
        self._drain = drain
        self._window = settings.batch_window_ms / 1e3 if drain else 0.0
        self._stopped = self._ended = self._dirty = False
        self._committed = 0.0
        self._done: dict[int, int] = {}
        self._saying: _Saying | None = None
        self.figures = Figures()

    def run(self) -> Figures:
        """Run until the source ends or `stop` is called; then commit what was polled.

        Raises
        ------
        QuantError
            If the strategies cannot be read at first, or source or sink fail for good. Nothing is
            committed then that is not durable.
        """
        rehearse()
        self._reload.begin()
        self._engine.load(_LOAD_SECONDS)
        self._reload.report()
        self._gauges()
        self._journal.say("started", source=self._source.name, revision=self._reload.revision)
        self.figures.started = self.figures.ended = self._committed = clock().seconds()
        # A full collection over what was imported and loaded takes longer than a tick may.
        gc.collect()
        gc.freeze()
        try:
            while self.turn():
                pass
            self._finish()
            self._stop_said("source ended" if self._ended else "told to stop")
        except BaseException as error:
            self._stop_said(f"{type(error).__name__}: {error}")
            raise
        finally:
            gc.unfreeze()
            self._reload.close()
        return self.figures

    def _stop_said(self, reason: str) -> None:
        figures = self.figures
        self._journal.say(
            "stopped",
            reason=reason,
            ticks=figures.ticks,
            signals=figures.signals,
            dead_letters=figures.dead_letters,
            dropped_ticks=figures.dropped_ticks,
        )

    def stop(self) -> None:
        """End after the ticks that were polled; may be called from a signal handler."""
        self._stopped = True

    def turn(self) -> bool:
        """Do one round of the loop; return whether there is another one."""
        self.figures.turned = clock().seconds()
        self._fill()
        if self._reload.turn() is not None:
            self._gauges()
        self._journal.complaint(self._reload.complaint)
        excess = len(self._queue) - self._settings.queue_limit
        if excess > 0:
            self._process(self._queue.take(excess), _ALL)
        shed = self._shed()
        if self._queue:
            self._process(self._queue.take(self._settings.max_batch), shed)
        elif self._engine.pending:
            self._emit(self._engine.collect())
        self._commit_if_due()
        return bool(self._queue) or not (self._ended or self._stopped)

    def _fill(self) -> None:
        if self._ended or self._stopped or (self._queue and not self._drain):
            return
        self._poll(0.0 if self._queue else self._patience())
        while self._window and 0 < len(self._queue) < self._settings.max_batch and not self._ended:
            left = self._queue.oldest + self._window - clock().seconds()
            if left <= 0:
                return
            self._poll(left)

    def _poll(self, timeout: float) -> None:
        limit = self._settings.queue_limit if self._drain else self._settings.max_batch
        polled = self._source.poll(limit, timeout)
        self._ended = polled.end
        self._queue.put(polled)

    def _patience(self) -> float:
        """Return how long a poll may wait: until something else is due."""
        if self._engine.pending:
            return 0.001
        if self._saying is not None:
            return 0.01
        due = [self._reload.due]
        if self._dirty:
            due.append(self._committed + self._settings.commit_seconds)
        return min(max(min(due) - clock().seconds(), 0.0), _IDLE_SECONDS)

    def _shed(self) -> int:
        if not self._drain:
            return 0
        share = len(self._queue) / self._settings.queue_limit
        return _NORMAL if share >= 0.75 else _BACKGROUND if share >= 0.5 else 0  # noqa: PLR2004 - quarters

    def _process(self, polled: Polled, shed: int) -> None:
        ticks, history = polled.ticks, polled.history
        logged = self._journal.chosen(self._source.name, ticks, history)
        dropped = self._engine.drops.total() if logged else 0
        outcome = self._engine.process(
            ticks, history, polled.malformed, source=self._source.name, shed=shed
        )
        self._emit(outcome)
        self._note_done(ticks)
        if self._telemetry.tracing:
            called, ended = outcome.inferences, self.figures.ended
            trace(self._telemetry, self._source.name, ticks, history, called, ended)
        if logged:
            self._journal.ticks(
                self._source.name,
                ticks,
                logged,
                outcome.signals,
                outcome.dead,
                ended=self.figures.ended,
                drops=self._engine.drops.total() - dropped,
            )
        new = len(ticks) - history
        self.figures.ticks += new
        if shed == _ALL:
            self.figures.dropped_ticks += new
            self._telemetry.count(
                "strategy_drops_total", float(new), strategy="*", reason="queue_full"
            )
        elif new:
            seconds = self.figures.ended - ticks.received[history:]
            self.figures.latencies.add(seconds)
            self._telemetry.observe("market_tick_process_latency_ms", (1e3 * seconds).tolist())

    def _emit(self, outcome: Outcome) -> None:
        if outcome.emitted.num_rows or outcome.dead.num_rows:
            self._sink.emit(outcome.emitted, outcome.dead)
        self._journal.dead(outcome.dead)
        self._dirty = True
        self.figures.signals += outcome.emitted.num_rows
        self.figures.dead_letters += outcome.dead.num_rows
        self.figures.ended = clock().seconds()

    def _commit_if_due(self) -> None:
        if self._saying is not None:
            self._say(self._saying)
        elif self._dirty and clock().seconds() >= self._committed + self._settings.commit_seconds:
            if isinstance(self._sink, Marking):
                done = self._done | self._engine.unfinished()
                self._saying = _Saying(self._sink.mark(), done, clock().seconds())
                self._dirty = bool(self._engine.pending)
            else:
                self._commit()

    def _say(self, saying: _Saying) -> None:
        """Commit what is durable while other ticks are processed; if that takes long, wait."""
        assert isinstance(self._sink, Marking)
        if self._sink.settled(saying.mark):
            idle = not (self._dirty or self._queue or self._engine.pending)
            self._source.commit(None if idle else saying.upto)
            self._saying = None
            self._committed = clock().seconds()
            self._gauges()
        elif clock().seconds() - saying.since > _WAIT_SECONDS:
            self._commit()

    def _commit(self) -> None:
        self._saying = None
        self._sink.flush()
        if self._queue or self._engine.pending:
            self._source.commit(self._done | self._engine.unfinished())
        else:
            self._source.commit()
        self._dirty = bool(self._engine.pending)
        self._committed = clock().seconds()
        self._gauges()

    def _note_done(self, ticks: TickBatch) -> None:
        partition, offset = ticks.partition, ticks.offset
        if not len(ticks):
            return
        if len(ticks) == 1 or (partition == partition[0]).all():
            self._done[int(partition[0])] = int(offset[-1]) + 1
            return
        for one in np.unique(partition):
            self._done[int(one)] = int(offset[np.flatnonzero(partition == one)[-1]]) + 1

    def _finish(self) -> None:
        if self._ended and not self._queue:
            self._emit(self._engine.close_bars(source=self._source.name))
        while self._engine.pending:
            self._emit(self._engine.collect(np.inf))
        self._commit()

    def _gauges(self) -> None:
        self._telemetry.gauge("feature_cache_hit_ratio", self._engine.hit_ratio)
        self._telemetry.gauge("history_ring_utilization", self._engine.utilization)
        for served in self._engine.served():
            quarantined = float(served.state == "quarantined")
            self._telemetry.gauge("strategy_quarantined", quarantined, strategy=served.strategy)

    def complaint(self) -> str:
        """Return why the runner is unhealthy; empty if it is not."""
        if self.figures.turned is None:
            return "the loop has not turned yet"
        waited = clock().seconds() - self.figures.turned
        if waited > _STUCK_SECONDS:
            return f"the loop has not turned for {waited:.1f} s, longer than {_STUCK_SECONDS:g} s"
        return ""

    def status(self) -> dict[str, Any]:
        """Return what the runner says of itself, as values of JSON."""
        figures = self.figures
        shares = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999}
        quantiles = figures.latencies.quantiles(list(shares.values())) if figures.ticks else []
        return {
            "ticks": figures.ticks,
            "signals": figures.signals,
            "dead_letters": figures.dead_letters,
            "dropped_ticks": figures.dropped_ticks,
            "waiting": len(self._queue),
            "pending": self._engine.pending,
            "revision": self._reload.revision,
            "complaint": self._reload.complaint,
            "latency_ms": {
                name: round(1e3 * value, 3)
                for name, value in zip(shares, quantiles, strict=False)
                if value == value  # noqa: PLR0124 - leaves NaN out
            },
            "drops": [
                {"strategy": strategy, "reason": reason, "count": count}
                for (strategy, reason), count in sorted(self._engine.drops.items())
            ],
            "strategies": [
                {
                    "strategy": one.strategy,
                    "state": one.state,
                    "model_version": one.model_version,
                    "sha256": one.sha256,
                    "detail": one.detail,
                }
                for one in self._engine.served()
            ],
            "source": _said_by(self._source),
            "sink": _said_by(self._sink),
        }


def _said_by(end: TickSource | Sink) -> dict[str, Any]:
    """Return what a source or sink says of itself; not all have something to say."""
    status = getattr(end, "status", None)
    return dict(status()) if status is not None else {}
