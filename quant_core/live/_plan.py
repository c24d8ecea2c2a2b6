"""What is served at one time: which strategy reads what, and what evaluates it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from quant_core.decisions import Decisions
from quant_core.inference import ModelBank
from quant_core.live._guarded import Guarded
from quant_core.live._kernels import OPEN, QUARANTINED, SHED
from quant_core.live._labels import Labels, text_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.features import FeatureBank
    from quant_core.inference import Predictor
    from quant_core.live._strategy import StrategyRow

__all__ = ["Group", "Plan", "Scope", "on_canary"]

_EVERY = "*"


def on_canary(instrument: str, share: float) -> bool:
    """Say whether a canary is live on an instrument: the same instruments for every canary."""
    drawn = hashlib.blake2b(instrument.encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") < share * 2.0**64


@dataclass(frozen=True, slots=True)
class Group:
    """The strategies of one sampling.

    Parameters
    ----------
    sampling : str
        What one observation is.
    places : numpy.ndarray of int64, shape (m,)
        Where they are in the plan.
    columns : tuple of numpy.ndarray
        Where the features of each are in the rows of the sampling.
    lookback, warmup : numpy.ndarray of int64, shape (m,)
        Observations that a row needs to be complete, and that an instrument needs before the first
        signal.
    """

    sampling: str
    places: np.ndarray = field(repr=False)
    columns: tuple[np.ndarray, ...] = field(repr=False)
    lookback: np.ndarray = field(repr=False)
    warmup: np.ndarray = field(repr=False)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A group whose models and decisions are evaluated together."""

    group: Group
    bank: ModelBank = field(repr=False)
    decisions: Decisions = field(repr=False)


class Plan:
    """Strategies by name, grouped by sampling.

    Parameters
    ----------
    rows : sequence of StrategyRow
        What to serve, sorted by name.
    models : mapping of str to Predictor
        The model of each strategy that is evaluated in this process.
    features : FeatureBank
        Holds the feature sets of all rows.
    warmup : int
        Observations before the first signal, where a row does not say.
    backend : {"auto", "onnxrt"}
        As in `ModelBank`.
    """

    def __init__(
        self,
        rows: Sequence[StrategyRow],
        models: Mapping[str, Predictor],
        features: FeatureBank,
        warmup: int,
        backend: Literal["auto", "onnxrt"],
    ) -> None:
        self.rows = tuple(rows)
        self.names = tuple(row.name for row in rows)
        self.places = {name: place for place, name in enumerate(self.names)}
        self.labels = Labels(rows)
        self.remembers = np.array([row.emit == "change" for row in rows], dtype=bool)
        self.shed_at = np.array([_SHED_AT[row.priority] for row in rows], dtype=np.int64)
        self.python = np.array([bool(row.python) for row in rows], dtype=bool)
        self._closed: tuple[np.ndarray, int, np.ndarray] | None = None
        self._every = any(_EVERY in row.instruments for row in rows)
        self._read = {name for row in rows for name in row.instruments}
        self.guarded = {
            self.places[name]: model for name, model in models.items() if isinstance(model, Guarded)
        }
        self.evaluated: list[Evaluated] = []
        self.asked: list[Group] = []
        for sampling in features.samplings:
            inside = [p for p, row in enumerate(rows) if row.features.sampling == sampling]
            own = [place for place in inside if not self.python[place]]
            if own:
                group = _group(sampling, own, rows, features, warmup)
                bank = ModelBank(
                    [models[rows[place].name] for place in own], group.columns, backend
                )
                decisions = Decisions([rows[place].decision for place in own])
                self.evaluated.append(Evaluated(group, bank, decisions))
            python = [place for place in inside if self.python[place]]
            if python:
                self.asked.append(_group(sampling, python, rows, features, warmup))

    def reads(self, instrument: str) -> bool:
        """Say whether a strategy reads an instrument."""
        return self._every or instrument in self._read

    def closed(self, allowed: np.ndarray, shed: int) -> np.ndarray:
        """Return why each strategy is not asked: 0, or the number of the reason."""
        if self._closed is None or self._closed[0] is not allowed or self._closed[1] != shed:
            why = np.where(~allowed, QUARANTINED, np.where(self.shed_at <= shed, SHED, 0))
            self._closed = (allowed, shed, why.astype(np.uint8))
        why = self._closed[2]
        for place, model in self.guarded.items():
            if not why[place] and not model.closed:
                why = why.copy() if why is self._closed[2] else why
                why[place] = OPEN
        return why


_SHED_AT = {"background": 1, "normal": 2, "critical": 3}


def _group(
    sampling: str,
    places: list[int],
    rows: Sequence[StrategyRow],
    features: FeatureBank,
    warmup: int,
) -> Group:
    chosen = [rows[place] for place in places]
    return Group(
        sampling,
        np.array(places, dtype=np.int64),
        tuple(features.columns(row.features) for row in chosen),
        np.array([row.features.lookback for row in chosen], dtype=np.int64),
        np.array(
            [warmup if row.warmup_ticks is None else row.warmup_ticks for row in chosen],
            dtype=np.int64,
        ),
    )


class Scope:
    """What a plan knows of each instrument: who reads it, in which mode, and the last signals.

    Parameters
    ----------
    plan : Plan
        The strategies, one a column.
    before : Scope or None
        Whose last signals go on for strategies in ``unchanged``.
    unchanged : collection of str
        Names of strategies that are served as before.
    """

    def __init__(self, plan: Plan, before: Scope | None, unchanged: Sequence[str]) -> None:
        self._plan = plan
        self._names: tuple[str, ...] = ()
        self.instruments = text_array(())
        width = len(plan.names)
        self.eligible = np.zeros((0, width), dtype=bool)
        self.mode = np.zeros((0, width), dtype=np.int8)
        self.last = np.zeros((0, width))
        self.warm = np.zeros(width, dtype=bool)
        if before is not None:
            self.hold(before._names)  # noqa: SLF001 - of the same class
            self._go_on(before, unchanged)

    def hold(self, names: tuple[str, ...]) -> None:
        """Make room for the instruments of a gate, which only grow in number."""
        if names is self._names:
            return
        new = names[len(self._names) :]
        self._names = names
        self.instruments = text_array(names)
        rows = self._plan.rows
        eligible = [
            [_EVERY in r.instruments or name in r.instruments for r in rows] for name in new
        ]
        mode = [[_shadowed(row, name) for row in rows] for name in new]
        shape = (len(new), len(rows))
        self.eligible = np.concatenate([self.eligible, np.array(eligible, bool).reshape(shape)])
        self.mode = np.concatenate([self.mode, np.array(mode, np.int8).reshape(shape)])
        self.last = np.concatenate([self.last, np.full(shape, np.nan)])

    def _go_on(self, before: Scope, unchanged: Sequence[str]) -> None:
        to = [self._plan.places[name] for name in unchanged]
        origin = [before._plan.places[name] for name in unchanged]
        self.last[:, to] = before.last[:, origin]
        self.warm[to] = before.warm[origin]


def _shadowed(row: StrategyRow, instrument: str) -> bool:
    if row.mode == "canary":
        return not on_canary(instrument, row.canary_share)
    return row.mode == "shadow"
