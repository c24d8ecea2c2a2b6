"""What the runner asks of the world around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from quant_core.live._messages import DeadLetter, TickBatch
    from quant_core.live._signals import Signals
    from quant_core.live._strategy import StrategyRow

__all__ = [
    "METRICS",
    "Log",
    "Marking",
    "Polled",
    "Served",
    "Silent",
    "Sink",
    "StrategyStore",
    "Telemetry",
    "TickSource",
    "Unlogged",
]


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll of a source brought.

    Parameters
    ----------
    ticks : TickBatch
        Ticks in the order of arrival; possibly none.
    malformed : tuple of DeadLetter
        Messages that are no ticks.
    history : int
        The first this many ticks fill the history only: their signals were sent before a restart.
    end : bool
        Whether the source has nothing after these.
    """

    ticks: TickBatch
    malformed: tuple[DeadLetter, ...] = ()
    history: int = 0
    end: bool = False


class TickSource(Protocol):
    """Where ticks come from, at least once and in order per instrument."""

    @property
    def name(self) -> str:
        """What correlation ids call it."""
        ...

    def poll(self, limit: int, timeout: float) -> Polled:
        """Return at most ``limit`` ticks, waiting at most ``timeout`` seconds for the first."""
        ...

    def commit(self, upto: Mapping[int, int] | None = None) -> None:
        """Say that effects are durable: of everything polled so far, or of what ``upto`` says.

        Parameters
        ----------
        upto : mapping of int to int, optional
            First offset of each partition that is not done; a partition that is not in it has made
            no progress.
        """
        ...

    def close(self) -> None:
        """Let go of the source; what was not committed comes again."""
        ...


class Sink(Protocol):
    """Where signals and dead letters go."""

    def emit(self, signals: Signals, dead: pa.Table) -> None:
        """Take signals, and dead letters as a table of `DEAD_LETTERS_SCHEMA`."""
        ...

    def flush(self) -> None:
        """Return when everything taken is durable."""
        ...

    def close(self) -> None:
        """Flush and let go."""
        ...


@runtime_checkable
class Marking(Protocol):
    """A sink that says what is durable without waiting, so that commits need not wait for it."""

    def mark(self) -> int:
        """Return what `settled` has to be asked, to know whether all taken so far is durable."""
        ...

    def settled(self, mark: int) -> bool:
        """Return whether all that was taken before a mark is durable."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """What a runner says of one strategy.

    Parameters
    ----------
    strategy : str
        Its name.
    state : str
        ``serving``, ``warming``, ``quarantined``, ``refused`` or ``disabled``.
    model_version, sha256 : str
        The model it runs; empty without one.
    detail : str
        Why, unless it is serving.
    """

    strategy: str
    state: str
    model_version: str = ""
    sha256: str = ""
    detail: str = ""


class StrategyStore(Protocol):
    """Where the runner reads what to serve, and reports what it serves."""

    def revision(self) -> int:
        """Return a number that grows with every change of a row."""
        ...

    def rows(self) -> list[StrategyRow]:
        """Return every row, by name."""
        ...

    def report(self, runner: str, served: Sequence[Served]) -> None:
        """Record what a runner serves now, in place of its last report."""
        ...


class Telemetry(Protocol):
    """Where the runner's figures go; names and labels are those of `METRICS`."""

    @property
    def tracing(self) -> bool:
        """Whether spans go anywhere; without that none is made."""
        ...

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        ...

    def observe(self, name: str, values: Sequence[float], **labels: str) -> None:
        """Add observations to a histogram."""
        ...

    def span(
        self, name: str, started: float, seconds: float, attributes: Mapping[str, Any]
    ) -> None:
        """Record a span that has ended, ``started`` in seconds of the clock."""
        ...

    def exposition(self) -> bytes:
        """Return the figures in the text format of Prometheus."""
        ...


class Log(Protocol):
    """Where lines about what happens in the runner go."""

    @property
    def on(self) -> bool:
        """Whether lines go anywhere; without that none is made."""
        ...

    @property
    def share(self) -> float:
        """Share of the ticks that get a line, from 0 to 1."""
        ...

    @property
    def seed(self) -> int:
        """Which ticks these are."""
        ...

    def write(self, event: str, **fields: Any) -> None:
        """Write a line: the name of an event, and its fields."""
        ...


METRICS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "strategy_inference_latency_ms": ("histogram", "Time of one inference call.", ("backend",)),
    "strategy_batch_size": ("histogram", "Rows of one inference call.", ("backend",)),
    "feature_cache_hit_ratio": ("gauge", "Requested features that another strategy has.", ()),
    "history_ring_utilization": ("gauge", "Filled part of the history rings.", ()),
    "strategy_drops_total": ("counter", "Work that was dropped.", ("strategy", "reason")),
    "strategy_quarantined": ("gauge", "Whether a strategy is in quarantine.", ("strategy",)),
    "model_load_seconds": ("histogram", "Time to verify and load a model.", ("strategy",)),
    "market_tick_processed_total": ("counter", "Ticks that were processed.", ("instrument",)),
    "market_tick_process_latency_ms": ("histogram", "Time from tick to its last signal.", ()),
}
"""The figures of the runner: kind, help and labels of each."""


@dataclass(slots=True)
class Silent:
    """Telemetry that goes nowhere."""

    tracing: bool = field(default=False, init=False)

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Do nothing."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Do nothing."""

    def observe(self, name: str, values: Sequence[float], **labels: str) -> None:
        """Do nothing."""

    def span(
        self, name: str, started: float, seconds: float, attributes: Mapping[str, Any]
    ) -> None:
        """Do nothing."""

    def exposition(self) -> bytes:
        """Return no figures."""
        return b""


@dataclass(slots=True)
class Unlogged:
    """A log that goes nowhere."""

    on: bool = field(default=False, init=False)
    share: float = field(default=0.0, init=False)
    seed: int = field(default=0, init=False)

    def write(self, event: str, **fields: Any) -> None:
        """Do nothing."""
