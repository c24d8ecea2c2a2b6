"""The monthly models of a sleeve: what they read, and training what is stale."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from quant_assets._windows import inputs_of
from quant_core.canonical import digest
from quant_core.cells import parquet_bytes
from quant_core.errors import DataError
from quant_core.strategies import (
    FeatureMatrix,
    distinct_features,
    models_table,
    plan_trainings,
    read_models,
    served_records,
    train_models,
    trained_for,
)
from resources.lakehouse import Lakehouse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from quant_assets._resources import LakehouseRoot
    from quant_assets._sleeves import Sleeve
    from quant_core.cells import FolderStore, Receipt
    from quant_core.compute import Compute
    from quant_core.data import ReturnsMatrix
    from quant_core.strategies import ModelRecord, TrainingFact, TrainingPlan

__all__ = ["ModelMonths", "market_of"]


def market_of(
    sleeve: Sleeve, returns: Mapping[str, pa.Table], features: Mapping[str, pa.Table]
) -> tuple[ReturnsMatrix, FeatureMatrix]:
    """Return returns and features of a sleeve on the same dates and assets.

    Parameters
    ----------
    sleeve : Sleeve
        The sleeve.
    returns, features : mapping of str to pyarrow.Table
        Partitions of ``returns_matrix`` and ``feature_matrix``, of any sleeve.
    """
    matrix = inputs_of(sleeve, returns).matrix
    names = [feature.name for feature in distinct_features(sleeve.config.strategies)]
    own = [table for key, table in features.items() if key.endswith(f"|{sleeve.name}")]
    return matrix, FeatureMatrix.from_tables(own, names, matrix.dates, matrix.symbols)


@dataclass(frozen=True, slots=True)
class ModelMonths:
    """The months of one sleeve whose models a run brings up to date.

    Parameters
    ----------
    sleeve : Sleeve
        The sleeve.
    months : tuple of str
        The months, sorted.
    matrix : ReturnsMatrix
        Returns of the months before them.
    features : FeatureMatrix
        Features on the same dates and assets.
    lakehouse : LakehouseRoot
        Where partitions and models are kept.
    """

    sleeve: Sleeve
    months: tuple[str, ...]
    matrix: ReturnsMatrix = field(repr=False)
    features: FeatureMatrix = field(repr=False)
    lakehouse: LakehouseRoot

    @property
    def store(self) -> FolderStore:
        """Where the months are."""
        return self.lakehouse.store("strategy_models", self.sleeve.name)

    def plan(self) -> TrainingPlan:
        """Say which models are stored and which have to be trained.

        Raises
        ------
        DataError
            If the months that were read are too few for a training that the data have.
        """
        self._refuse_clipped()
        models = self.lakehouse.models()
        return plan_trainings(
            self.matrix,
            self.features,
            self.sleeve.config,
            self.months,
            self._stored(),
            kept=models.holds,
        )

    def train(
        self, plan: TrainingPlan, *, compute: Compute
    ) -> tuple[dict[str, list[ModelRecord]], dict[str, Receipt], list[TrainingFact]]:
        """Train what is stale; a month is stored as soon as all its models are known.

        Returns
        -------
        tuple of (records, receipts, facts)
            Models and proof of the stored partition by month; what happened to each training.
        """
        wanted: dict[str, set[tuple[str, str]]] = {month: set() for month in self.months}
        for strategy, month, by in plan.served:
            wanted[month].add((strategy, by))
        facts: list[TrainingFact] = []
        known: set[tuple[str, str]] = set()
        records: dict[str, list[ModelRecord]] = {}
        receipts: dict[str, Receipt] = {}

        def commit(fact: TrainingFact | None) -> None:
            if fact is not None:
                facts.append(fact)
                known.add((fact.record.strategy, fact.record.trained_for))
            ready = [month for month, needed in wanted.items() if needed <= known]
            for month in ready:
                del wanted[month]
                records[month] = _of_month(plan, facts, month)
                receipts[month] = self._write(month, records[month])

        train_models(
            plan,
            self.matrix,
            self.features,
            f"{Lakehouse(self.lakehouse.url).url}/models",
            compute=compute,
            on_training=commit,
        )
        commit(None)
        return records, receipts, facts

    def _write(self, month: str, records: Sequence[ModelRecord]) -> Receipt:
        table = models_table(self.sleeve.name, records)
        stored = self.store.receipt(month)
        if stored is not None and stored.digest == digest(parquet_bytes(table)):
            return stored
        return self.store.write(month, table)

    def _stored(self) -> list[ModelRecord]:
        strategies = self.sleeve.config.strategies
        first = min((trained_for(one, self.months[0]) for one in strategies), default="9999-12")
        names = [name for name in self.store.partitions() if first <= name <= self.months[-1]]
        return [record for name in names for record in read_models(self.store.read(name))]

    def _refuse_clipped(self) -> None:
        back = np.timedelta64(self.sleeve.training_look_back, "M")
        if np.datetime64(self.months[0], "M") - back <= np.datetime64(self.sleeve.first, "M"):
            return
        for strategy in self.sleeve.config.strategies:
            start = np.datetime64(trained_for(strategy, self.months[0]), "M")
            rows = int(np.searchsorted(self.matrix.dates, start.astype("datetime64[us]")))
            if len(self.matrix.dates) and rows < strategy.training.observations:
                raise DataError(
                    f"sleeve {self.sleeve.name}, month {self.months[0]}: "
                    f"{strategy.training.observations} observations to train {strategy.name} on do "
                    f"not lie in the {self.sleeve.training_look_back} months before it; shorten "
                    "training.observations or correct periods_per_year"
                )


def _of_month(plan: TrainingPlan, facts: Sequence[TrainingFact], month: str) -> list[ModelRecord]:
    own = tuple(one for one in plan.served if one[1] == month)
    return served_records(type(plan)(plan.trainings, own), facts)
