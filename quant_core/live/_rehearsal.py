"""One batch before the first tick: what is compiled or imported late is ready by then."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from quant_core.features import Feature, FeatureSet
from quant_core.inference import warm
from quant_core.live._engine import Engine
from quant_core.live._messages import TickBatch
from quant_core.live._settings import Settings
from quant_core.live._strategy import StrategyRow
from quant_core.live.journal._sampling import Sampling
from quant_core.models import ModelSpec, Signature

if TYPE_CHECKING:
    from quant_core.inference import Predictor

__all__ = ["rehearse"]

_ROWS = 2


class _Zero:
    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return np.zeros(len(rows))


@cache
def rehearse() -> None:
    """Take two ticks through an engine of its own; once a process."""
    warm()
    features = FeatureSet(features=(Feature(kind="sma", window=1),))
    model = ModelSpec(
        uri="rehearsal",
        sha256="0" * 64,
        framework="none",
        version="0",
        signature=Signature(inputs=1),
        feature_hash=features.hash,
    )
    engine = Engine(Settings(), _opened)
    engine.apply([StrategyRow(name="rehearsal", features=features, model=model)])
    places = np.arange(_ROWS, dtype=np.int64)
    Sampling(1.0, 0).rows("rehearsal", places.astype(np.int32), places)
    none = np.full(_ROWS, np.nan)
    engine.process(
        TickBatch(
            names=("rehearsal",),
            instrument=np.zeros(_ROWS, dtype=np.int32),
            ts=np.arange(_ROWS, dtype=np.int64),
            price=np.ones(_ROWS),
            bid=none,
            ask=none,
            size=none,
            partition=np.zeros(_ROWS, dtype=np.int32),
            offset=np.arange(_ROWS, dtype=np.int64),
            received=np.zeros(_ROWS),
        )
    )


def _opened(spec: ModelSpec) -> Predictor:
    return _Zero(spec)
