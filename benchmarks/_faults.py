"""Strategies in Python that misbehave, for the runner to live with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from quant_core.live import Block

    type Answer = tuple[np.ndarray, np.ndarray]


class Faulty:
    """A strategy that one function makes."""

    def __init__(self, evaluate: Callable[[Block], Answer]) -> None:
        self.evaluate, self.history = evaluate, 0


def raises() -> Faulty:
    """Raise on every call."""

    def evaluate(block: Block) -> Answer:
        raise RuntimeError(f"{len(block)} rows are too many")

    return Faulty(evaluate)


def hangs() -> Faulty:
    """Never answer."""

    def evaluate(block: Block) -> Answer:
        while True:
            time.sleep(len(block))

    return Faulty(evaluate)


def not_finite() -> Faulty:
    """Answer NaN."""
    return Faulty(lambda block: (np.full(len(block), np.nan), np.zeros(len(block))))


def wrong_shape() -> Faulty:
    """Answer one row too many."""
    return Faulty(lambda block: (np.zeros(len(block) + 1), np.zeros(len(block) + 1)))


FAULTS = ("raises", "hangs", "not_finite", "wrong_shape")
