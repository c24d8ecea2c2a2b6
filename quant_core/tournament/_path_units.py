"""What a worker does in stage two: the paths of a few cells that share their weights."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quant_core.clock import clock
from quant_core.errors import QuantError
from quant_core.simulators import simulate_apart
from quant_core.workspace import workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.simulators import Rebalance, SimulatedPath, Simulator

__all__ = ["PathOutcome", "PathUnit", "simulate_unit"]


class PathUnit(NamedTuple):
    """Cells of one simulator that hold the same weights.

    Parameters
    ----------
    weights : int
        Place of the weights among the shared ones.
    simulator : Simulator
        Who simulates.
    rebalances : tuple of Rebalance
        One cell each.
    rate : float
        Cost as a fraction of traded value.
    """

    weights: int
    simulator: Simulator
    rebalances: tuple[Rebalance, ...]
    rate: float


class PathOutcome(NamedTuple):
    """How one cell ended.

    Parameters
    ----------
    path : SimulatedPath or None
        Its path; None if it failed.
    hhi : numpy.ndarray, shape (T,)
        Herfindahl-Hirschman index of the weights in force.
    failure : str
        Why it failed; empty when it did not.
    seconds : float
        How long it took.
    worker : str
        Who did it.
    """

    path: SimulatedPath | None
    hhi: np.ndarray
    failure: str
    seconds: float
    worker: str


def simulate_unit(unit: PathUnit, shared: Mapping[str, np.ndarray]) -> list[PathOutcome]:
    """Simulate the cells of a unit; what one of them raises is its own failure.

    Parameters
    ----------
    unit : PathUnit
        The cells.
    shared : mapping of str to numpy.ndarray
        ``values`` (T, n), ``rows`` (W,) and ``weights`` (L, W, n).
    """
    weights = shared["weights"][unit.weights]
    held = np.flatnonzero(weights.any(axis=0))
    lengths = np.diff(shared["rows"], append=len(shared["values"]))
    # Over the atoms held alone: how a sum is grouped may not depend on columns of zeros.
    hhi = np.repeat([np.square(window[window != 0.0]).sum() for window in weights], lengths)
    buffers = workspace()
    values = buffers.columns("path values", shared["values"], held)
    targets = buffers.columns("path targets", weights, held)
    return [
        _simulate(unit, rebalance, values, targets, shared["rows"], hhi)
        for rebalance in unit.rebalances
    ]


def _simulate(
    unit: PathUnit,
    rebalance: Rebalance,
    values: np.ndarray,
    weights: np.ndarray,
    rows: np.ndarray,
    hhi: np.ndarray,
) -> PathOutcome:
    started, path, failure = clock().seconds(), None, ""
    try:
        path = simulate_apart(
            unit.simulator, rebalance, values=values, weights=weights, rows=rows, rate=unit.rate
        )
    except Exception as error:  # noqa: BLE001 - an engine may raise anything; the cell says what
        failure = _told(error)
    seconds = clock().seconds() - started
    return PathOutcome(path, hhi, failure, seconds, f"process {os.getpid()}")


def _told(error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    return lines[0] if isinstance(error, QuantError) else f"{type(error).__name__}: {lines[0]}"
