"""Whether the newest model of a strategy takes the place of the one that is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_assets._windows import inputs_of
from quant_assets.partitions import partition_key
from quant_core.champion import Figure, judge, model_figures, model_gates
from quant_core.errors import ContractError, MissingPartitionError
from quant_core.strategies import (
    FeatureMatrix,
    Panel,
    latest_models,
    rank_ic,
    read_models,
    strategy_symbols,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from quant_assets._resources import LakehouseRoot
    from quant_assets._strategies import SleeveStrategy
    from quant_core.cells import FolderStore
    from quant_core.champion import Verdict
    from quant_core.data import ReturnsMatrix
    from quant_core.models import ModelSpec
    from quant_core.strategies import ModelRecord
    from resources.mlflow_registry import RegisteredModel

__all__ = ["judged", "newest_model"]


def newest_model(strategy: SleeveStrategy, lakehouse: LakehouseRoot) -> ModelRecord:
    """Return what is known of the model that serves a strategy's last month.

    Raises
    ------
    MissingPartitionError
        If no month has a model.
    ContractError
        If it was trained on other features than are configured now.
    """
    store = lakehouse.store("strategy_models", strategy.sleeve.name)
    for month in reversed(store.partitions()):
        found = latest_models(read_models(store.read(month))).get(strategy.name)
        if found is not None:
            return _current(found, strategy)
    raise MissingPartitionError(
        f"strategy_models: no month of {strategy.name} has a model; materialize strategy_models "
        "first, for months with enough history before them"
    )


def _current(record: ModelRecord, strategy: SleeveStrategy) -> ModelRecord:
    wanted = strategy.config.feature_set.hash
    if record.feature_hash != wanted:
        raise ContractError(
            f"strategy_models: the model of {strategy.name} for {record.month} was trained on "
            f"other features (hash {record.feature_hash}) than are configured now (hash {wanted}); "
            "materialize strategy_models again"
        )
    return record


def judged(
    strategy: SleeveStrategy,
    record: ModelRecord,
    champion: RegisteredModel | None,
    lakehouse: LakehouseRoot,
) -> Verdict:
    """Hold a model to the gates of its sleeve.

    Parameters
    ----------
    strategy : SleeveStrategy
        The strategy.
    record : ModelRecord
        The model.
    champion : RegisteredModel or None
        The model in place.
    lakehouse : LakehouseRoot
        Where returns, features and models are.
    """
    rules = strategy.sleeve.config.champion.models
    other = champion if champion and champion.spec.sha256 != record.sha256 else None
    in_place = None if other is None else _in_place(strategy, record, other.spec, lakehouse)
    gates = model_gates(rules, first=other is None)
    return judge((strategy.name, record.version), gates, model_figures(record, in_place=in_place))


def _in_place(
    strategy: SleeveStrategy, record: ModelRecord, spec: ModelSpec, lakehouse: LakehouseRoot
) -> Figure:
    """Measure the model in place on the rows that were held out from another one."""
    from quant_core.inference import load  # noqa: PLC0415 - brings the compiler

    if spec.feature_hash != record.feature_hash:
        return Figure(
            None,
            f"the model in place, {spec.version}, reads other features: compare the two and "
            f"promote by hand, `quant models promote {strategy.name} VERSION`",
        )
    panel = _panel(strategy, record, lakehouse)
    predictions = load(lakehouse.models().read(spec), spec).predict(panel.held_out)
    found = rank_ic(predictions, panel.outcomes, panel.dates)
    return Figure(found, "" if np.isfinite(found) else "undefined: its predictions do not differ")


def _panel(strategy: SleeveStrategy, record: ModelRecord, lakehouse: LakehouseRoot) -> Panel:
    """Return the rows that a training read, from the partitions that they lie in."""
    sleeve, config = strategy.sleeve, strategy.config
    first, last = (np.datetime64(day) for day in (record.train_first, record.train_last))
    after = last.astype("M8[M]") + np.timedelta64(1, "M")
    months = [str(month) for month in np.arange(first.astype("M8[M]"), after)]
    stores = [lakehouse.store(asset, sleeve.name) for asset in ("returns_matrix", "feature_matrix")]
    returns = {str(partition_key(sleeve.name, m)): _required(stores[0], m) for m in months}
    matrix = inputs_of(sleeve, returns).matrix
    names = [feature.name for feature in config.features]
    features = FeatureMatrix.from_tables(
        (_required(stores[1], month) for month in months), names, matrix.dates, matrix.symbols
    )
    rows = _rows(matrix, first, last)
    symbols = strategy_symbols(config, matrix.symbols, sleeve.config.benchmark)
    traded = matrix.columns(symbols)
    return Panel.of(config, features.values[rows][:, traded], matrix.values[rows][:, traded])


def _rows(matrix: ReturnsMatrix, first: np.datetime64, last: np.datetime64) -> slice:
    days = matrix.dates.astype("datetime64[D]")
    return slice(int(np.searchsorted(days, first)), int(np.searchsorted(days, last, side="right")))


def _required(store: FolderStore, month: str) -> pa.Table:
    table = store.read(month)
    if table is None:
        raise MissingPartitionError(
            f"{store.path(month)}: it was read by a training and is gone; materialize it again"
        )
    return table
