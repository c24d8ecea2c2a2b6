"""What a kernel gives is compared with ONNX Runtime before it serves a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.clock import generator
from quant_core.inference._network import Network

if TYPE_CHECKING:
    from collections.abc import Callable

    from quant_core.inference._forest import Forest
    from quant_core.inference._session import Session
    from quant_core.models import Signature

__all__ = ["difference", "probe_rows"]

_ROWS = 64
_MAGNITUDES = (1e-4, 1e-2, 1.0, 30.0)
_TOLERANCE = {"float64": 1e-9, "float32": 1e-5}


def difference(
    predict: Callable[[np.ndarray], np.ndarray],
    session: Session,
    body: Network | Forest,
    signature: Signature,
) -> str | None:
    """Return how predictions differ from those of ONNX Runtime, None where they agree.

    Parameters
    ----------
    predict : callable
        The kernel's predictions of rows.
    session : Session
        ONNX Runtime's.
    body : Network or Forest
        What was recognised; the rows are chosen so that its every part matters.
    signature : Signature
        Type of the model's input. Of the largest prediction of a batch, or of the terms that it
        adds up, 1e-9 are allowed in float64 and 1e-5 in float32.
    """
    allowed = _TOLERANCE[signature.dtype]
    for rows in probe_rows(body, signature):
        wanted, found = session.block(rows), predict(rows)
        if not np.array_equal(np.isfinite(wanted), np.isfinite(found)):
            return "gives finite numbers for other rows than ONNX Runtime"
        both = np.isfinite(wanted)
        gap = np.abs(wanted - found)[both].max(initial=0.0)
        scale = _scale(body, rows, wanted[both])
        if gap > allowed * scale:
            return f"differs from ONNX Runtime by {gap:.1e} of {scale:.1e}, allowed {allowed:.0e}"
    return None


def _scale(body: Network | Forest, rows: np.ndarray, wanted: np.ndarray) -> float:
    if isinstance(body, Network):
        with np.errstate(all="ignore"):
            scale = body.magnitude(rows.astype(np.float64))
        return scale if np.isfinite(scale) else 0.0
    return float(np.abs(wanted).max(initial=0.0))


def probe_rows(body: Network | Forest, signature: Signature) -> list[np.ndarray]:
    """Return batches of rows, the same for every run."""
    draw = generator(0, "inference", "probe")
    normal = draw.standard_normal((len(_MAGNITUDES), _ROWS, signature.inputs))
    if isinstance(body, Network):
        offset, scale, _ = body.scaling
        spread = np.where(scale == 0.0, 1.0, 1.0 / np.where(scale == 0.0, 1.0, scale))
        batches = [
            offset + size * spread * part for size, part in zip(_MAGNITUDES, normal, strict=True)
        ]
    else:
        batches = [_around_thresholds(body, part, signature.dtype, draw) for part in normal]
    return [np.clip(batch, -1e30, 1e30).astype(signature.dtype) for batch in batches]


def _around_thresholds(
    forest: Forest, normal: np.ndarray, dtype: str, draw: np.random.Generator
) -> np.ndarray:
    """Return rows at thresholds, one step of the type beside them, and between them."""
    rows = normal.copy()
    for feature in range(rows.shape[1]):
        thresholds = forest.nodes["threshold"][forest.nodes["feature"] == feature]
        thresholds = np.unique(thresholds[np.isfinite(thresholds)]).astype(dtype)
        if not len(thresholds):
            continue
        middle, spread = thresholds.mean(dtype=np.float64), thresholds.std(dtype=np.float64)
        near = draw.choice(thresholds, len(rows))
        side = draw.integers(0, 4, len(rows))
        above, below = np.nextafter(near, np.inf), np.nextafter(near, -np.inf)
        beyond = middle + (spread or 1.0) * 2.0 * rows[:, feature]
        rows[:, feature] = np.choose(side, [near, above, below, beyond])
    return rows
