"""From a trained strategy to what the live runner serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from quant_core.cells import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from quant_core.live import StrategyRow
    from quant_core.models import ModelStore
    from quant_core.strategies._config import StrategyConfig
    from quant_core.strategies._records import ModelRecord

__all__ = ["latest_models", "strategy_row", "write_strategies"]


def latest_models(records: Iterable[ModelRecord]) -> dict[str, ModelRecord]:
    """Return the model of each strategy's last month that has one, by strategy."""
    ordered = sorted((one for one in records if one.ok), key=lambda one: (one.strategy, one.month))
    return {record.strategy: record for record in ordered}


def strategy_row(
    strategy: StrategyConfig,
    record: ModelRecord,
    store: ModelStore,
    *,
    sleeve: str,
    symbols: Sequence[str],
    lineage: Mapping[str, str],
) -> StrategyRow:
    """Return the row that serves a strategy with one of its models.

    Parameters
    ----------
    strategy : StrategyConfig
        The strategy.
    record : ModelRecord
        The model.
    store : ModelStore
        Where it is kept.
    sleeve : str
        The sleeve that it was trained in.
    symbols : sequence of str
        The instruments: what the strategy trades, see `strategy_symbols`.
    lineage : mapping of str to str
        What else is known of where the model came from: ``run_id, ledger_seq``.
    """
    from quant_core.live import StrategyRow  # noqa: PLC0415 - the runner is not needed to train

    return StrategyRow(
        name=strategy.name,
        instruments=tuple(symbols),
        features=strategy.feature_set,
        model=record.spec(store),
        decision=strategy.decision,
        seed=record.seed,
        lineage={
            "sleeve": sleeve,
            "strategy": strategy.name,
            "month": record.trained_for,
            "inputs_hash": record.inputs_hash,
            **lineage,
        },
    )


def write_strategies(path: Path, rows: Iterable[StrategyRow]) -> None:
    """Write rows to a YAML file that the runner reads: a list, one mapping a strategy."""
    plain = [row.model_dump(mode="json", exclude_defaults=True) for row in rows]
    with whole_file(path) as unfinished:
        unfinished.write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")
