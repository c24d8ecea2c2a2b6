"""The engine of the runner: a batch of ticks in, tables of signals and dead letters out."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from quant_core.clock import clock
from quant_core.features import FeatureBank
from quant_core.inference import RemoteModel
from quant_core.live._asking import Answered, Asking, Batch
from quant_core.live._board import Board
from quant_core.live._gate import Admitted, Gate, correlation_id
from quant_core.live._guarded import Guarded
from quant_core.live._kernels import OPEN, QUARANTINED
from quant_core.live._labels import Origin
from quant_core.live._loading import Changes, Prepared, Serves, prepare
from quant_core.live._messages import DeadLetter, TickBatch, dead_letters_table, no_dead_letters
from quant_core.live._plan import Plan, Scope
from quant_core.live._protocols import Silent, Unlogged
from quant_core.live._quarantine import CircuitBreaker, Quarantine
from quant_core.live._served import served_row
from quant_core.live._signals import Drawn, Signals
from quant_core.live._ticks import none_of, ordered, taken, writeable
from quant_core.live.journal._journal import watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from quant_core.features import FeatureSet, Rows
    from quant_core.inference import Predictor
    from quant_core.live._protocols import Log, Served, Telemetry
    from quant_core.live._settings import Settings
    from quant_core.live._strategy import StrategyRow
    from quant_core.live._tracing import Inference
    from quant_core.live.isolated._lane import IsolatedLane
    from quant_core.models import ModelSpec

__all__ = ["Engine", "Outcome"]

_ALL = 3
_OF_SERVER = {"backend_failed", "circuit_open"}
_NO_TICK = -1
_CELLS = 2_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch of ticks.

    Parameters
    ----------
    emitted : Signals
        By tick, then by name of the strategy.
    dead : pyarrow.Table
        Of `DEAD_LETTERS_SCHEMA`.
    accepted : int
        Ticks that were no dead letters.
    inferences : tuple of Inference
        The calls that evaluated models of this process.
    """

    emitted: Signals = field(repr=False)
    dead: pa.Table = field(repr=False)
    accepted: int
    inferences: tuple[Inference, ...] = ()

    @property
    def signals(self) -> pa.Table:
        """The signals as a table of `SIGNALS_SCHEMA`."""
        return self.emitted.table()


