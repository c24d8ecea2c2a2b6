"""Features: defined once, computed alike over history and in a stream."""

from quant_core.features._bank import FeatureBank, Rows
from quant_core.features._bars import Bars, bars
from quant_core.features._definition import Feature, FeatureSet, Kind, Sampling
from quant_core.features._formulas import DEFINITIONS, Formula

__all__ = [
    "DEFINITIONS",
    "Bars",
    "Feature",
    "FeatureBank",
    "FeatureSet",
    "Formula",
    "Kind",
    "Rows",
    "Sampling",
    "bars",
]
