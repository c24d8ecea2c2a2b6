"""Strategies: features, a model and a decision, trained walk-forward; their streams of returns."""

from quant_core.strategies._closes import TICKS_SCHEMA, closes_as_ticks, write_ticks
from quant_core.strategies._config import StrategyConfig, TrainingConfig
from quant_core.strategies._features import (
    FeatureMatrix,
    distinct_features,
    feature_months,
    features_of,
)
from quant_core.strategies._models import TrainingFact, served_records, train_models
from quant_core.strategies._panel import Panel, forward_returns
from quant_core.strategies._plan import (
    Training,
    TrainingPlan,
    plan_trainings,
    strategy_symbols,
    trained_for,
)
from quant_core.strategies._records import MODELS_SCHEMA, ModelRecord, models_table, read_models
from quant_core.strategies._rows import latest_models, strategy_row, write_strategies
from quant_core.strategies._scores import deciles, hit_rate, rank_ic
from quant_core.strategies._signals import month_rows, monthly_signals, open_model, signals_of
from quant_core.strategies._streams import MONTHS_HELD, atom_returns, stream, streams_of
from quant_core.strategies._training import Trained, train

__all__ = [
    "MODELS_SCHEMA",
    "MONTHS_HELD",
    "TICKS_SCHEMA",
    "FeatureMatrix",
    "ModelRecord",
    "Panel",
    "StrategyConfig",
    "Trained",
    "Training",
    "TrainingConfig",
    "TrainingFact",
    "TrainingPlan",
    "atom_returns",
    "closes_as_ticks",
    "deciles",
    "distinct_features",
    "feature_months",
    "features_of",
    "forward_returns",
    "hit_rate",
    "latest_models",
    "models_table",
    "month_rows",
    "monthly_signals",
    "open_model",
    "plan_trainings",
    "rank_ic",
    "read_models",
    "served_records",
    "signals_of",
    "strategy_row",
    "strategy_symbols",
    "stream",
    "streams_of",
    "train",
    "train_models",
    "trained_for",
    "write_strategies",
    "write_ticks",
]
