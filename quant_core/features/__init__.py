"""Features: defined once, computed alike over history and in a stream."""

from quant_core.features._definition import Feature, FeatureSet, Kind, Sampling

__all__ = ["Feature", "FeatureSet", "Kind", "Sampling"]
