"""Converting model files of other libraries, those that hold no code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.errors import ModelFormatError
from quant_core.models._lightgbm import lightgbm_model
from quant_core.models._sniff import format_of
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
    if found != "lightgbm":
        return xgboost_model(data, name=name)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ModelFormatError(f"{name}: expected LightGBM's text, found {error}") from error
    return lightgbm_model(text, name=name)