class Engine:
    """Features, inference and decisions of all strategies, without threads, input or output.

    The signals of a tick depend on the ticks before it alone, not on how they are cut into batches.

    Parameters
    ----------
    settings : Settings
        Warm-up, limits and quarantine.
    open_model : callable
        Verifies and loads a model; raises a `QuantError` for one that may not be served.
    telemetry : Telemetry, optional
        Where the figures go; nowhere by default.
    isolated : IsolatedLane, optional
        Serves strategies in Python; without it their rows are refused.
    backend : {"auto", "onnxrt"}
        As in `ModelBank`.
    patient : bool
        Whether a batch waits for the strategies in Python, so that its signals come together and
        do not depend on how fast those are: a replay. Without it their signals come with a later
        batch, or by `collect`.
    log : Log, optional
        Is told of quarantines and open circuits.

    Examples
    --------
    >>> engine = Engine(Settings(), open_model)  # doctest: +SKIP
    >>> engine.apply(store.rows())  # doctest: +SKIP
    >>> engine.process(ticks).signals  # doctest: +SKIP
    """

    def __init__(
        self,
        settings: Settings,
        open_model: Callable[[ModelSpec], Predictor],
        telemetry: Telemetry | None = None,
        isolated: IsolatedLane | None = None,
        *,
        backend: Literal["auto", "onnxrt"] = "auto",
        patient: bool = False,
        log: Log | None = None,
    ) -> None:
        self._settings = settings
        self._open_model = open_model
        self._telemetry = telemetry if telemetry is not None else Silent()
        self._patient = patient
        self._backend: Literal["auto", "onnxrt"] = backend
        self._gate = Gate(settings)
        self._history = 0
        self._inferences: list[Inference] = []
        log = log if log is not None else Unlogged()
        released = watcher(log, "strategy", "strategy_quarantined", "strategy_released")
        self._quarantine = Quarantine(settings, released)
        closed = watcher(log, "backend", "circuit_opened", "circuit_closed")
        self._breaker = CircuitBreaker(settings, closed)
        self._asking = Asking(isolated, self._quarantine, self._drop) if isolated else None
        self._rows: tuple[StrategyRow, ...] = ()
        self._serves: dict[str, Serves] = {}
        self._refused: dict[str, str] = {}
        self._features = FeatureBank([], max_instruments=settings.max_instruments)
        self._plan = self._planned()
        self._scope = Scope(self._plan, None, ())
        self.drops: Counter[tuple[str, str]] = Counter()

    def apply(self, rows: Sequence[StrategyRow]) -> Changes:
        """Serve these rows and no others, from the next batch on.

        A row whose model cannot be loaded is refused, and what was served under its name stays.
        Strategies whose rows did not change keep their state; prices seen so far are kept for all.

        Raises
        ------
        ConfigError
            If a name stands twice.
        """
        return self.swap(self.prepare(rows))

    def prepare(self, rows: Sequence[StrategyRow]) -> Prepared:
        """Load the models that rows ask for; changes nothing, and may run in another thread."""
        return prepare(rows, dict(self._serves), self._open_model, lane=self._asking is not None)

    def swap(self, prepared: Prepared) -> Changes:
        """Serve what was prepared, from the next batch on."""
        before, after = self._serves, prepared.serves
        kept = [name for name in after if name in before and after[name].row == before[name].row]
        changes = Changes(
            added=tuple(name for name in after if name not in before),
            changed=tuple(name for name in after if name in before and name not in set(kept)),
            removed=tuple(name for name in before if name not in after),
            refused=tuple(sorted(prepared.refused)),
            unchanged=tuple(kept),
        )
        for name, seconds in prepared.seconds.items():
            self._telemetry.observe("model_load_seconds", (seconds,), strategy=name)
        self._rows, self._serves, self._refused = prepared.rows, after, prepared.refused
        if changes:
            self._rebuild(changes)
        return changes

    def _rebuild(self, changes: Changes) -> None:
        self._features = self._features.with_sets(self._sets())
        self._plan = self._planned()
        self._scope = Scope(self._plan, self._scope, changes.unchanged)
        self._gate.open_for(self._plan.reads)
        if self._asking is not None:
            self._asking.lane.apply([serves.row for serves in self._serves.values()])
        for name in (*changes.changed, *changes.removed):
            self._quarantine.forget(name)

    def _sets(self) -> list[FeatureSet]:
        return [serves.row.features for serves in self._serves.values()]

    def _planned(self) -> Plan:
        models = {n: self._guarded(s.model) for n, s in self._serves.items() if s.model is not None}
        rows = [serves.row for serves in self._serves.values()]
        return Plan(rows, models, self._features, self._settings.warmup_ticks, self._backend)

    def _guarded(self, model: Predictor) -> Predictor:
        return Guarded(model, self._breaker) if isinstance(model, RemoteModel) else model

    def process(
        self,
        ticks: TickBatch,
        history: int = 0,
        malformed: Sequence[DeadLetter] = (),
        *,
        source: str = "ticks",
        shed: int = 0,
    ) -> Outcome:
        """Return the signals of ticks, and dead letters for what was refused.

        Parameters
        ----------
        ticks : TickBatch
            In the order of arrival.
        history : int
            The first this many fill the history only; nothing is emitted for them.
        malformed : sequence of DeadLetter
            Messages that are no ticks; they join the dead letters.
        source : str
            What correlation ids call the source.
        shed : int
            1 leaves out strategies of background priority, 2 those of normal priority too, and 3
            all: the ticks fill the history.
        """
        step = min(self._settings.max_batch, max(1, _CELLS // max(1, len(self._plan.names))))
        ticks, self._inferences = writeable(ticks), []
        if len(ticks) <= step and self._asking is None:
            return self._only(ticks, history, malformed, source, shed)
        parts = [
            self._part(taken(ticks, slice(at, at + step)), max(0, history - at), source, shed)
            for at in range(0, len(ticks), step)
        ]
        if self._asking is not None and not self._patient:
            parts.append(self._answers(0.0))
        letters = [*malformed, *(letter for part in parts for letter in part.dead)]
        accepted, called = sum(part.accepted for part in parts), tuple(self._inferences)
        return _outcome([part.signals for part in parts], letters, accepted, called)

    def _only(
        self,
        ticks: TickBatch,
        history: int,
        malformed: Sequence[DeadLetter],
        source: str,
        shed: int,
    ) -> Outcome:
        if not len(ticks):
            return _outcome([], [*malformed], 0)
        part = self._part(ticks, history, source, shed)
        letters, called = [*malformed, *part.dead], tuple(self._inferences)
        return _outcome([part.signals], letters, part.accepted, called)

    def collect(self, wait: float = 0.0) -> Outcome:
        """Return what strategies in Python have answered since, waiting at most so many seconds."""
        part = self._answers(wait)
        return _outcome([part.signals], part.dead, 0)

    def close_bars(self, *, source: str = "ticks") -> Outcome:
        """Close the bars that are open, as at the end of a replay, and return their signals.

        A signal has the end of its bar as ``ts``. No tick is behind it: its correlation id is
        ``{source}/-1/{n}``, n the place of its instrument among all that were read, by name. Later
        ticks within these bars are refused.
        """
        self._inferences = []
        closed = self._features.close_bars()
        parts = [self._closed(rows, source) for rows in closed if len(rows)]
        letters = [letter for part in parts for letter in part.dead]
        called = tuple(self._inferences)
        return _outcome([part.signals for part in parts], letters, 0, called)

    def _closed(self, rows: Rows, source: str) -> _Part:
        names, read = self._gate.names, self._features.instruments
        places = {name: place for place, name in enumerate(sorted(read))}
        known = [read[code] for code in rows.instrument]
        ranks = np.array([places[name] for name in known], dtype=np.int64)
        order = np.lexsort((ranks, rows.ts))
        codes = np.array([names.index(name) for name in known], dtype=np.int32)[order]
        rows, count = ordered(rows, order), len(order)
        none = np.full(count, np.nan)
        ticks = TickBatch(
            names=names,
            instrument=codes,
            ts=rows.ts,
            price=none,
            bid=none,
            ask=none,
            size=none,
            partition=np.full(count, _NO_TICK, dtype=np.int32),
            offset=ranks[order],
            received=np.full(count, clock().seconds()),
        )
        self._gate.advance(codes, rows.ts)
        completed = {name: none_of(rows, name) for name in self._features.samplings}
        completed[rows.sampling] = rows
        return self._decided(completed, ticks, Admitted(order, codes, 0, []), source, 0)

    @property
    def pending(self) -> int:
        """Calls of strategies in Python that are not answered yet."""
        return self._asking.lane.pending if self._asking is not None else 0

    def unfinished(self) -> dict[int, int]:
        """Return the first offset of each partition that such a call is about."""
        return self._asking.unfinished() if self._asking is not None else {}

    @property
    def refusals(self) -> tuple[str, ...]:
        """Names of the strategies that are not served as their rows say."""
        return tuple(sorted(self._refused))

    def _answers(self, wait: float) -> _Part:
        if self._asking is None:
            return _Part(Signals(), [], 0)
        answered, dead = self._asking.collect(self._plan, self._scope, wait)
        return _Part(Signals(one.signals for one in answered), dead, 0)

    def _part(self, ticks: TickBatch, history: int, source: str, shed: int) -> _Part:
        admitted = self._gate.admit(ticks, history, source)
        if not len(admitted.rows):
            return _Part(Signals(), admitted.dead, 0)
        if len(admitted.rows) < len(ticks):
            ticks = taken(ticks, admitted.rows)
        self._scope.hold(self._gate.names)
        self._count(admitted)
        rows = self._features.push(self._gate.names, admitted.codes, ticks.ts, ticks.price)
        completed = {found.sampling: found for found in rows}
        return self._decided(completed, ticks, admitted, source, shed)

    def _decided(
        self,
        completed: Mapping[str, Rows],
        ticks: TickBatch,
        admitted: Admitted,
        source: str,
        shed: int,
    ) -> _Part:
        instruments, codes = self._scope.instruments, admitted.codes
        origin = Origin(source, ticks.partition, ticks.offset, ticks.ts, codes, instruments)
        closed = self._plan.closed(self._quarantine.allowed(self._plan.names), shed)
        board = Board(self._plan, self._scope, codes, admitted.history, closed)
        self._evaluate(board, completed)
        if self._asking is not None and self._plan.asked:
            batch = Batch(self._gate.names, origin, admitted.history, closed, board.dropped)
            self._ask(self._asking, completed, batch)
        self._dropped(board, closed, "queue_full" if shed >= _ALL else "shed")
        dead = admitted.dead + self._judged(board, ticks, source)
        signals = self._signals(board, origin)
        if self._asking is not None and self._patient:
            answered, failed = self._asking.collect(self._plan, self._scope, math.inf)
            return _Part(Signals([_merged([signals, *answered])]), dead + failed, len(ticks))
        return _Part(Signals([signals.signals]), dead, len(ticks))

    def _ask(self, asking: Asking, completed: Mapping[str, Rows], batch: Batch) -> None:
        if asking.history > self._history:
            self._history = asking.history
            held = self._history + self._settings.max_batch
            self._features = self._features.with_sets(self._sets(), history=held)
        asking.ask(self._plan, self._scope, self._features, completed, batch)

    def _signals(self, board: Board, origin: Origin) -> Answered:
        rows, places, *said = board.emitted()
        return Answered(Drawn(self._plan.labels, origin, rows, places, *said), rows, places)

    def _count(self, admitted: Admitted) -> None:
        counts = np.bincount(admitted.codes[admitted.history :])
        for code in np.flatnonzero(counts).tolist():
            name, amount = self._gate.names[code], float(counts[code])
            self._telemetry.count("market_tick_processed_total", amount, instrument=name)

    def _evaluate(self, board: Board, completed: Mapping[str, Rows]) -> None:
        label = "onnxrt" if self._backend == "onnxrt" else "inprocess"
        if self._settings.remote_inference_url is not None:
            label = "remote"
        for evaluated in self._plan.evaluated:
            rows = completed[evaluated.group.sampling]
            called = board.evaluate(evaluated, rows, label) if len(rows) else None
            if called is not None:
                took, size = (1e3 * called.seconds,), (float(called.rows),)
                self._telemetry.observe("strategy_inference_latency_ms", took, backend=label)
                self._telemetry.observe("strategy_batch_size", size, backend=label)
                self._inferences.append(called)

    def _dropped(self, board: Board, closed: np.ndarray, shed: str) -> None:
        if not closed.any():
            return
        for place in np.flatnonzero(board.dropped):
            reason = {QUARANTINED: "quarantined", OPEN: "circuit_open"}.get(closed[place], shed)
            self._drop(self._plan.names[place], reason, int(board.dropped[place]))

    def _drop(self, strategy: str, reason: str, amount: int) -> None:
        self.drops[strategy, reason] += amount
        self._telemetry.count(
            "strategy_drops_total", float(amount), strategy=strategy, reason=reason
        )

    def _judged(self, board: Board, ticks: TickBatch, source: str) -> list[DeadLetter]:
        """Tell the quarantine of every strategy how it did, and refuse what is not valid."""
        self._quarantine.succeeded(self._well(board))
        if not board.wrong:
            return []
        found: list[tuple[int, DeadLetter]] = []
        for place in np.flatnonzero(board.failed):
            found += self._judged_one(board, ticks, int(place), source)
        return [letter for _, letter in sorted(found, key=lambda pair: pair[0])]

    def _well(self, board: Board) -> Iterator[str]:
        for place in np.flatnonzero((board.valid > 0) & (board.failed == 0)):
            yield self._plan.names[place]

    def _judged_one(
        self, board: Board, ticks: TickBatch, place: int, source: str
    ) -> list[tuple[int, DeadLetter]]:
        name, dropped = self._plan.names[place], 0
        found = []
        for row, valid in board.outcomes(place):
            if self._quarantine.standing(name).state == "quarantined":
                board.refuse(row, place)
                dropped += 1
            elif valid:
                self._quarantine.succeeded([name])
            else:
                letter = self._refusal(board, ticks, row, place, source)
                found.append((row, letter))
                if letter.reason in _OF_SERVER:
                    continue
                self._quarantine.failed(name, f"{letter.reason}: {letter.detail}")
        if dropped:
            self._drop(name, "quarantined", dropped)
        return found

    def _refusal(
        self, board: Board, ticks: TickBatch, row: int, place: int, source: str
    ) -> DeadLetter:
        reason, detail = board.complaint(row, place)
        guarded = self._plan.guarded.get(place)
        if guarded is not None and reason == "raised":
            reason = guarded.reason or reason
        return DeadLetter(
            correlation_id=correlation_id(source, ticks, row),
            reason=reason,
            detail=detail,
            ts=int(ticks.ts[row]),
            instrument=ticks.names[ticks.instrument[row]],
            strategy=self._plan.names[place],
        )

    def served(self) -> list[Served]:
        """Return how every row is served, by name."""
        quarantined = self._quarantine.quarantined()
        warm = {self._plan.names[place] for place in np.flatnonzero(self._scope.warm)}
        serves, refused = dict(self._serves), dict(self._refused)
        if self._asking is not None:
            refused |= self._asking.lane.refused()
            serves |= self._asking.in_force()
        unreached = {
            self._plan.names[place]: model.complaint
            for place, model in self._plan.guarded.items()
            if not model.closed
        }
        return [
            served_row(row, serves.get(row.name), refused, quarantined, warm, unreached)
            for row in self._rows
        ]

    def loading(self) -> set[str]:
        """Return the strategies in Python whose rows are neither in force nor refused yet."""
        if self._asking is None:
            return set()
        force, refused = self._asking.in_force(), self._asking.lane.refused()
        return {
            name
            for name, serves in self._serves.items()
            if serves.row.python
            and name not in refused
            and (name not in force or force[name].row != serves.row)
        }

    def load(self, wait: float) -> None:
        """Return when strategies in Python are loaded or refused, or after ``wait`` seconds."""
        if self._asking is not None:
            self._asking.lane.load(wait)

    def lookback(self) -> dict[str, int]:
        """Return how many observations of each sampling fill the history of every strategy."""
        found: dict[str, int] = {}
        for serves in self._serves.values():
            features, warmup = serves.row.features, serves.row.warmup_ticks
            wanted = max(
                features.lookback, self._settings.warmup_ticks if warmup is None else warmup
            )
            found[features.sampling] = max(wanted, found.get(features.sampling, 0))
        history = self._asking.history if self._asking is not None else 0
        return {sampling: max(count, history) for sampling, count in found.items()}

    @property
    def hit_ratio(self) -> float:
        """Share of the features asked for that another strategy has already."""
        return self._features.hit_ratio

    @property
    def utilization(self) -> float:
        """Filled share of the history rings."""
        return self._features.utilization


@dataclass(frozen=True, slots=True)
class _Part:
    signals: Signals
    dead: list[DeadLetter]
    accepted: int


def _outcome(
    signals: Sequence[Signals],
    letters: list[DeadLetter],
    accepted: int,
    inferences: tuple[Inference, ...] = (),
) -> Outcome:
    dead = dead_letters_table(letters) if letters else no_dead_letters()
    emitted = signals[0] if len(signals) == 1 else Signals.joined(signals)
    return Outcome(emitted, dead, accepted, inferences)


def _merged(answers: list[Answered]) -> Drawn | pa.Table:
    """Return signals by tick, then by strategy."""
    filled = [one for one in answers if len(one.rows)]
    if len(filled) <= 1:
        return (filled or answers)[0].signals
    rows = np.concatenate([one.rows for one in filled])
    places = np.concatenate([one.places for one in filled])
    table = pa.concat_tables([one.signals.table() for one in filled]).unify_dictionaries()
    return table.combine_chunks().take(np.lexsort((places, rows)))
