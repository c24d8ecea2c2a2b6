"""The cells of one batch: what each strategy said of each tick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.clock import clock
from quant_core.live._kernels import FAILED_PREDICTION, FAILED_SIGNAL, activate, examine, pick
from quant_core.live._tracing import Inference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quant_core.features import Rows
    from quant_core.live._plan import Evaluated, Plan, Scope

__all__ = ["Board"]


class Board:
    """Predictions, signals and their status, one row a tick and one column a strategy.

    Parameters
    ----------
    plan : Plan
        The M strategies.
    scope : Scope
        What they read.
    codes : numpy.ndarray of int32, shape (R,)
        Instruments of the ticks.
    history : int
        Ticks that fill the history only.
    closed : numpy.ndarray of uint8, shape (M,)
        Why a strategy is not asked; 0 if it is.
    """

    def __init__(
        self, plan: Plan, scope: Scope, codes: np.ndarray, history: int, closed: np.ndarray
    ) -> None:
        shape, width = (len(codes), len(plan.names)), len(plan.names)
        self._plan, self._scope, self._codes = plan, scope, codes
        self._history, self._closed = history, closed
        self._failures: dict[int, str] = {}
        self.wrong = 0
        self._status = np.zeros(shape, dtype=np.uint8)
        self.predictions = np.empty(shape)
        self.signals = np.empty(shape)
        self.valid = np.zeros(width, dtype=np.int64)
        self.failed = np.zeros(width, dtype=np.int64)
        self.dropped = np.zeros(width, dtype=np.int64)

    def evaluate(self, evaluated: Evaluated, rows: Rows, backend: str) -> Inference | None:
        """Ask the strategies of a group; None where none of them had to be asked."""
        group, plan, scope = evaluated.group, self._plan, self._scope
        active = np.empty((len(rows), len(group.places)), dtype=np.bool_)
        cells = activate(
            rows.tick,
            self._codes[rows.tick],
            rows.count,
            rows.seen,
            scope.eligible,
            group.places,
            group.lookback,
            group.warmup,
            self._closed,
            plan.remembers,
            self._history,
            active,
            self.dropped,
        )
        if not cells:
            return None
        started = clock().seconds()
        predictions = evaluated.bank.predict(rows.values, active)
        seconds = clock().seconds() - started
        signals = evaluated.decisions.signals(predictions)
        self.wrong += examine(
            rows.tick,
            group.places,
            active,
            predictions,
            signals,
            self._history,
            self._status,
            self.predictions,
            self.signals,
            self.valid,
            self.failed,
            scope.warm,
        )
        for place, why in evaluated.bank.failures.items():
            self._failures[int(group.places[place])] = why
        return Inference(group.sampling, backend, started, seconds, len(rows), int(cells))

    def outcomes(self, place: int) -> Iterator[tuple[int, bool]]:
        """Yield the ticks that a strategy was asked about, and whether the answer is valid."""
        for row in np.flatnonzero(self._status[:, place]):
            if row >= self._history:
                yield int(row), bool(self._status[row, place] < FAILED_PREDICTION)

    def refuse(self, row: int, place: int) -> None:
        """Take back the answer of a strategy about a tick."""
        self._status[row, place] = 0

    def complaint(self, row: int, place: int) -> tuple[str, str]:
        """Return the reason and the detail of an answer that is not valid."""
        if place in self._failures:
            return "raised", self._failures[place]
        if self._status[row, place] == FAILED_SIGNAL:
            found = float(self.signals[row, place])
            return "out_of_range", f"signal: expected a number in [-1, 1], found {found!r}"
        found = float(self.predictions[row, place])
        return "not_finite", f"prediction: expected a finite number, found {found!r}"

    def emitted(self) -> tuple[np.ndarray, ...]:
        """Return tick, strategy, mode, prediction and value of every signal to emit.

        They are ordered by tick, then by strategy.
        """
        most = int(self.valid.sum())
        rows, places = np.empty((2, most), dtype=np.int64)
        modes = np.empty(most, dtype=np.int8)
        predicted, held = np.empty((2, most))
        found = pick(
            self._status,
            self.predictions,
            self.signals,
            self._scope.mode,
            self._codes,
            self._plan.remembers,
            self._scope.last,
            self._history,
            rows,
            places,
            modes,
            predicted,
            held,
        )
        columns = (rows, places, modes, predicted, held)
        return columns if found == most else tuple(one[:found] for one in columns)
