"""From a model to positions: the code of the live runner, over history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.decisions import Decisions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quant_core.data import ReturnsMatrix
    from quant_core.inference import Model
    from quant_core.models import ModelStore
    from quant_core.strategies._config import StrategyConfig
    from quant_core.strategies._features import FeatureMatrix
    from quant_core.strategies._records import ModelRecord

__all__ = ["month_rows", "monthly_signals", "open_model", "signals_of"]


def month_rows(dates: np.ndarray, month: str, *, before: int = 0) -> slice:
    """Return the rows of a calendar month, and of ``before`` months before it."""
    first, length = np.datetime64(month, "M"), np.timedelta64(1, "M")
    ends = np.array([first - before * length, first + length]).astype("datetime64[us]")
    begin, end = np.searchsorted(dates, ends)
    return slice(int(begin), int(end))


def open_model(record: ModelRecord, store: ModelStore) -> Model:
    """Load the model of a record, its checksum verified, as the live runner does."""
    from quant_core.inference import load  # noqa: PLC0415 - brings the compiler

    spec = record.spec(store)
    return load(store.read(spec), spec)


def signals_of(strategy: StrategyConfig, model: Model, features: np.ndarray) -> np.ndarray:
    """Return the signals of a model at every close.

    Parameters
    ----------
    strategy : StrategyConfig
        Its decision turns predictions into signals.
    model : Model
        A loaded model.
    features : numpy.ndarray of float64, shape (T, n, F)
        The strategy's features, in its order.

    Returns
    -------
    numpy.ndarray of float64, shape (T, n)
        In [-1, 1]; NaN where a feature is missing.
    """
    found = np.full(features.shape[:2], np.nan)
    complete = np.isfinite(features).all(axis=2)
    if complete.any():
        predictions = model.predict(features[complete])
        found[complete] = Decisions([strategy.decision]).signals(predictions[:, None])[:, 0]
    return found


def monthly_signals(
    strategy: StrategyConfig,
    records: Iterable[ModelRecord],
    store: ModelStore,
    matrix: ReturnsMatrix,
    features: FeatureMatrix,
) -> np.ndarray:
    """Return the signals of a strategy, each month's from the model that serves it.

    Parameters
    ----------
    strategy : StrategyConfig
        The strategy.
    records : iterable of ModelRecord
        Its models, one a month.
    store : ModelStore
        Where they are.
    matrix : ReturnsMatrix
        Dates and assets.
    features : FeatureMatrix
        Features on the same dates and assets.

    Returns
    -------
    numpy.ndarray of float64, shape (T, n)
        NaN where there is no model or a feature is missing.
    """
    numbers = features.columns(feature.name for feature in strategy.features)
    found = np.full(matrix.values.shape, np.nan)
    opened: dict[str, Model] = {}
    for record in records:
        rows = month_rows(matrix.dates, record.month)
        if not record.ok or record.strategy != strategy.name or rows.start == rows.stop:
            continue
        if record.sha256 not in opened:
            opened[record.sha256] = open_model(record, store)
        values = features.values[rows][:, :, numbers]
        found[rows] = signals_of(strategy, opened[record.sha256], values)
    return found
