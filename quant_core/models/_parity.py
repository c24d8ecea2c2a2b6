"""How far the ONNX file is from the library that trained the model."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.models._fitted import complete_rows
from quant_core.models._runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from quant_core.models._fitted import Fitted

__all__ = ["ParityReport", "parity_report"]


@dataclass(frozen=True, slots=True)
class ParityReport:
    """A comparison of predictions, row by row.

    The difference of a row is taken relative to the larger of the native prediction and `scale`,
    so that a prediction that happens to be near zero does not look wrong.

    Parameters
    ----------
    kind, framework : str
        What was trained, and by what.
    rows : int
        Rows that were compared.
    skipped : int
        Rows that no model predicts, because a feature is not finite.
    scale : float
        Root mean square of the native predictions.
    max_absolute, max_relative : float
        The largest difference; NaN or infinite when a prediction is.
    beyond : float
        Share of the rows whose relative difference is above the tolerance.
    sign_flips : int
        Rows whose two predictions have different signs.
    tolerance : float
        The relative difference that is allowed.
    """

    kind: str
    framework: str
    rows: int
    skipped: int
    scale: float
    max_absolute: float
    max_relative: float
    beyond: float
    sign_flips: int
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether there were rows, and none is beyond the tolerance."""
        return self.rows > 0 and self.beyond == 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it; a figure that is not finite becomes null."""
        figures = {**asdict(self), "passed": self.passed}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in figures.items()
        }


def parity_report(
    fitted: Fitted,
    features: np.ndarray,
    *,
    predict: Callable[[np.ndarray], np.ndarray] | None = None,
    tolerance: float | None = None,
) -> ParityReport:
    """Compare a model's ONNX file with its native predictions on held-out rows.

    Parameters
    ----------
    fitted : Fitted
        The model.
    features : numpy.ndarray of float64, shape (R, inputs)
        Rows that it was not trained on.
    predict : callable, optional
        What is compared: finite rows (R, inputs) to predictions (R,); by default ONNX Runtime on
        the file in one call.
    tolerance : float, optional
        The relative difference that is allowed; by default that of the kind.

    Raises
    ------
    ModelError
        If ONNX Runtime cannot load or run the file.
    """
    complete = complete_rows(features)
    rows = features[complete]
    native = fitted.predict(rows)
    converted = (predict or Runtime(fitted.to_onnx(), name=fitted.kind))(rows)
    allowed = fitted.tolerance if tolerance is None else tolerance
    absolute = np.abs(native - converted)
    scale = float(np.sqrt(np.mean(native**2))) if len(rows) else 0.0
    size = np.maximum(np.abs(native), scale)
    relative = np.divide(absolute, size, out=np.where(absolute > 0, np.inf, 0.0), where=size > 0)
    return ParityReport(
        kind=fitted.kind,
        framework=fitted.framework,
        rows=len(rows),
        skipped=int(len(complete) - len(rows)),
        scale=scale,
        max_absolute=float(absolute.max(initial=0.0)),
        max_relative=float(relative.max(initial=0.0)),
        # Not `relative > allowed`: a NaN must count as beyond.
        beyond=float(np.mean(~(relative <= allowed))) if len(rows) else 0.0,
        sign_flips=int((np.sign(native) != np.sign(converted)).sum()),
        tolerance=allowed,
    )
