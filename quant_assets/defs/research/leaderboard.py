"""The leaderboard: figures of every cell, and what luck explains of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pyarrow.compute as pc

from quant_assets._assets import RETRIES, SINGLE_RUN, version_of
from quant_assets._automation import WHEN_INPUTS_CHANGE
from quant_assets._comparisons import compare_cells, compare_simulators, map_cell
from quant_assets._fidelity import FidelityConfig
from quant_assets._figures import preview
from quant_assets._plots import plot_scores
from quant_assets._resources import AuditTrail, LakehouseRoot
from quant_assets._sleeves import sleeves
from quant_assets._whole import WholeSleeve
from quant_assets.partitions import SLEEVE, SLEEVES
from quant_core.canonical import digest_json
from quant_core.config import TournamentConfig
from quant_core.errors import ContractError, MissingPartitionError
from quant_core.frames import digest_frame
from quant_core.ledger import tried_configurations
from quant_core.tournament import (
    CellPath,
    Leaderboard,
    StoredPaths,
    Yardstick,
    by_finalists,
    rank,
)
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["leaderboard"]

_SHOWN = ("rank", "selection", "engine", "profile", "rebalance", "sharpe", "cagr", "max_drawdown")
_LUCK = ("turnover", "psr", "dsr", "sharpe_low", "sharpe_high")
_GATES = ("simulator", "parity", "parity_gap", "gates", "gates_failed")
_AGREE = "simulators_agree"


@dg.asset(
    group_name="research",
    partitions_def=SLEEVES,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    automation_condition=WHEN_INPUTS_CHANGE,
    code_version=version_of(
        "quant_core.tournament._leaderboard",
        sections=("periods_per_year", "risk_free", "seed", "champion"),
    ),
    deps=[
        dg.AssetDep(
            "simulation_results",
            partition_mapping=dg.MultiToSingleDimensionPartitionMapping(SLEEVE),
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _AGREE,
            asset="leaderboard",
            blocking=True,
            description="NAV paths of the same weights agree to 1e-10 relative (nautilus 1e-9). "
            "One that differs is an error; where nothing could be compared, it is a warning.",
        )
    ],
    kinds={"parquet"},
)
@without_retry
def leaderboard(
    context: dg.AssetExecutionContext,
    config: FidelityConfig,
    lakehouse: LakehouseRoot,
    trail: AuditTrail,
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """One row a cell: its figures, its rank, and how many configurations were ever tried."""
    found = {}
    boards: dict[str, Leaderboard] = {}
    for name in sorted(context.partition_keys):
        sleeve = sleeves()[name]
        whole = WholeSleeve.read(sleeve, lakehouse)
        chosen = config.of(sleeve.config)
        stored, run_id = _stored(chosen, lakehouse), context.run.run_id
        keys = digest_json({"/".join(path.names): path.key for path in stored.paths})
        given = {**whole.digests, "simulation_results": keys}
        with trail.action("rank", sleeve, run_id=run_id, inputs=given) as told:
            action, witness = told
            trials = len(tried_configurations(trail.path(name)))
            board, paths = _rank(whole, chosen, stored, trials)
            boards[name] = board
            by_window = lakehouse.store("window_metrics").write(name, board.windows)
            action.outcome = {"trials": trials, "cells": board.table.num_rows}
            made = digest_frame(board.table)
            action.outputs = {"leaderboard": made, "window_metrics": by_window.digest}
        luck = {"trials": trials, "pbo": (board.overfitting or {}).get("pbo")}
        pictures = {**_pictures(whole, chosen, board), **compare_simulators(chosen, paths)}
        told_too = {**luck, "window_metrics": by_window.path, **witness}
        found[name] = Partition(board.table, {**_metadata(board), **pictures, **told_too})
    yield dg.MaterializeResult(value=found, check_results=[_agreement(boards)])


def _rank(
    whole: WholeSleeve, config: TournamentConfig, stored: StoredPaths, trials: int
) -> tuple[Leaderboard, Sequence[CellPath]]:
    stage = whole.stage(config)
    finalists = stage.finalists(stored) if by_finalists(config) else None
    plan = stage.plan(config, stored, finalists)
    behind = plan.stale.keys() - plan.failed.keys()
    if behind:
        raise ContractError(
            f"simulation_results of {config.sleeve}: {len(behind)} paths are behind the "
            "weights cube or the configuration; materialize simulation_results first"
        )
    done = plan.as_stored()
    yardstick = Yardstick.of(whole.inputs, config, whole.windows, whole.atoms)
    board = rank(
        config, done.paths, done.absent, whole.index, plan.first_rows, yardstick, trials=trials
    )
    return board, done.paths


def _stored(config: TournamentConfig, lakehouse: LakehouseRoot) -> StoredPaths:
    store = lakehouse.store("simulation_results", config.sleeve)
    tables = []
    for choice in config.simulators:
        table = store.read(choice.label)
        if table is None:
            raise MissingPartitionError(
                f"simulation_results: {choice.label} of sleeve {config.sleeve} has never been "
                "materialized; materialize it first"
            )
        tables.append(table)
    return StoredPaths.read(*tables)


def _agreement(boards: dict[str, Leaderboard]) -> dg.AssetCheckResult:
    """Say where simulators differ; what was compared with nothing does not agree."""
    counts: dict[str, Counter[str]] = {}
    differ: dict[str, list[str]] = {}
    for name, board in boards.items():
        rows = board.table.filter(pc.is_valid(board.table["rank"])).to_pylist()
        counts[name] = Counter(str(row["parity"]) for row in rows)
        pairs = (_difference(row) for row in rows if row["parity"] == "differs")
        differ[name] = list(dict.fromkeys(pairs))
    wrong = [told for name in differ for told in differ[name]]
    unseen = [name for name, count in counts.items() if not count["agrees"]]
    told: dict[str, Any] = {name: dict(sorted(count.items())) for name, count in counts.items()}
    description = "; ".join(wrong[:3]) or "; ".join(
        f"{name}: no path was compared with another simulator's" for name in unseen
    )
    return dg.AssetCheckResult(
        check_name=_AGREE,
        passed=not wrong and not unseen,
        severity=dg.AssetCheckSeverity.ERROR if wrong else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={**told, "differ": wrong[:10]},
    )


def _difference(row: dict[str, Any]) -> str:
    cell = "/".join(row[axis] for axis in ("selection", "engine", "profile", "rebalance"))
    pair = " and ".join(sorted((row["simulator"], row["parity_against"])))
    return f"{cell}: {pair} differ by {row['parity_gap']:.3g}"


def _metadata(board: Leaderboard) -> dict[str, object]:
    ranked = board.table.filter(pc.is_valid(board.table["rank"])).sort_by("rank")
    statuses = Counter(board.table["status"].to_pylist())
    found: dict[str, object] = {
        "cells": board.table.num_rows,
        "ranked": ranked.num_rows,
        "statuses": dict(sorted(statuses.items())),
        "passed_the_gates": ranked["gates"].to_pylist().count("passed"),
        "best": preview(ranked, (*_SHOWN, *_LUCK)),
        "gates": preview(ranked, ("rank", "selection", "profile", "rebalance", *_GATES)),
    }
    return found


def _pictures(
    whole: WholeSleeve, config: TournamentConfig, board: Leaderboard
) -> dict[str, dg.MarkdownMetadataValue]:
    ordered = board.table.filter(pc.is_valid(board.table["rank"])).sort_by("rank")
    if not ordered.num_rows:
        return {}
    best = [str(ordered[axis][0]) for axis in ("selection", "engine", "profile")]
    months = list(dict.fromkeys(whole.index.partitions))
    return {
        "sharpe_ratios": plot_scores(board.table),
        **compare_cells(config, board.table),
        "best_weights": map_cell(whole.cube, months, best),
    }
