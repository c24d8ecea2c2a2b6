"""The stages of a tournament by name: what each needs, provides, reads and writes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from quant_core.context import Stage, StageRegistry
from quant_core.ledger import tried_configurations
from quant_core.tournament._atoms import ATOMS_SCHEMA
from quant_core.tournament._cube import CUBE_SCHEMA
from quant_core.tournament._finalists import SimulationStage
from quant_core.tournament._folder import read_table, write_table
from quant_core.tournament._gates import Yardstick
from quant_core.tournament._index import CubeIndex
from quant_core.tournament._inputs import Inputs
from quant_core.tournament._leaderboard import Leaderboard, rank, rank_key
from quant_core.tournament._modelling import register_models, serve, train_stale
from quant_core.tournament._paths import StoredPaths, paths_table
from quant_core.tournament._pipeline import collect_atoms, select, solve
from quant_core.tournament._recording import board_candidates
from quant_core.tournament._strategies import (
    ATOM_RETURNS,
    MODEL_TABLE,
    Market,
    keyed,
    model_facts,
    recalled,
)
from quant_core.tournament._trials import configuration_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.tournament._atoms import AtomsRecord
    from quant_core.tournament._paths import CellPath
    from quant_core.tournament._run import Pipeline

__all__ = ["ATOMS", "CUBE", "STAGES"]

ATOMS, CUBE, NAV = "selected_atoms.parquet", "weights_cube.parquet", "nav.parquet"
_DROPPED = "dropped.parquet"
_LEADERBOARD, _WINDOWS = "leaderboard.parquet", "window_metrics.parquet"

type _Given = Mapping[str, Any]


def _ingest(run: Pipeline, _given: _Given) -> _Given:
    """Take the returns over and book what was dropped."""
    ingested = run.prepared.ingested
    write_table(run.out / _DROPPED, ingested.dropped)
    run.action.outcome = ingested.report.to_dict()
    found = run.data.data
    run.hand_on(
        atoms=[str(run.prepared.inputs.atoms[place]) for place in run.prepared.inputs.investable],
        parameters={"windows": run.config.windows.model_dump(mode="json")},
        counts={
            "dates": found.dates,
            "symbols": found.symbols,
            "kept": found.kept,
            "dropped": found.dropped,
            "windows": len(run.data.windows),
        },
    )
    return {"inputs": run.prepared.inputs}


def _train(run: Pipeline, _given: _Given) -> _Given:
    """Bring the models of the strategies up to date."""
    market = Market.of(run.config, run.prepared.ingested)
    models, trained = train_stale(
        market.plan(run.out), market, run.out, compute=run.compute, progress=run.progress
    )
    facts = model_facts(trained)
    run.note(facts)
    run.action.outcome["statuses"] = dict(Counter(fact.status for fact in facts))
    run.hand_on(
        features=market.features.names,
        parameters={"strategies": [one.name for one in run.config.strategies]},
        counts={"models": len(models)},
    )
    return {"market": market, "models": models}


def _register(run: Pipeline, values: _Given) -> None:
    market, models = values["market"], values["models"]
    known = register_models(run.ledger, models, run.models, run_id=run.data.run_id)
    serve(market, models, run.out, known)


def _streams(run: Pipeline, given: _Given) -> _Given:
    """Put the streams of the strategies beside the assets."""
    market, models = given["market"], given["models"]
    file, key = run.out / ATOM_RETURNS, market.key(models)
    matrix = recalled(read_table(file), key)
    if matrix is None:
        matrix = market.atom_returns(models, run.models)
        write_table(file, keyed(matrix, key))
    run.action.outcome = {"atoms": len(matrix.symbols)}
    inputs = Inputs.of(matrix, run.config)
    run.hand_on(atoms=[str(inputs.atoms[place]) for place in inputs.investable])
    return {"inputs": inputs}


def _select(run: Pipeline, given: _Given) -> _Given:
    """Choose the atoms that each window may hold."""
    inputs, months = given["inputs"], run.months
    outcome = select(
        inputs,
        run.config,
        months,
        run.atoms_store,
        compute=run.compute,
        progress=run.progress,
        universe=run.prepared.universe(inputs),
    )
    run.atoms_store.assemble(list(months), ATOMS_SCHEMA)
    run.note(outcome.facts)
    atoms = collect_atoms(run.atoms_store, months, inputs.matrix.symbols)
    run.hand_on(
        atoms=_winners(inputs, atoms),
        parameters={"selections": _choices(run.config.selections)},
        counts={"selections": len(atoms)},
    )
    return {"atoms": atoms}


def _winners(inputs: Inputs, atoms: Mapping[tuple[str, str], AtomsRecord]) -> list[str]:
    columns = sorted({column for one in atoms.values() for column in one.winners.tolist()})
    return [str(inputs.atoms[column]) for column in columns]


def _solve(run: Pipeline, given: _Given) -> _Given:
    """Solve the weights of every window, selection, engine and profile."""
    outcome = solve(
        given["inputs"],
        run.config,
        run.months,
        given["atoms"],
        run.cube_store,
        compute=run.compute,
        progress=run.progress,
    )
    run.cube_store.assemble(list(run.months), CUBE_SCHEMA)
    run.note(outcome.facts)
    run.hand_on(
        parameters={
            "engines": _choices(run.config.engines),
            "profiles": _choices(run.config.profiles),
        },
        counts=_statuses("solves", [fact.status for fact in outcome.facts]),
    )
    return {"index": CubeIndex.of_facts(outcome.facts)}


def _simulate(run: Pipeline, given: _Given) -> _Given:
    """Simulate the path of every cell."""
    inputs, config, windows = given["inputs"], run.config, run.prepared.windows
    file = run.out / NAV
    dates = inputs.matrix.dates[windows[0].test.start : windows[-1].test.stop]
    stored = StoredPaths.read(read_table(file))

    def keep(paths: Sequence[CellPath], failed: Mapping[str, str]) -> None:
        if not stored.holds(config.sleeve, dates, paths, failed):
            write_table(file, paths_table(config.sleeve, dates, paths, failed))

    stage = SimulationStage(inputs, config, windows, given["atoms"], given["index"])
    found, finalists = stage.run(
        stored, run.cube_store, compute=run.compute, progress=run.progress, keep=keep
    )
    keep(found.paths, found.failed)
    run.note(found.facts)
    if finalists is not None:
        run.say(finalists=finalists.to_dict())
    run.hand_on(
        parameters={
            "rebalances": _choices(config.rebalances),
            "simulators": _choices(config.simulators),
        },
        counts=_statuses("paths", [fact.status for fact in found.facts]),
    )
    return {"simulations": found}


def _rank(run: Pipeline, given: _Given) -> _Given:
    """Rank the cells, and say what luck explains of them."""
    found, windows = given["simulations"], run.prepared.windows
    trials = len(tried_configurations(run.ledger.path))
    yardstick = Yardstick.of(given["inputs"], run.config, windows, given["atoms"])
    facts = (
        run.config,
        found.paths,
        found.absent,
        given["index"],
        found.first_rows,
        yardstick,
    )
    tables = [read_table(run.out / name) for name in (_LEADERBOARD, _WINDOWS)]
    board = Leaderboard.recall(*tables, key=rank_key(*facts, trials=trials))
    if board is None:
        board = rank(*facts, trials=trials)
        write_table(run.out / _LEADERBOARD, board.table)
        write_table(run.out / _WINDOWS, board.windows)
    run.action.outcome = {"trials": trials, "cells": board.table.num_rows}
    run.say(pbo=board.overfitting, trials=trials)
    run.hand_on(counts={"cells": board.table.num_rows})
    return {"leaderboard": board}


def _candidates(run: Pipeline, values: _Given) -> None:
    for candidate in board_candidates(values["leaderboard"].table, run.config):
        run.ledger.candidate(run_id=run.data.run_id, **candidate)


def _choices(axis: Sequence[Any]) -> dict[str, Any]:
    return {choice.label: choice.spec.model_dump(mode="json") for choice in axis}


def _statuses(name: str, statuses: Sequence[str]) -> dict[str, int]:
    found = Counter(statuses)
    return {name: len(statuses)} | {f"{name}_{status}": found[status] for status in sorted(found)}


def _has_strategies(run: Pipeline) -> bool:
    return bool(run.config.strategies)


def _windows(run: Pipeline) -> _Given:
    return {"windows": len(run.prepared.windows)}


STAGES: StageRegistry[Pipeline] = StageRegistry(
    [
        Stage(
            "ingest",
            _ingest,
            provides=("inputs",),
            writes=(_DROPPED,),
            about=lambda run: {"origin": run.data.data.origin},
        ),
        Stage(
            "train",
            _train,
            provides=("market", "models"),
            writes=(MODEL_TABLE,),
            about=lambda run: {"strategies": [one.name for one in run.config.strategies]},
            applies=_has_strategies,
            after=_register,
        ),
        Stage(
            "streams",
            _streams,
            needs=("market", "models"),
            provides=("inputs",),
            reads=(MODEL_TABLE,),
            writes=(ATOM_RETURNS,),
            applies=_has_strategies,
        ),
        Stage(
            "select",
            _select,
            needs=("inputs",),
            provides=("atoms",),
            reads=(ATOM_RETURNS,),
            writes=(ATOMS,),
            about=_windows,
        ),
        Stage(
            "solve",
            _solve,
            needs=("inputs", "atoms"),
            provides=("index",),
            reads=(ATOM_RETURNS, ATOMS),
            writes=(CUBE,),
            about=_windows,
        ),
        Stage(
            "simulate",
            _simulate,
            needs=("inputs", "atoms", "index"),
            provides=("simulations",),
            reads=(ATOM_RETURNS, ATOMS, CUBE),
            writes=(NAV,),
            about=lambda run: {"configurations": configuration_ids(run.config)},
        ),
        Stage(
            "rank",
            _rank,
            needs=("inputs", "atoms", "index", "simulations"),
            provides=("leaderboard",),
            reads=(ATOM_RETURNS, ATOMS, CUBE, NAV),
            writes=(_LEADERBOARD, _WINDOWS),
            after=_candidates,
        ),
    ]
)
"""The whole pipeline; `StageRegistry.replace`, ``insert`` and ``remove`` give another one."""
