"""The ``strategies`` section of the configuration."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from quant_core.atoms import HOLD, Direction
from quant_core.decisions import Decision, Sign
from quant_core.features import Feature, FeatureSet, Sampling
from quant_core.models import ModelConfig

__all__ = ["StrategyConfig", "TrainingConfig"]


class TrainingConfig(BaseModel):
    """What a model is trained on, and when.

    Parameters
    ----------
    observations : int
        Dates before the month that the model is for: the last ``validation`` of them are held out,
        the others are trained on. With fewer dates there is no model.
    validation : int
        Dates at the end on which the model is scored and never trained.
    retrain_months : int
        Months that one model serves. They are counted on the calendar, from January 1970, so that
        more history moves none: 12 trains for every January.
    embargo : int
        Dates left out between the last label that is trained on and the first date held out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    observations: Annotated[int, Field(ge=20, le=100_000)] = 1008
    validation: Annotated[int, Field(ge=5, le=50_000)] = 126
    retrain_months: Annotated[int, Field(ge=1, le=120)] = 1
    embargo: Annotated[int, Field(ge=0, le=10_000)] = 5


class StrategyConfig(BaseModel):
    """A strategy: features, a model of the forward return, and a decision.

    Parameters
    ----------
    name : str
        Its name, the logic of its atoms; without an underscore.
    features : tuple of Feature
        Input columns of the model, in order.
    model : ModelConfig
        What is trained.
    horizon : int
        Observations that the label looks ahead: the simple return over the next ``horizon``.
    training : TrainingConfig
        What a model is trained on, and when.
    decision : Decision
        What turns a prediction, a simple return over the horizon, into a position in [-1, 1].
    directions : tuple of {"long", "short"}
        Which streams become atoms.
    symbols : tuple of str
        Assets that it trades; empty for all but the benchmark.
    sampling : str
        What the live runner takes for one observation: every tick, or the close of a bar. In
        research an observation is a row of the matrix.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]
    features: tuple[Feature, ...]
    model: ModelConfig
    horizon: Annotated[int, Field(ge=1, le=1000)] = 5
    training: TrainingConfig = TrainingConfig()
    decision: Decision = Sign()
    directions: tuple[Direction, ...] = ("long", "short")
    symbols: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    sampling: Sampling = "tick"

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name == HOLD:
            raise ValueError(f"{HOLD!r} is the logic of an asset that is held; take another name")
        return name

    @field_validator("features")
    @classmethod
    def _features_once(cls, features: tuple[Feature, ...]) -> tuple[Feature, ...]:
        names = [feature.name for feature in features]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"expected features, each once; found {', '.join(names) or 'none'}")
        return features

    @field_validator("directions", "symbols")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"expected each once, found {', '.join(names)}")
        return names

    @field_validator("directions")
    @classmethod
    def _some_direction(cls, directions: tuple[Direction, ...]) -> tuple[Direction, ...]:
        if not directions:
            raise ValueError("expected long, short or both, found none")
        return directions

    @model_validator(mode="after")
    def _leaves_rows(self) -> Self:
        training = self.training
        left = training.observations - training.validation - training.embargo - self.horizon
        if training.validation <= self.horizon or left < training.validation:
            raise ValueError(
                f"training: of {training.observations} observations, {training.validation} held "
                f"out, a horizon of {self.horizon} and an embargo of {training.embargo} leave "
                f"{left} to train on; expected more held out than the horizon is long, and at "
                "least as many to train on as are held out"
            )
        return self

    @property
    def feature_set(self) -> FeatureSet:
        """The features as the live runner is told them."""
        return FeatureSet(features=self.features, sampling=self.sampling)
