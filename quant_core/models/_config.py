"""The configuration of a model: one of the kinds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from quant_core.models._hist_gradient_boosting import HistGradientBoosting
from quant_core.models._lightgbm import LightGbm
from quant_core.models._linear import Linear
from quant_core.models._mlp import Mlp
from quant_core.models._xgboost import Xgboost

__all__ = ["ModelConfig"]

type ModelConfig = Annotated[
    Linear | Mlp | HistGradientBoosting | LightGbm | Xgboost, Field(discriminator="kind")
]
"""A model to train, told apart by its ``kind``."""
