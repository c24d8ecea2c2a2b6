"""One training: from a slice of features and returns to an ONNX model and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quant_core.strategies._panel import Panel
from quant_core.strategies._scores import deciles, hit_rate, rank_ic

if TYPE_CHECKING:
    import numpy as np

    from quant_core.models import Fitted, Signature
    from quant_core.strategies._config import StrategyConfig

__all__ = ["Trained", "train"]

_FEWEST_ROWS = 30
_COMPARED = 256


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training gave.

    Parameters
    ----------
    status : str
        ``ok``; else why there is no model.
    rows, held_out : int
        Rows that were trained on and held out.
    data : bytes
        The ONNX file; empty without a model.
    framework : str
        What trained it.
    signature : Signature or None
        Shape and type of its input and output.
    rank_ic, hit_rate : float
        Scores of this very model on the rows held out; NaN without.
    predicted, realised : tuple of float
        Mean prediction and outcome by tenth of the held-out predictions.
    parity, serving : dict
        ONNX Runtime, and the inference of the live runner, against the native library.
    batch : dict
        Whether a served prediction depends on the rows beside it.
    """

    status: str
    rows: int = 0
    held_out: int = 0
    data: bytes = field(repr=False, default=b"")
    framework: str = ""
    signature: Signature | None = None
    rank_ic: float = float("nan")
    hit_rate: float = float("nan")
    predicted: tuple[float, ...] = ()
    realised: tuple[float, ...] = ()
    parity: dict[str, Any] = field(default_factory=dict)
    serving: dict[str, Any] = field(default_factory=dict)
    batch: dict[str, Any] = field(default_factory=dict)


def train(
    strategy: StrategyConfig, features: np.ndarray, returns: np.ndarray, *, seed: int
) -> Trained:
    """Train the model of a strategy on a slice of history.

    Nothing outside the slice is read. The last ``training.validation`` dates are held out, labels
    that reach into them are purged, and the model that is returned is the one that was scored.

    Parameters
    ----------
    strategy : StrategyConfig
        The strategy.
    features : numpy.ndarray of float64, shape (T, n, F)
        Its features, NaN where an asset has none.
    returns : numpy.ndarray of float64, shape (T, n)
        Returns on the same dates.
    seed : int
        Seed of the training.
    """
    panel = Panel.of(strategy, features, returns)
    rows, held = len(panel.labels), len(panel.outcomes)
    if rows < _FEWEST_ROWS or held < _FEWEST_ROWS:
        return Trained(
            f"insufficient history: {rows} complete rows to train on and {held} held out, "
            f"expected at least {_FEWEST_ROWS} of each",
            rows,
            held,
        )
    fitted = strategy.model.fit(panel.features, panel.labels, seed=seed)
    return _measured(strategy, fitted, panel)


def _measured(strategy: StrategyConfig, fitted: Fitted, panel: Panel) -> Trained:
    from quant_core.inference import load  # noqa: PLC0415 - brings the compiler
    from quant_core.models import (  # noqa: PLC0415 - parity brings ONNX Runtime
        ModelSpec,
        batch_invariance_report,
        parity_report,
        sha256_of,
    )

    data = fitted.to_onnx()
    spec = ModelSpec(
        uri="memory",
        sha256=sha256_of(data),
        framework=fitted.framework,
        version="memory",
        signature=fitted.signature,
        feature_hash=strategy.feature_set.hash,
    )
    model = load(data, spec)
    predictions = model.predict(panel.held_out)
    parity = parity_report(fitted, panel.held_out)
    serving = parity_report(fitted, panel.held_out, predict=model.predict)
    batch = batch_invariance_report(model.predict, panel.held_out[-_COMPARED:])
    predicted, realised = deciles(predictions, panel.outcomes)
    return Trained(
        status=_verdict(parity.passed, serving.passed, batch.identical),
        rows=len(panel.labels),
        held_out=len(panel.outcomes),
        data=data,
        framework=fitted.framework,
        signature=fitted.signature,
        rank_ic=rank_ic(predictions, panel.outcomes, panel.dates),
        hit_rate=hit_rate(predictions, panel.outcomes),
        predicted=tuple(predicted.tolist()),
        realised=tuple(realised.tolist()),
        parity=parity.to_dict(),
        serving={**serving.to_dict(), "backend": model.backend, "detail": model.detail},
        batch=batch.to_dict(),
    )


def _verdict(parity: bool, serving: bool, invariant: bool) -> str:  # noqa: FBT001 - three verdicts
    if not parity:
        return "failed: ONNX Runtime and the library that trained the model differ"
    if not serving:
        return "failed: the runner's inference and the library that trained the model differ"
    return "ok" if invariant else "failed: a prediction depends on the rows beside it"
