"""What turns predictions into signals: the last part of a strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Decision", "Decisions", "Scaled", "Sign"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sign(_Frozen):
    """Hold +1, 0 or -1 by the sign of a prediction.

    Parameters
    ----------
    threshold : float
        Predictions whose magnitude is not above it give 0; in units of the prediction.
    """

    kind: Literal["sign"] = "sign"
    threshold: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class Scaled(_Frozen):
    """Hold the prediction over a scale, clipped to [-1, 1].

    Parameters
    ----------
    scale : float
        The prediction that gives a signal of 1.
    """

    kind: Literal["scaled"] = "scaled"
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


type Decision = Annotated[Sign | Scaled, Field(discriminator="kind")]
"""A decision rule; every signal it gives is in [-1, 1], and NaN for a prediction of NaN."""


class Decisions:
    """The rules of m strategies, applied to a block of predictions at once.

    Parameters
    ----------
    rules : sequence of Decision
        One rule a column.

    Examples
    --------
    >>> Decisions([Sign(threshold=0.5), Scaled(scale=2.0)]).signals(np.array([[-0.7, 1.0]]))
    array([[-1. ,  0.5]])
    """

    def __init__(self, rules: Sequence[Sign | Scaled]) -> None:
        self._signs = np.array([isinstance(rule, Sign) for rule in rules], dtype=bool)
        self._threshold = np.array([getattr(rule, "threshold", 0.0) for rule in rules])
        self._scale = np.array([getattr(rule, "scale", 1.0) for rule in rules])

    def signals(self, predictions: np.ndarray) -> np.ndarray:
        """Return the signals of predictions, both of shape (rows, m)."""
        from quant_core.decisions._kernel import decide  # noqa: PLC0415 - brings the compiler

        values = np.require(predictions, np.float64, ["C", "W"])
        signals = np.empty(values.shape)
        decide(values, self._signs, self._threshold, self._scale, signals)
        return signals
