"""The stage before the tournament: train what is stale, register it, and say what may be served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.ledger import Kind, records
from quant_core.models import ModelStore
from quant_core.strategies import (
    latest_models,
    models_table,
    served_records,
    strategy_row,
    strategy_symbols,
    train_models,
    write_strategies,
)
from quant_core.tournament._folder import write_table
from quant_core.tournament._strategies import MODEL_TABLE, MODELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from quant_core.compute import Compute
    from quant_core.ledger import Ledger
    from quant_core.strategies import ModelRecord, TrainingFact, TrainingPlan
    from quant_core.tournament._progress import Progress
    from quant_core.tournament._strategies import Market

__all__ = ["Registered", "register_models", "serve", "train_stale"]

_KEPT_EVERY = 16

type Registered = dict[tuple[str, str, str], tuple[int, str]]
"""Record number and run of each registration, by checksum, strategy and month trained for."""


def train_stale(
    plan: TrainingPlan, market: Market, folder: Path, *, compute: Compute, progress: Progress
) -> tuple[list[ModelRecord], list[TrainingFact]]:
    """Bring the models of a folder up to date.

    Parameters
    ----------
    plan : TrainingPlan
        What is wanted and what is stale.
    market : Market
        What the strategies read.
    folder : pathlib.Path
        The folder of the run.
    compute : Compute
        The backend.
    progress : Progress
        Told of hits and computed models.

    Returns
    -------
    tuple of (records, facts)
        The model of each strategy and month, and what happened to each training.
    """
    name, known = market.config.sleeve, [one.stored for one in plan.trainings if one.stored]
    progress.start("model", plan.cached + plan.stale)
    progress.advance("model", hits=plan.cached)

    def keep(fact: TrainingFact) -> None:
        if fact.training.stale:
            progress.advance("model", computed=1)
            known.append(fact.record)
            # What a killed run has trained is not trained again.
            if len(known) % _KEPT_EVERY == 0:
                write_table(folder / MODEL_TABLE, models_table(name, known))

    facts = train_models(
        plan,
        market.matrix,
        market.features,
        str(folder / MODELS),
        compute=compute,
        on_training=keep,
    )
    progress.finish("model")
    found = served_records(plan, facts)
    write_table(folder / MODEL_TABLE, models_table(name, found))
    return found, facts


def register_models(
    ledger: Ledger, models: Iterable[ModelRecord], store: ModelStore, *, run_id: str
) -> Registered:
    """Record every model that the ledger does not know yet, and return where each is recorded."""
    found: Registered = {}
    for record in records(ledger.path):
        if record.kind is Kind.MODEL_REGISTERED:
            body = record.body
            place = tuple(str(body.get(name)) for name in ("sha256", "strategy", "month"))
            found[place[0], place[1], place[2]] = record.seq, str(body.get("run_id"))
    for model in models:
        known = model.sha256, model.strategy, model.trained_for
        if model.ok and known not in found:
            head = ledger.append(Kind.MODEL_REGISTERED, _registration(model, store, run_id))
            found[known] = head.seq, run_id
    return found


def _registration(model: ModelRecord, store: ModelStore, run_id: str) -> dict[str, object]:
    return {
        "uri": store.uri(model.sha256),
        "sha256": model.sha256,
        "strategy": model.strategy,
        "month": model.trained_for,
        "version": model.version,
        "inputs_hash": model.inputs_hash,
        "window": {"first": model.train_first, "last": model.train_last},
        "key": model.key,
        "seed": model.seed,
        "run_id": run_id,
    }


def serve(market: Market, models: Sequence[ModelRecord], folder: Path, known: Registered) -> None:
    """Write ``strategies.yaml``: the latest model of each strategy, as the runner serves it."""
    config, store = market.config, ModelStore(str(folder / MODELS))
    latest, rows = latest_models(models), []
    for strategy in config.strategies:
        model = latest.get(strategy.name)
        if model is None:
            continue
        seq, run_id = known[model.sha256, model.strategy, model.trained_for]
        row = strategy_row(
            strategy,
            model,
            store,
            sleeve=config.sleeve,
            symbols=strategy_symbols(strategy, market.matrix.symbols, config.benchmark),
            lineage={"run_id": run_id, "ledger_seq": str(seq)},
        )
        # A relative place counts from the folder of the file, so that the folder may be moved.
        place = f"{MODELS}/{model.sha256[:2]}/{model.sha256}.onnx"
        spec = model.spec(store).model_copy(update={"uri": place})
        rows.append(row.model_copy(update={"model": spec}))
    write_strategies(folder / "strategies.yaml", rows)
