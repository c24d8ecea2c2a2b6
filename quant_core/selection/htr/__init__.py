"""Hierarchical threshold relaxation: strict vetoes, relaxed in stages until enough pass."""

from quant_core.selection.htr._features import FEATURES, train_features
from quant_core.selection.htr._rule import ThresholdRelaxation
from quant_core.selection.htr._score import ScoreWeights, probabilities, scores
from quant_core.selection.htr._stages import STAGES, relax
from quant_core.selection.htr._vetoes import Thresholds

__all__ = [
    "FEATURES",
    "STAGES",
    "ScoreWeights",
    "ThresholdRelaxation",
    "Thresholds",
    "probabilities",
    "relax",
    "scores",
    "train_features",
]
