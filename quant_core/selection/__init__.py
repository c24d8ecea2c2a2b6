"""Selections: which atoms a window may hold."""

from collections.abc import Mapping
from types import MappingProxyType

from quant_core.selection._base import Selected, Selection, TrainView
from quant_core.selection._clustered import Clustered
from quant_core.selection._every import Every
from quant_core.selection._low_volatility import LowVolatility
from quant_core.selection._momentum import TopMomentum
from quant_core.selection.htr import ThresholdRelaxation

__all__ = [
    "SELECTIONS",
    "Clustered",
    "Every",
    "LowVolatility",
    "Selected",
    "Selection",
    "ThresholdRelaxation",
    "TopMomentum",
    "TrainView",
]

SELECTIONS: Mapping[str, type[Selection]] = MappingProxyType(
    {
        "all": Every,
        "clustered": Clustered,
        "htr": ThresholdRelaxation,
        "low_volatility": LowVolatility,
        "top_momentum": TopMomentum,
    }
)
