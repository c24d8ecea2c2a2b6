"""Spans of a batch: one a tick, and below it one for every inference that read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quant_core.live._messages import TickBatch
    from quant_core.live._protocols import Telemetry

__all__ = ["Inference", "trace"]


@dataclass(frozen=True, slots=True)
class Inference:
    """One call that evaluated the models of a sampling.

    Parameters
    ----------
    sampling, backend : str
        What one observation is, and who evaluated it.
    started, seconds : float
        Reading of the clock's seconds at its start, and how long it took.
    rows, cells : int
        Observations, and predictions made of them.
    """

    sampling: str
    backend: str
    started: float
    seconds: float
    rows: int
    cells: int


def trace(
    telemetry: Telemetry,
    source: str,
    ticks: TickBatch,
    history: int,
    inferences: Sequence[Inference],
    ended: float,
) -> None:
    """Record the spans of a batch that was emitted at ``ended``."""
    for row in range(history, len(ticks)):
        tick = {
            "correlation_id": f"{source}/{ticks.partition[row]}/{ticks.offset[row]}",
            "instrument": ticks.names[ticks.instrument[row]],
        }
        received = float(ticks.received[row])
        telemetry.span("tick", received, ended - received, tick)
        for one in inferences:
            called = {"sampling": one.sampling, "backend": one.backend, "rows": one.rows}
            telemetry.span("inference", one.started, one.seconds, tick | called)
