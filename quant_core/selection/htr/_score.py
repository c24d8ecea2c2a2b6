"""The score of a candidate: the product of its weighted probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from quant_core.selection.htr._features import FEATURES, column

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ScoreWeights", "probabilities", "scores"]

_LOWER_IS_BETTER = frozenset({"volatility", "entropy"})

type _Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class ScoreWeights(BaseModel):
    """How much each feature counts: the exponents of a score.

    Equal weights that sum to 1 make the score a geometric mean of the probabilities.

    Parameters
    ----------
    momentum, efficiency, hurst : float
        Features of which more is better.
    volatility, entropy : float
        Features of which less is better.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    momentum: _Weight = 0.2
    volatility: _Weight = 0.2
    entropy: _Weight = 0.2
    efficiency: _Weight = 0.2
    hurst: _Weight = 0.2

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if not any(getattr(self, name) for name in FEATURES):
            raise ValueError("expected at least one weight above 0, found none")
        return self


def probabilities(features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the share of candidates that each candidate is at least as good as.

    Parameters
    ----------
    features : mapping of str to numpy.ndarray, shape (k,)
        A column for each of `FEATURES`.

    Returns
    -------
    dict of str to numpy.ndarray, shape (k,)
        In (0, 1]: 1 for the best, 1/k for a worst one that is alone; equal values have equal
        probabilities.

    Raises
    ------
    DataError
        If a column is missing, or a value is NaN.
    """
    found = {}
    for name in FEATURES:
        values = column(features, name)
        goodness = -values if name in _LOWER_IS_BETTER else values
        no_better = np.searchsorted(np.sort(goodness), goodness, side="right")
        found[name] = no_better / max(1, len(values))
    return found


def scores(features: Mapping[str, np.ndarray], weights: ScoreWeights) -> np.ndarray:
    """Return ``prod p_i ** w_i`` over `FEATURES`, shape (k,), in (0, 1].

    Raises
    ------
    DataError
        If a column is missing, or a value is NaN.
    """
    probability = probabilities(features)
    score = np.ones(len(probability[FEATURES[0]]))
    for name in FEATURES:
        score *= probability[name] ** getattr(weights, name)
    return score
