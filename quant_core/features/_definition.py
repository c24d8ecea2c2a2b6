"""What a feature is: its kind and its parameters."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from quant_core.canonical import digest_json

__all__ = ["Feature", "FeatureSet", "Kind", "Sampling"]

type Kind = Literal[
    "return",
    "sma",
    "ema",
    "rsi",
    "volatility",
    "zscore",
    "momentum",
    "bollinger",
    "permutation_entropy",
    "efficiency_ratio",
    "hurst",
]
type Sampling = Annotated[str, Field(pattern="^(tick|[1-9][0-9]*(s|m|h|d))$")]


class Feature(BaseModel):
    """One feature: a function of the last observations of one instrument.

    Parameters
    ----------
    kind : str
        Which function.
    window : int
        Observations it spans.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    window: Annotated[int, Field(ge=1, le=10_000)]

    @property
    def name(self) -> str:
        """Its name, for example ``momentum_20``."""
        return f"{self.kind}_{self.window}"


class FeatureSet(BaseModel):
    """The input columns of a model, in order.

    Parameters
    ----------
    features : tuple of Feature
        The features, each once.
    sampling : str
        What one observation is: ``tick`` for every price, or the close of a bar such as ``1m`` or
        ``1d``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: Annotated[tuple[Feature, ...], Field(min_length=1)]
    sampling: Sampling = "tick"

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"expected each feature once, found {', '.join(self.names)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def hash(self) -> str:
        """The feature hash: equal where the definitions and what computes them are."""
        return digest_json(self.model_dump(mode="json"))
