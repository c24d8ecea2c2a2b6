"""Converting model files of other libraries, those that hold no code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.errors import ModelFormatError
from quant_core.models._lightgbm import lightgbm_model
from quant_core.models._sniff import format_of
from quant_core.models._trainer import require
from quant_core.models._xgboost import xgboost_model

if TYPE_CHECKING:
    from quant_core.models._fitted import Fitted

__all__ = ["CONVERTIBLE", "convert_model"]

CONVERTIBLE = {
    "lightgbm": "the text of LightGBM's save_model",
    "xgboost-json": "the JSON of XGBoost's save_model",
    "xgboost-ubj": "the UBJSON of XGBoost's save_model",
}
"""The formats that `convert_model` reads."""


def convert_model(data: bytes, *, name: str) -> Fitted:
    """Convert a model file to ONNX.

    Parameters
    ----------
    data : bytes
        The file: the text that LightGBM saves, or the JSON or UBJSON that XGBoost saves.
    name : str
        What messages call it.

    Raises
    ------
    ModelFormatError
        If it is of another format, a pickle for example, or cannot be converted exactly. What is
        not one of the formats is not parsed.
    UnavailableError
        If the library of the format is not installed.
    """
    found = format_of(data)
    if found not in CONVERTIBLE:
        raise ModelFormatError(
            f"{name}: expected {', '.join(CONVERTIBLE.values())}, found {found}; nothing read it"
        )
    return _lightgbm(data, name) if found == "lightgbm" else _xgboost(data, name)


def _lightgbm(data: bytes, name: str) -> Fitted:
    lightgbm = require("lightgbm", "boosting")
    try:
        booster = lightgbm.Booster(model_str=data.decode())
        return lightgbm_model(booster, name=name)
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
        raise ModelFormatError(f"{name}: LightGBM cannot read it: {error}") from error


def _xgboost(data: bytes, name: str) -> Fitted:
    xgboost = require("xgboost", "boosting")
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(data))
    except xgboost.core.XGBoostError as error:
        first = str(error).strip().splitlines()[0]
        raise ModelFormatError(f"{name}: XGBoost cannot read it: {first}") from error
    return xgboost_model(booster, name=name)
