"""Strategies: features, a model and a decision, trained walk-forward; their streams of returns."""

from quant_core.strategies._config import StrategyConfig, TrainingConfig

__all__ = ["StrategyConfig", "TrainingConfig"]
