"""A strategy in Python: three parts, and how they are joined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "Block",
    "DecisionPostProcessor",
    "FeatureExtractor",
    "ModelPredictor",
    "PythonStrategy",
]


@dataclass(frozen=True, slots=True)
class Block:
    """Observations that a strategy is asked about, in the order of their ticks.

    Parameters
    ----------
    names : tuple of str
        Instruments that the codes stand for.
    instrument : numpy.ndarray of int32, shape (K,)
        Index into ``names``.
    ts : numpy.ndarray of int64, shape (K,)
        Instant of each tick, nanoseconds since 1970-01-01 UTC.
    rows : numpy.ndarray of float64, shape (K, F)
        Values of the row's feature set; none is NaN.
    history : numpy.ndarray of float64, shape (K, H)
        The last H prices of the instrument up to each observation, the oldest first; NaN where
        there was none. H is what the strategy declares, 0 by default.
    """

    names: tuple[str, ...]
    instrument: np.ndarray = field(repr=False)
    ts: np.ndarray = field(repr=False)
    rows: np.ndarray = field(repr=False)
    history: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.ts)


class FeatureExtractor(Protocol):
    """First part: what the model is given."""

    def extract(self, block: Block) -> np.ndarray:
        """Return the rows of the model's input, float64 of shape (K, F)."""
        ...


class ModelPredictor(Protocol):
    """Second part: what is expected to come."""

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the predictions, float64 of shape (K,), of rows of shape (K, F)."""
        ...


class DecisionPostProcessor(Protocol):
    """Third part: what to hold."""

    def decide(self, predictions: np.ndarray, block: Block) -> np.ndarray:
        """Return the signals in [-1, 1], float64 of shape (K,), of predictions of shape (K,)."""
        ...


@dataclass(frozen=True, slots=True)
class PythonStrategy:
    """Three parts joined: what the factory of a strategy in Python returns.

    ``StrategyRow.python`` names the factory, ``package.module:factory``. A worker process calls it
    once with ``StrategyRow.parameters`` as keywords and, if the row has a model, with that model as
    the keyword ``predictor``, a `ModelPredictor`. Importing, loading and compiling belong there:
    `evaluate` has only the row's ``budget_ms``.

    The answer for an observation is a function of that observation alone. A worker may be replaced
    at any time and observations come in blocks of any size, so nothing may be carried over from
    one call to the next.

    Parameters
    ----------
    extractor : FeatureExtractor
        From features and prices to the model's input.
    predictor : ModelPredictor
        From the model's input to predictions.
    decision : DecisionPostProcessor
        From predictions to signals.
    history : int
        Prices per observation that ``Block.history`` shall hold.
    """

    extractor: FeatureExtractor
    predictor: ModelPredictor
    decision: DecisionPostProcessor
    history: int = 0

    def evaluate(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions and signals, float64 of shape (K,), of a block of K observations."""
        predictions = self.predictor.predict(self.extractor.extract(block))
        return predictions, self.decision.decide(predictions, block)
