"""Strategies in Python for the engine's tests."""

from collections.abc import Callable
from typing import Any

import numpy as np

from quant_core.live import Block


class Strategy:
    def __init__(self, evaluate: Callable[[Block], Any], history: int = 0) -> None:
        self.evaluate = evaluate
        self.history = history


def last(scale: float) -> Strategy:
    """Predict the price, and hold it over a scale."""

    def evaluate(block: Block) -> Any:
        return block.rows[:, 0], np.clip(block.rows[:, 0] / scale, -1.0, 1.0)

    return Strategy(evaluate)


def oldest(history: int) -> Strategy:
    """Predict the oldest of the last prices; -1 where there are fewer."""

    def evaluate(block: Block) -> Any:
        return np.nan_to_num(block.history[:, 0], nan=-1.0), np.zeros(len(block))

    return Strategy(evaluate, history)


def raises() -> Strategy:
    def evaluate(block: Block) -> Any:
        raise ValueError(f"no answer for {len(block)} observations")

    return Strategy(evaluate)


def missing() -> Strategy:
    raise RuntimeError("no such parameter file")
