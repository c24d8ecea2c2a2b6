"""The champion: the first cell of the leaderboard that passes every gate."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from quant_assets._assets import SINGLE_RUN, version_of
from quant_assets._automation import WHEN_INPUTS_CHANGE
from quant_assets._fidelity import with_simulators
from quant_assets._gates import gate_checks, gate_specs, verdicts_preview
from quant_assets._resources import AuditTrail, LakehouseRoot, Registry
from quant_assets._sleeves import sleeves
from quant_assets._trail import trail_check, trail_spec, whole_trail
from quant_assets._whole import WholeSleeve
from quant_assets.partitions import SLEEVES
from quant_core.canonical import digest_json
from quant_core.champion import Election, cell_gates, election_table
from quant_core.config import GateConfig, TournamentConfig
from quant_core.errors import ContractError, MissingPartitionError
from quant_core.frames import digest_frame
from quant_core.tournament import NOT_A_FINALIST, PATH_NAMES, Evidence, StoredPaths
from resources._final_errors import without_retry
from resources.mlflow_rebuild import StoredTable, Telling
from resources.ray_io_manager import Partition

__all__ = ["champion"]

_ELECTED = "champion_elected"


@dg.asset(
    group_name="deployment",
    partitions_def=SLEEVES,
    backfill_policy=SINGLE_RUN,
    automation_condition=WHEN_INPUTS_CHANGE,
    code_version=version_of("quant_core.tournament._evidence", sections=("champion",)),
    deps=["leaderboard"],
    check_specs=[
        trail_spec("champion"),
        dg.AssetCheckSpec(
            _ELECTED,
            asset="champion",
            blocking=True,
            description="A cell passes every gate; without one nothing is deployed.",
        ),
        *gate_specs("champion", cell_gates(GateConfig())),
    ],
    kinds={"mlflow", "parquet"},
)
@without_retry
def champion(
    context: dg.AssetExecutionContext,
    lakehouse: LakehouseRoot,
    trail: AuditTrail,
    registry: Registry,
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """Who passed the gates, and what they said of everyone who was tried before."""
    elections: dict[str, Election] = {}
    found: dict[str, Partition] = {}
    trails: dict[str, str] = {}
    for name in sorted(context.partition_keys):
        sleeve = sleeves()[name]
        run_id = context.run.run_id
        trails[name] = whole_trail(context, trail, name)
        evidence = _evidence(name, lakehouse)
        given = {"leaderboard": digest_frame(evidence.board)}
        with trail.action("elect", sleeve, run_id=run_id, inputs=given) as told:
            action, witness = told
            election = elections[name] = evidence.elect()
            action.outcome = _outcome(election)
            action.outputs = {"champion": digest_frame(election_table(election))}
        trail.candidates(sleeve, election, run_id=run_id)
        found[name] = Partition(election_table(election), {**_metadata(election), **witness})
    every = {name: one.verdicts for name, one in elections.items()}
    nobody = {name: one.reason for name, one in elections.items() if not one.champion}
    elected = dg.AssetCheckResult(check_name=_ELECTED, passed=not nobody, metadata=nobody)
    checks = gate_checks(cell_gates(GateConfig()), every)
    yield dg.MaterializeResult(value=found, check_results=[trail_check(trails), elected, *checks])
    # The election is stored by now: an MLflow that fails loses nothing but its own view.
    for name, election in elections.items():
        words = _told(name, election, lakehouse)
        trail.tell(
            registry.open(), sleeves()[name], run_id=context.run.run_id, told=words, name=name
        )


def _evidence(name: str, lakehouse: LakehouseRoot) -> Evidence:
    whole = WholeSleeve.read(sleeves()[name], lakehouse)
    board = lakehouse.store("leaderboard").read(name)
    if board is None:
        raise MissingPartitionError(
            f"leaderboard of sleeve {name} has never been materialized; materialize it first"
        )
    # The simulators of the leaderboard: its fidelity may have been chosen for its run alone.
    labels = dict.fromkeys(str(label) for label in board["simulator"].to_pylist())
    config = with_simulators(whole.sleeve.config, *labels)
    store = lakehouse.store("simulation_results", name)
    stored = StoredPaths.read(*(store.read(label) for label in labels))
    ranked = _check_current(name, whole, config, board, stored)
    paths = [path for path in stored.paths if path.names in ranked]
    return Evidence(
        config, whole.inputs, whole.windows, whole.atoms, whole.index, whole.cube, board, paths
    )


def _check_current(
    name: str,
    whole: WholeSleeve,
    config: TournamentConfig,
    board: pa.Table,
    stored: StoredPaths,
) -> Mapping[tuple[str, ...], str]:
    """Refuse a leaderboard of other paths, and paths of another cube; return the ranked keys."""
    rows = board.select([*PATH_NAMES, "key", "status"]).to_pylist()
    cells = {tuple(row[axis] for axis in PATH_NAMES): row for row in rows}
    ranked = {cell: row["key"] for cell, row in cells.items() if row["key"]}
    left_out = {cell for cell, row in cells.items() if row["status"] == NOT_A_FINALIST}
    plan = whole.stage(config).plan(config, stored)
    if plan.stale.keys() - plan.failed.keys() - left_out:
        behind = "simulation_results is behind the weights cube"
    elif ranked != {path.names: path.key for path in stored.paths if path.names not in left_out}:
        behind = "the leaderboard is behind simulation_results"
    else:
        return ranked
    raise ContractError(f"champion of {name}: {behind}; materialize it again first")


def _outcome(election: Election) -> dict[str, Any]:
    champion = list(election.champion) if election.champion else None
    return {"champion": champion, "reason": election.reason, "tried": len(election.verdicts)}


def _metadata(election: Election) -> dict[str, Any]:
    names = "/".join(election.champion) if election.champion else "no champion"
    return {
        "champion": names,
        "reason": election.reason,
        "ranked": election.ranked,
        "tried": len(election.verdicts),
        "verdicts": verdicts_preview(election.verdicts),
    }


def _told(name: str, election: Election, lakehouse: LakehouseRoot) -> Telling:
    figures: Mapping[str, float | None] = {
        result.name: result.value
        for verdict in election.verdicts[-1:]
        if verdict.passed
        for result in verdict.results
    }
    config = sleeves()[name].config
    stored = {"verdicts": "champion", "leaderboard": "leaderboard"}
    tables = {"verdicts": election_table(election)}
    if (board := lakehouse.store("leaderboard").read(name)) is not None:
        tables["leaderboard"] = board
    return Telling(
        params={
            f"{name}.config_hash": digest_json(config.resolved()),
            f"{name}.seed": str(config.seed),
        },
        metrics={
            f"{name}.{figure}": value
            for figure, value in {
                **figures,
                "ranked": float(election.ranked),
                "tried": float(len(election.verdicts)),
                "elected": float(election.champion is not None),
            }.items()
        },
        tables={
            f"{name}.{what}": StoredTable(stored[what], name, table)
            for what, table in tables.items()
        },
        documents={
            f"{name}.election": _outcome(election),
            f"{name}.config": config.resolved(),
        },
        tags={f"{name}.champion": "/".join(election.champion or ("none",))},
    )
