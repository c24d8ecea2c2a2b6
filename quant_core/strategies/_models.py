"""Training what is stale, wherever there are workers, and keeping what it gives."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from quant_core.clock import clock
from quant_core.models import ModelStore
from quant_core.strategies._records import OK, ModelRecord
from quant_core.strategies._training import train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

    from quant_core.compute import Compute
    from quant_core.data import ReturnsMatrix
    from quant_core.strategies._features import FeatureMatrix
    from quant_core.strategies._plan import Training, TrainingPlan
    from quant_core.strategies._training import Trained

__all__ = ["TrainingFact", "served_records", "train_models"]

_SHORT_SHA = 8
_SECONDS_PER_TRAINING = 0.5


@dataclass(frozen=True, slots=True)
class TrainingFact:
    """What happened to one training in one run.

    Parameters
    ----------
    training : Training
        The training.
    record : ModelRecord
        What it gave; its month is the one that it was trained for.
    seconds : float or None
        Time it took; None for a stored one.
    worker : str or None
        Who did it; None for a stored one.
    """

    training: Training
    record: ModelRecord = field(repr=False)
    seconds: float | None = None
    worker: str | None = None


class _Unit(NamedTuple):
    training: Training
    store: str


class _Done(NamedTuple):
    record: ModelRecord
    seconds: float
    worker: str


def train_models(
    plan: TrainingPlan,
    matrix: ReturnsMatrix,
    features: FeatureMatrix,
    store: str,
    *,
    compute: Compute,
    on_training: Callable[[TrainingFact], None] | None = None,
) -> list[TrainingFact]:
    """Bring the trainings of a plan up to date; workers store the models they train.

    Parameters
    ----------
    plan : TrainingPlan
        What is wanted and what is stale.
    matrix, features : ReturnsMatrix, FeatureMatrix
        What the plan was made of.
    store : str
        Root of the `ModelStore`.
    compute : Compute
        The backend. It is not touched when nothing is stale.
    on_training : callable, optional
        Told of each training as soon as it is known: stored ones first.

    Returns
    -------
    list of TrainingFact
        In the order of the plan.
    """
    facts: dict[int, TrainingFact] = {}

    def know(number: int, fact: TrainingFact) -> None:
        facts[number] = fact
        if on_training is not None:
            on_training(fact)

    stale = []
    for number, training in enumerate(plan.trainings):
        if training.stale:
            stale.append(number)
        else:
            know(number, TrainingFact(training, training.stored or _absent(training)))
    for number, done in _mapped(plan, stale, matrix, features, store, compute):
        know(number, TrainingFact(plan.trainings[number], *done))
    return [facts[number] for number in range(len(plan.trainings))]


def served_records(plan: TrainingPlan, facts: Sequence[TrainingFact]) -> list[ModelRecord]:
    """Return the record of each strategy and month of a plan, in its order."""
    found = {(one.record.strategy, one.record.trained_for): one.record for one in facts}
    return [replace(found[name, by], month=month) for name, month, by in plan.served]


def _mapped(
    plan: TrainingPlan,
    stale: Sequence[int],
    matrix: ReturnsMatrix,
    features: FeatureMatrix,
    store: str,
    compute: Compute,
) -> Iterator[tuple[int, _Done]]:
    if not stale:
        return
    shared = {"returns": matrix.values, "features": features.values}
    units = [_Unit(plan.trainings[number], store) for number in stale]
    for place, done in compute.map(
        _train, units, shared=shared, seconds_per_unit=_SECONDS_PER_TRAINING
    ):
        yield stale[place], done


def _train(unit: _Unit, shared: Mapping[str, np.ndarray]) -> _Done:
    training, started = unit.training, clock().seconds()
    assert training.read is not None
    assert training.identity is not None
    rows, columns, numbers = training.read
    trained = train(
        training.strategy,
        shared["features"][rows][:, columns][:, :, numbers],
        shared["returns"][rows][:, columns],
        seed=training.identity.seed,
    )
    record = _record(training, trained)
    if record.ok:
        _keep(ModelStore(unit.store), record, trained)
    return _Done(record, clock().seconds() - started, f"process {os.getpid()}")


def _record(training: Training, trained: Trained) -> ModelRecord:
    from quant_core.models import sha256_of  # noqa: PLC0415 - workers alone need it

    identity = training.identity
    assert identity is not None
    served = trained.status == OK and trained.signature is not None
    sha256 = sha256_of(trained.data) if served else ""
    return ModelRecord(
        strategy=training.strategy.name,
        month=training.month,
        trained_for=training.month,
        status=trained.status,
        sha256=sha256,
        version=f"{training.month}-{sha256[:_SHORT_SHA]}" if served else "",
        framework=trained.framework,
        feature_hash=training.strategy.feature_set.hash,
        inputs=len(training.strategy.features),
        train_first=training.dates[0],
        train_last=training.dates[1],
        rows=trained.rows,
        held_out=trained.held_out,
        rank_ic=_defined(trained.rank_ic),
        hit_rate=_defined(trained.hit_rate),
        predicted=tuple(map(_defined, trained.predicted)),
        realised=tuple(map(_defined, trained.realised)),
        parity=trained.parity,
        serving=trained.serving,
        batch_invariance=trained.batch,
        key=identity.key,
        inputs_hash=identity.inputs_hash,
        code_version=identity.code_version,
        seed=identity.seed,
    )


def _keep(store: ModelStore, record: ModelRecord, trained: Trained) -> None:
    assert trained.signature is not None
    metadata: dict[str, Any] = {
        "strategy": record.strategy,
        "month": record.trained_for,
        "train_first": record.train_first,
        "train_last": record.train_last,
        "inputs_hash": record.inputs_hash,
        "key": record.key,
        "seed": record.seed,
        "rank_ic": record.rank_ic,
        "hit_rate": record.hit_rate,
        "parity": record.parity,
        "serving": record.serving,
        "batch_invariance": record.batch_invariance,
    }
    store.put(
        trained.data,
        framework=trained.framework,
        version=record.version,
        signature=trained.signature,
        feature_hash=record.feature_hash,
        metadata=metadata,
    )


def _absent(training: Training) -> ModelRecord:
    return ModelRecord(training.strategy.name, training.month, training.month, training.lack)


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
