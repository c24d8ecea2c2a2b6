"""Features: defined once, computed alike over history and in a stream."""

from quant_core.features._bank import FeatureBank, Rows
from quant_core.features._bars import Bars, bars
from quant_core.features._definition import Feature, FeatureSet, Kind, Sampling

__all__ = ["Bars", "Feature", "FeatureBank", "FeatureSet", "Kind", "Rows", "Sampling", "bars"]
