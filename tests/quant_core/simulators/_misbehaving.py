"""Simulators that stand on another library, and that misbehave in the ways there are."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from quant_core.simulators import ForeignSimulator, SimulatedPath

if TYPE_CHECKING:
    from quant_core.simulators import Rebalance

LOADED = 2
"""Days of the path by which an engine is loaded."""


class Good(ForeignSimulator):
    """Answers what it was given: value, weight and rate."""

    package: ClassVar[str] = "numpy"
    distribution: ClassVar[str] = "numpy"
    name: Literal["good"] = "good"

    def run(
        self,
        rebalance: Rebalance,
        *,
        values: np.ndarray,
        weights: np.ndarray,
        rows: np.ndarray,
        rate: float,
    ) -> SimulatedPath:
        if len(values) > LOADED:
            self.misbehave()
        days = np.full(len(values), rebalance.drift_limit)
        return SimulatedPath(
            values.sum(axis=1), days, np.full(len(values), rate) + weights[0, 0] + rows[0]
        )

    def misbehave(self) -> None:
        """Do nothing."""

    @property
    def modules(self) -> tuple[str, ...]:
        return ()


class Hangs(Good):
    def misbehave(self) -> None:
        while True:
            signal.pause()


class Dies(Good):
    def misbehave(self) -> None:
        os.write(2, b"a wild pointer")
        os.kill(os.getpid(), signal.SIGSEGV)


class Exits(Good):
    def misbehave(self) -> None:
        os._exit(3)


class Raises(Good):
    def misbehave(self) -> None:
        raise ValueError("the order book is on fire")


class Devours(Good):
    def misbehave(self) -> None:
        np.ones(1 << 29)


class CannotLoad(Good):
    def run(self, *_: object, **__: object) -> SimulatedPath:
        os._exit(4)
