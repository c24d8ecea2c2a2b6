"""Metrics: the figures of a path, each defined once."""

from quant_core.metrics._definitions import DEFINITIONS, Definition
from quant_core.metrics._metrics import path_metrics, window_metrics
from quant_core.metrics._names import PATH_FIGURES
from quant_core.metrics._portfolio import concentration, fragility

__all__ = [
    "DEFINITIONS",
    "PATH_FIGURES",
    "Definition",
    "concentration",
    "fragility",
    "path_metrics",
    "window_metrics",
]
