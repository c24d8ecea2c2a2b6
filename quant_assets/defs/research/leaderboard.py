"""The leaderboard: figures of every cell, and what luck explains of them."""

from dataclasses import replace

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from quant_assets._assets import RETRIES, SINGLE_RUN, version_of
from quant_assets._automation import WHEN_INPUTS_CHANGE
from quant_assets._figures import preview
from quant_assets._plots import plot_scores
from quant_assets._resources import AuditTrail, LakehouseRoot
from quant_assets._sleeves import Sleeve, sleeves
from quant_assets._whole import WholeSleeve
from quant_assets.partitions import SLEEVE, SLEEVES
from quant_core.errors import ContractError, MissingPartitionError
from quant_core.ledger import tried_configurations
from quant_core.tournament import CellPath, Leaderboard, SimulationPlan, rank
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["leaderboard"]

_SHOWN = ("rank", "selection", "engine", "profile", "rebalance", "sharpe", "cagr", "max_drawdown")
_LUCK = ("turnover", "psr", "dsr", "sharpe_low", "sharpe_high")


@dg.asset(
    group_name="research",
    partitions_def=SLEEVES,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    automation_condition=WHEN_INPUTS_CHANGE,
    code_version=version_of(
        "quant_core.tournament._leaderboard", sections=("periods_per_year", "risk_free", "seed")
    ),
    deps=[
        dg.AssetDep(
            "simulation_results",
            partition_mapping=dg.MultiToSingleDimensionPartitionMapping(SLEEVE),
        )
    ],
    kinds={"parquet"},
)
@without_retry
def leaderboard(
    context: dg.AssetExecutionContext, lakehouse: LakehouseRoot, trail: AuditTrail
) -> dict[str, Partition]:
    """One row a cell: its figures, its rank, and how many configurations were ever tried."""
    found = {}
    for name in sorted(context.partition_keys):
        sleeve = sleeves()[name]
        whole = WholeSleeve.read(sleeve, lakehouse)
        with trail.action("rank", sleeve, run_id=context.run.run_id) as told:
            action, witness = told
            trials = len(tried_configurations(trail.path(name)))
            board = _rank(whole, lakehouse, trials)
            by_window = lakehouse.store("window_metrics").write(name, board.windows)
            action.outcome = {"trials": trials, "cells": board.table.num_rows}
            action.outputs = {"window_metrics": by_window.digest}
        luck = {"trials": trials, "pbo": (board.overfitting or {}).get("pbo")}
        found[name] = Partition(
            board.table, {**_metadata(board), **luck, "window_metrics": by_window.path, **witness}
        )
    return found


def _rank(whole: WholeSleeve, lakehouse: LakehouseRoot, trials: int) -> Leaderboard:
    stored = _stored(whole.sleeve, lakehouse)
    plan = whole.plan(whole.sleeve.config, stored)
    if plan.stale:
        raise ContractError(
            f"simulation_results of {whole.sleeve.name}: {len(plan.stale)} paths are behind the "
            "weights cube or the configuration; materialize simulation_results first"
        )
    paths = _in_order(plan)
    return rank(
        whole.sleeve.config, paths, plan.absent, whole.index, plan.first_rows, trials=trials
    )


def _stored(sleeve: Sleeve, lakehouse: LakehouseRoot) -> pa.Table:
    store = lakehouse.store("simulation_results", sleeve.name)
    tables = []
    for choice in sleeve.config.simulators:
        table = store.read(choice.label)
        if table is None:
            raise MissingPartitionError(
                f"simulation_results: {choice.label} of sleeve {sleeve.name} has never been "
                "materialized; materialize it first"
            )
        tables.append(table)
    return pa.concat_tables(tables).unify_dictionaries()


def _in_order(plan: SimulationPlan) -> list[CellPath]:
    return [replace(plan.stored[cell.identity.key], names=cell.names) for cell in plan.cells]


def _metadata(board: Leaderboard) -> dict[str, object]:
    ranked = board.table.filter(pc.is_valid(board.table["rank"])).sort_by("rank")
    found: dict[str, object] = {
        "cells": board.table.num_rows,
        "ranked": ranked.num_rows,
        "best": preview(ranked, (*_SHOWN, *_LUCK)),
    }
    if ranked.num_rows:
        found["sharpe_ratios"] = plot_scores(board.table)
    return found
