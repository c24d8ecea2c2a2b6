"""The strategies of a tournament: their models, and the matrix with their streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from quant_core.canonical import digest_array, digest_json, digest_parts
from quant_core.cells import code_version
from quant_core.data import ReturnsMatrix
from quant_core.errors import ConfigError
from quant_core.models import ModelStore
from quant_core.strategies import (
    atom_returns,
    distinct_features,
    features_of,
    monthly_signals,
    plan_trainings,
    read_models,
    streams_of,
)
from quant_core.tournament._folder import read_table
from quant_core.tournament._progress import CellFact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from quant_core.config import TournamentConfig
    from quant_core.data import Ingested
    from quant_core.strategies import FeatureMatrix, ModelRecord, TrainingFact, TrainingPlan

__all__ = ["Market", "model_facts", "most_columns"]

MODELS, MODEL_TABLE, ATOM_RETURNS = "models", "strategy_models.parquet", "atom_returns.parquet"
_KEY = b"quant_key"


@dataclass(frozen=True, slots=True)
class Market:
    """What the strategies of a tournament read.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    matrix : ReturnsMatrix
        Returns of the assets.
    features : FeatureMatrix
        The strategies' features on the same dates and assets.
    months : tuple of str
        Months with a date.
    """

    config: TournamentConfig = field(repr=False)
    matrix: ReturnsMatrix = field(repr=False)
    features: FeatureMatrix = field(repr=False)
    months: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, config: TournamentConfig, ingested: Ingested) -> Self:
        """Compute the features of the data."""
        matrix = ingested.matrix
        features = features_of(
            matrix,
            ingested.prices,
            distinct_features(config.strategies),
            periods_per_year=config.periods_per_year,
        )
        months = np.unique(matrix.dates.astype("datetime64[M]"))
        return cls(config, matrix, features, tuple(str(month) for month in months))

    def plan(self, folder: Path) -> TrainingPlan:
        """Say which models a folder has, and which have to be trained."""
        return plan_trainings(
            self.matrix,
            self.features,
            self.config,
            self.months,
            read_models(read_table(folder / MODEL_TABLE)),
            kept=ModelStore(str(folder / MODELS)).holds,
        )

    def atom_returns(self, records: Sequence[ModelRecord], store: ModelStore) -> ReturnsMatrix:
        """Return the matrix of assets and streams."""
        signals = {
            strategy.name: monthly_signals(strategy, records, store, self.matrix, self.features)
            for strategy in self.config.strategies
        }
        return atom_returns(self.matrix, streams_of(signals, self.matrix, self.config, self.months))

    def key(self, records: Sequence[ModelRecord]) -> str:
        """Return the content key of the matrix of assets and streams."""
        config, matrix = self.config, self.matrix
        own = ("quant_core.strategies._streams", "quant_core.strategies._signals")
        parts = [
            code_version(*own),
            digest_json([one.model_dump(mode="json") for one in config.strategies]),
            digest_json([list(config.benchmark), config.costs.rate]),
            digest_json([[one.strategy, one.month, one.sha256] for one in records]),
            digest_parts(matrix.symbols),
            digest_array(matrix.dates.astype(np.int64)),
            digest_array(matrix.values),
            digest_array(self.features.values),
        ]
        return digest_parts(parts)


def recalled(table: pa.Table | None, key: str) -> ReturnsMatrix | None:
    """Return the stored matrix, if it was made from the same."""
    if table is None or (table.schema.metadata or {}).get(_KEY) != key.encode():
        return None
    return ReturnsMatrix.from_table(table)


def keyed(matrix: ReturnsMatrix, key: str) -> pa.Table:
    """Return a matrix as a table that says what it was made from."""
    return matrix.to_table().replace_schema_metadata({_KEY: key.encode()})


def model_facts(facts: Sequence[TrainingFact]) -> list[CellFact]:
    """Return what happened to each training as facts of cells."""
    return [
        CellFact(
            kind="model",
            key=fact.record.key,
            status=fact.record.status,
            coordinates={"strategy": fact.record.strategy},
            window=fact.record.trained_for,
            why=fact.training.why,
            seconds=fact.seconds,
            worker=fact.worker,
        )
        for fact in facts
    ]


def most_columns(config: TournamentConfig, symbols: Sequence[str]) -> int:
    """Return how many atoms a window may have at most: assets and streams, no benchmark.

    Raises
    ------
    ConfigError
        If a strategy trades a symbol that the data do not have.
    """
    assets = sum(symbol not in config.benchmark for symbol in symbols)
    count = assets * len(config.directions)
    for place, strategy in enumerate(config.strategies):
        missing = sorted(set(strategy.symbols) - set(symbols))
        if missing:
            raise ConfigError(
                f"configuration: strategies[{place}].symbols: the data have no {missing[0]}; "
                "correct the name or remove it"
            )
        traded = len(strategy.symbols) or sum(one not in config.benchmark for one in symbols)
        count += traded * len(strategy.directions)
    return count
