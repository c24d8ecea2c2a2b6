"""Strategies in Python: what they are asked, and what becomes of their answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from quant_core.live._kernels import activate
from quant_core.live._labels import Labels, Origin
from quant_core.live._loading import Serves
from quant_core.live._messages import DeadLetter
from quant_core.live._python_strategy import Block
from quant_core.live._signals import Drawn
from quant_core.live.isolated._messages import Dropped, Failure, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from quant_core.features import FeatureBank, Rows
    from quant_core.live._plan import Group, Plan, Scope
    from quant_core.live._quarantine import Quarantine
    from quant_core.live._strategy import StrategyRow
    from quant_core.live.isolated._lane import IsolatedLane
    from quant_core.live.isolated._messages import Result, Serving

__all__ = ["Answered", "Asking", "Batch"]


@dataclass(frozen=True, slots=True)
class Batch:
    """The ticks that strategies are asked about.

    Parameters
    ----------
    names : tuple of str
        Instruments, by the codes of ``origin``.
    origin : Origin
        Where they came from.
    history : int
        The first this many fill the history only.
    closed : numpy.ndarray of uint8
        Why a strategy is not asked; 0 if it is.
    dropped : numpy.ndarray of int64
        Counts the ticks that a closed strategy was not asked about.
    """

    names: tuple[str, ...] = field(repr=False)
    origin: Origin = field(repr=False)
    history: int
    closed: np.ndarray = field(repr=False)
    dropped: np.ndarray = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """Signals, and what they answer.

    Parameters
    ----------
    signals : Drawn
        What was answered.
    rows, places : numpy.ndarray of int64
        Tick of the batch and strategy of each.
    """

    signals: Drawn = field(repr=False)
    rows: np.ndarray = field(repr=False)
    places: np.ndarray = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    origin: Origin
    rows: np.ndarray


class Asking:
    """Calls of strategies in Python that are under way.

    Parameters
    ----------
    lane : IsolatedLane
        Runs them.
    quarantine : Quarantine
        Is told of every outcome.
    drop : callable
        Counts what was dropped: strategy, reason, ticks.
    """

    def __init__(
        self,
        lane: IsolatedLane,
        quarantine: Quarantine,
        drop: Callable[[str, str, int], None],
    ) -> None:
        self.lane, self._quarantine, self._drop = lane, quarantine, drop
        self._labels: dict[str, tuple[StrategyRow, Labels]] = {}
        self._under_way: list[_Asked] = []

    @property
    def history(self) -> int:
        """Prices that a strategy wants to look back on, at most."""
        return max((one.history for one in self.lane.serving().values()), default=0)

    def in_force(self) -> dict[str, Serves]:
        """Return what is served, by name: the row before while a changed one is loading."""
        return {name: Serves(one.row, None) for name, one in self.lane.serving().items()}

    def unfinished(self) -> dict[int, int]:
        """Return the first offset of each partition whose answers are outstanding."""
        first: dict[int, int] = {}
        for asked in self._under_way:
            for partition, offset in zip(
                asked.origin.partition.tolist(), asked.origin.offset.tolist(), strict=True
            ):
                first[partition] = min(offset, first.get(partition, offset))
        return first

    def ask(
        self,
        plan: Plan,
        scope: Scope,
        features: FeatureBank,
        completed: Mapping[str, Rows],
        batch: Batch,
    ) -> None:
        """Ask the strategies of a plan about what a batch completed."""
        serving = self.lane.serving()
        for group in plan.asked:
            rows = completed[group.sampling]
            active = _active(group, rows, scope, batch)
            for j, place in enumerate(group.places):
                chosen, name = np.flatnonzero(active[:, j]), plan.names[place]
                if len(chosen) and name not in serving:
                    self._drop(name, "not_serving", len(chosen))
                elif len(chosen):
                    values = rows.values[chosen][:, group.columns[j]]
                    self._submit(serving[name], rows, chosen, values, features, batch)

    def _submit(
        self,
        serving: Serving,
        rows: Rows,
        chosen: np.ndarray,
        values: np.ndarray,
        features: FeatureBank,
        batch: Batch,
    ) -> None:
        ticks, whole = rows.tick[chosen], batch.origin
        origin = Origin(
            whole.source,
            whole.partition[ticks],
            whole.offset[ticks],
            whole.ts[ticks],
            whole.codes[ticks],
            whole.instruments,
        )
        block = Block(
            names=batch.names,
            instrument=origin.codes,
            ts=origin.ts,
            rows=values,
            history=_history(features, rows, chosen, serving.history),
        )
        asked = _Asked(origin, ticks)
        self._under_way.append(asked)
        self._quarantine.started(serving.row.name)
        self.lane.submit(Work(serving.row, block, asked))

    def collect(
        self, plan: Plan, scope: Scope, wait: float
    ) -> tuple[list[Answered], list[DeadLetter]]:
        """Return what was answered, and dead letters for calls that failed."""
        answered: list[Answered] = []
        dead: list[DeadLetter] = []
        for outcome in self.lane.collect(wait):
            asked: _Asked = outcome.work.context
            self._under_way = [other for other in self._under_way if other is not asked]
            name = outcome.work.row.name
            if isinstance(outcome, Dropped):
                self._drop(name, outcome.reason, len(outcome.work.block))
            elif isinstance(outcome, Failure):
                dead += self._failed(outcome, asked)
            elif name in plan.places:
                self._quarantine.succeeded([name])
                answered.append(self._answered(outcome, asked, plan, scope))
            else:
                self._drop(name, "not_serving", len(outcome.work.block))
        return answered, dead

    def _failed(self, failure: Failure, asked: _Asked) -> Iterable[DeadLetter]:
        name, origin = failure.work.row.name, asked.origin
        if self._quarantine.failed(name, f"{failure.reason}: {failure.detail}"):
            self.lane.discard(name, "quarantined")
        for k in range(len(origin.ts)):
            yield DeadLetter(
                correlation_id=f"{origin.source}/{origin.partition[k]}/{origin.offset[k]}",
                reason=failure.reason,
                detail=failure.detail,
                ts=int(origin.ts[k]),
                instrument=origin.instruments[int(origin.codes[k])].as_py(),
                strategy=name,
            )

    def _answered(self, result: Result, asked: _Asked, plan: Plan, scope: Scope) -> Answered:
        row = result.work.row
        place, codes = plan.places[row.name], asked.origin.codes
        sent = np.arange(len(codes))
        if row.emit == "change":
            sent = _changes(result.signals, codes, scope.last[:, place])
        signals = Drawn(
            self._label(row),
            asked.origin,
            sent,
            np.zeros(len(sent), dtype=np.int64),
            scope.mode[codes[sent], place],
            result.predictions[sent],
            result.signals[sent],
        )
        return Answered(signals, asked.rows[sent], np.full(len(sent), place))

    def _label(self, row: StrategyRow) -> Labels:
        known = self._labels.get(row.name)
        if known is None or known[0] != row:
            known = self._labels[row.name] = (row, Labels([row]))
        return known[1]


def _active(group: Group, rows: Rows, scope: Scope, batch: Batch) -> np.ndarray:
    active = np.empty((len(rows), len(group.places)), dtype=np.bool_)
    activate(
        rows.tick,
        batch.origin.codes[rows.tick],
        rows.count,
        rows.seen,
        scope.eligible,
        group.places,
        group.lookback,
        group.warmup,
        batch.closed,
        np.zeros(len(batch.closed), dtype=np.bool_),
        batch.history,
        active,
        batch.dropped,
    )
    scope.warm[group.places] |= active.any(axis=0)
    return active


def _changes(signals: np.ndarray, codes: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return which signals differ from the last one of their instrument, and remember them."""
    sent = []
    for k, (signal, code) in enumerate(zip(signals, codes, strict=True)):
        if signal != last[code]:
            last[code] = signal
            sent.append(k)
    return np.array(sent, dtype=np.int64)


def _history(features: FeatureBank, rows: Rows, chosen: np.ndarray, length: int) -> np.ndarray:
    """Return the last prices up to each chosen row, from rings that end with the last row."""
    found = np.full((len(chosen), length), np.nan)
    if not length:
        return found
    names = features.instruments
    for code in np.unique(rows.instrument[chosen]):
        own = np.flatnonzero(rows.instrument == code)
        held = features.history(names[code], rows.sampling, length + len(own) - 1)
        for place in np.flatnonzero(rows.instrument[chosen] == code):
            stop = len(held) - int((own > chosen[place]).sum())
            part = held[max(0, stop - length) : stop]
            found[place, length - len(part) :] = part
    return found
