"""Simulating in a process that may hang or die without taking anything else along."""

from __future__ import annotations

import os
import selectors
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from quant_core.clock import SystemClock
from quant_core.errors import SimulationError
from quant_core.isolation import Frame, WorkerProcess, encode
from quant_core.simulators._foreign import ForeignSimulator
from quant_core.simulators._path import SimulatedPath
from quant_core.simulators._simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from pydantic import BaseModel

    from quant_core.simulators._rebalance import Rebalance
    from quant_core.simulators._simulator import Simulator

__all__ = ["SimulatorProcess", "end_apart", "simulate_apart"]

_WORKER = "quant_core.simulators._apart_worker"
_LOADING_SECONDS = 300.0
_LONGEST_WAIT = 1.0
_REAL = SystemClock()  # processes live in real time, whatever clock is in force


class SimulatorProcess:
    """A process that simulates one path after the other.

    It is started by the first path and by the first one after its end. An engine that could not be
    loaded is not tried again.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._process: WorkerProcess | None = None
        self._loaded: set[str] = set()
        self._refused: dict[str, str] = {}
        self._lock = Lock()

    @property
    def pid(self) -> int | None:
        """Id of the process, if there is one."""
        return self._process.pid if self._process is not None else None

    def simulate(
        self,
        simulator: ForeignSimulator,
        rebalance: Rebalance,
        *,
        values: np.ndarray,
        weights: np.ndarray,
        rows: np.ndarray,
        rate: float,
    ) -> SimulatedPath:
        """Simulate one path as `quant_core.simulators.simulate` does.

        Raises
        ------
        SimulationError
            If the engine cannot be loaded, raises, dies, or passes the limits of the simulator.
        """
        with self._lock:
            self._load(simulator)
            asked = {"kind": "simulate", "rebalance": _spelled(rebalance), "rate": float(rate)}
            given = {"values": values, "weights": weights, "rows": rows.astype("<i8", copy=False)}
            found = self._ask(simulator, asked, given, simulator.time_limit).arrays
        return SimulatedPath(found["nav"], found["turnover"], found["cost"])

    def close(self) -> None:
        """End the process, and forget what could not be loaded."""
        with self._lock:
            self._end()
            self._refused.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._selector.close()

    def _load(self, simulator: ForeignSimulator) -> None:
        kind = _kind(simulator)
        if kind in self._loaded:
            return
        if kind in self._refused:
            raise SimulationError(self._refused[kind])
        try:
            if self._process is None:
                self._process = WorkerProcess(self._selector, _WORKER)
            self._ask(simulator, {"kind": "load"}, {}, _LOADING_SECONDS)
        except (SimulationError, OSError) as error:
            self._refused[kind] = f"its engine could not be loaded: {error}"
            raise SimulationError(self._refused[kind]) from error
        self._loaded.add(kind)

    def _ask(
        self,
        simulator: ForeignSimulator,
        asked: Mapping[str, Any],
        given: Mapping[str, np.ndarray],
        seconds: float,
    ) -> Frame:
        assert self._process is not None
        spelled = _spelled(simulator)
        self._process.send(encode({**asked, "simulator": spelled}, given))
        frame = self._answer(self._process, seconds)
        if frame.fields["kind"] == "failed":
            raise SimulationError(frame.fields["detail"])
        return frame

    def _answer(self, process: WorkerProcess, seconds: float) -> Frame:
        end = _REAL.seconds() + seconds
        while process.alive and (left := end - _REAL.seconds()) > 0.0:
            for key, _ in self._selector.select(min(left, _LONGEST_WAIT)):
                if key.fileobj is process.errors:
                    process.drain()
                elif frames := process.receive():
                    return frames[0]
        died = not process.alive
        self._end()
        if died:
            raise SimulationError(f"its process ended: {process.last_words}")
        raise SimulationError(
            f"expected an answer within {seconds:g} seconds, found none; its process was ended"
        )

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
        self._process = None
        self._loaded.clear()


_own: dict[int, SimulatorProcess] = {}


def simulate_apart(
    simulator: Simulator,
    rebalance: Rebalance,
    *,
    values: np.ndarray,
    weights: np.ndarray,
    rows: np.ndarray,
    rate: float,
) -> SimulatedPath:
    """Simulate as `simulate` does, the engine of another library in a process of its own.

    This process keeps one such process for all its paths; it ends with this one, or with
    `end_apart`.

    Raises
    ------
    DataError
        As `simulate`, where the simulator is this library's own.
    SimulationError
        If there is no path: the engine cannot be loaded, raises, dies, or passes a limit.
    """
    if not isinstance(simulator, ForeignSimulator):
        return simulate(simulator, rebalance, values=values, weights=weights, rows=rows, rate=rate)
    # A process that was forked has its own: the pipes of the one before belong to its parent.
    apart = _own.get(os.getpid()) or _own.setdefault(os.getpid(), SimulatorProcess())
    return apart.simulate(
        simulator, rebalance, values=values, weights=weights, rows=rows, rate=rate
    )


def end_apart() -> None:
    """End the process that `simulate_apart` has started, if it has."""
    if os.getpid() in _own:
        _own[os.getpid()].close()


def _kind(model: BaseModel) -> str:
    return f"{type(model).__module__}:{type(model).__qualname__}"


def _spelled(model: BaseModel) -> dict[str, Any]:
    return {"kind": _kind(model), "fields": model.model_dump(mode="json")}
