"""A whole tournament into one folder."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_core.canonical import digest_json, digest_parts
from quant_core.clock import clock
from quant_core.compute import SerialCompute
from quant_core.config import check_caps, check_constraints
from quant_core.data import ingest, open_source
from quant_core.errors import ConfigError
from quant_core.ledger import Ledger, tried_configurations
from quant_core.models import ModelStore
from quant_core.tournament._atoms import ATOMS_SCHEMA
from quant_core.tournament._cube import CUBE_SCHEMA
from quant_core.tournament._finalists import SimulationStage
from quant_core.tournament._folder import SingleFileStore, alone_in, read_table, write_table
from quant_core.tournament._gates import Yardstick
from quant_core.tournament._index import CubeIndex
from quant_core.tournament._inputs import Inputs
from quant_core.tournament._leaderboard import Leaderboard, rank, rank_key
from quant_core.tournament._manifest import OUTPUTS, STRATEGY_OUTPUTS, write_manifest
from quant_core.tournament._modelling import register_models, serve, train_stale
from quant_core.tournament._paths import StoredPaths, paths_table
from quant_core.tournament._pipeline import by_month, check_investable, collect_atoms, select, solve
from quant_core.tournament._progress import Silent, facts_table
from quant_core.tournament._recording import board_candidates, file_digests, recorded_inputs
from quant_core.tournament._strategies import (
    ATOM_RETURNS,
    MODEL_TABLE,
    MODELS,
    Market,
    keyed,
    model_facts,
    most_columns,
    recalled,
)
from quant_core.tournament._trials import configuration_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from quant_core.compute import Compute
    from quant_core.config import TournamentConfig
    from quant_core.data import DataConfig, Ingested, ReturnsMatrix
    from quant_core.strategies import ModelRecord
    from quant_core.tournament._atoms import AtomsRecord
    from quant_core.tournament._paths import CellPath
    from quant_core.tournament._progress import CellFact, Progress
    from quant_core.tournament._simulating import Simulations
    from quant_core.windows import Window

__all__ = ["Prepared", "Result", "run"]

_ATOMS, _CUBE, _NAV = "selected_atoms.parquet", "weights_cube.parquet", "nav.parquet"
_LEADERBOARD, _WINDOWS = "leaderboard.parquet", "window_metrics.parquet"


@dataclass(frozen=True, slots=True)
class Result:
    """What a run made.

    Parameters
    ----------
    run_id : str
        Identity of the run, the same in every record and file.
    out : pathlib.Path
        The folder.
    leaderboard : pyarrow.Table
        One row a cell.
    counts : mapping of str to (hits, computed)
        Cells found and cells computed, by kind.
    seconds : mapping of str to float
        Duration of each stage.
    """

    run_id: str
    out: Path
    leaderboard: pa.Table = field(repr=False)
    counts: Mapping[str, tuple[int, int]]
    seconds: Mapping[str, float]


def run(
    config: TournamentConfig,
    *,
    out: str | Path,
    compute: Compute | None = None,
    progress: Progress | None = None,
    run_id: str | None = None,
    data: DataConfig | None = None,
) -> Result:
    """Run a tournament and write its results into a folder.

    What the folder already holds is reused cell by cell; nothing is written before the
    configuration and the data have been accepted.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    out : str or pathlib.Path
        The folder; it is created.
    compute : Compute, optional
        The backend, by default `SerialCompute`.
    progress : Progress, optional
        Told of hits and computed cells.
    run_id : str, optional
        Identity of the run; by default made from the clock and the inputs.
    data : DataConfig, optional
        Source of the data, in place of the configuration's.

    Returns
    -------
    Result

    Raises
    ------
    ConfigError
        If the configuration contradicts the data.
    DataError
        If the data cannot be used.

    Examples
    --------
    >>> from quant_core import TournamentConfig, run  # doctest: +SKIP
    >>> config = TournamentConfig(data="sample", profiles=["hrp"])  # doctest: +SKIP
    >>> run(config, out="results").leaderboard  # doctest: +SKIP
    """
    started = clock().now()
    prepared = Prepared.of(config, data)
    own_id = (
        run_id or f"{started:%Y%m%dT%H%M%S}-{digest_parts([prepared.version, str(started)])[:8]}"
    )
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with alone_in(folder), Ledger(folder / "audit.jsonl") as ledger:
        tournament = _Tournament(
            prepared, folder, ledger, own_id, compute or SerialCompute(), progress or Silent()
        )
        result = tournament.run()
        head = ledger.head()
        facts = tournament.manifest(started, {"seq": head.seq, "hash": head.hash})
        outputs = (*OUTPUTS, *(STRATEGY_OUTPUTS if config.strategies else ()))
        write_manifest(folder, facts, outputs=outputs, known=tournament.made)
    return result


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration and the data that it was accepted with.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    ingested : Ingested
        The validated returns and their books.
    inputs : Inputs
        The returns of the assets seen through the configuration.
    windows : tuple of Window
        Windows with train and test rows, in time order.
    data : DataConfig
        Where the data came from.
    """

    config: TournamentConfig
    ingested: Ingested = field(repr=False)
    inputs: Inputs = field(repr=False)
    windows: tuple[Window, ...] = field(repr=False)
    data: DataConfig = field(repr=False)

    @classmethod
    def of(cls, config: TournamentConfig, data: DataConfig | None = None) -> Prepared:
        """Read the data and check the configuration against them; nothing is written."""
        chosen = data or config.data
        if chosen is None:
            raise ConfigError(
                "data: expected a source, found none; give data.prices, data.returns or "
                "data.sample in the configuration, or --prices or --returns"
            )
        ingested = ingest(open_source(chosen), chosen, prices=bool(config.strategies))
        inputs = Inputs.of(ingested.matrix, config)
        check_investable(inputs)
        windows = inputs.windows()
        check_caps(config, most_columns(config, ingested.matrix.symbols))
        check_constraints(config, ingested.matrix.symbols)
        return cls(config, ingested, inputs, tuple(windows), chosen)

    @property
    def version(self) -> str:
        """Digest of configuration and data."""
        return digest_parts([digest_json(self.config.resolved()), self.ingested.version])


class _Tournament:
    """The stages of one run, each recorded in the ledger."""

    def __init__(
        self,
        prepared: Prepared,
        folder: Path,
        ledger: Ledger,
        run_id: str,
        compute: Compute,
        progress: Progress,
    ) -> None:
        self._prepared, self._folder, self._ledger = prepared, folder, ledger
        self._run_id, self._compute, self._progress = run_id, compute, progress
        self._config, self._inputs = prepared.config, prepared.inputs
        self._months = by_month(prepared.windows)
        self._atoms_store = SingleFileStore(folder / _ATOMS)
        self._cube_store = SingleFileStore(folder / _CUBE)
        self.made: dict[str, str] = {}
        self._facts: list[CellFact] = []
        self._seconds: dict[str, float] = {}
        self._summary: dict[str, Any] = {}

    def run(self) -> Result:
        self._genesis()
        self._ingest()
        self._train()
        atoms = self._select()
        index = self._solve(atoms)
        board = self._rank(self._simulate(atoms, index), atoms, index)
        facts = facts_table(self._facts, sleeve=self._config.sleeve, run_id=self._run_id)
        write_table(self._folder / "cells.parquet", facts)
        return Result(self._run_id, self._folder, board.table, self._counts(), self._seconds)

    def _genesis(self) -> None:
        self._ledger.genesis(
            run_id=self._run_id,
            config_hash=digest_json(self._config.resolved()),
            data_version=self._prepared.ingested.version,
            seed=self._config.seed,
            **recorded_inputs(self._config, self._prepared.data, self._prepared.ingested),
        )

    @contextmanager
    def _stage(
        self, name: str, *, reads: Sequence[str] = (), writes: Sequence[str] = (), **context: Any
    ) -> Iterator[Any]:
        started = clock().seconds()
        context = {"run_id": self._run_id, **context}
        known = {file: self.made[file] for file in reads if file in self.made}
        inputs = {"data": self._prepared.ingested.version, **known}
        with self._ledger.action(name, context=context, inputs=inputs) as action:
            yield action
            made = file_digests(self._folder, writes)
            self.made |= made
            action.outputs |= made
        self._seconds[name] = clock().seconds() - started

    def _ingest(self) -> None:
        ingested = self._prepared.ingested
        with self._stage("ingest", writes=("dropped.parquet",), origin=ingested.origin) as action:
            write_table(self._folder / "dropped.parquet", ingested.dropped)
            action.outcome = ingested.report.to_dict()

    def _train(self) -> None:
        if not self._config.strategies:
            return
        market = Market.of(self._config, self._prepared.ingested)
        store = ModelStore(str(self._folder / MODELS))
        with self._stage(
            "train",
            writes=(MODEL_TABLE,),
            strategies=[one.name for one in self._config.strategies],
        ) as action:
            plan = market.plan(self._folder)
            models, trained = train_stale(
                plan, market, self._folder, compute=self._compute, progress=self._progress
            )
            facts = model_facts(trained)
            self._note(action, facts)
            action.outcome["statuses"] = dict(Counter(fact.status for fact in facts))
        known = register_models(self._ledger, models, store, run_id=self._run_id)
        serve(market, models, self._folder, known)
        with self._stage("streams", reads=(MODEL_TABLE,), writes=(ATOM_RETURNS,)) as action:
            matrix = self._streams(market, models, store)
            action.outcome = {"atoms": len(matrix.symbols)}
        self._inputs = Inputs.of(matrix, self._config)

    def _streams(
        self, market: Market, models: Sequence[ModelRecord], store: ModelStore
    ) -> ReturnsMatrix:
        file, key = self._folder / ATOM_RETURNS, market.key(models)
        matrix = recalled(read_table(file), key)
        if matrix is None:
            matrix = market.atom_returns(models, store)
            write_table(file, keyed(matrix, key))
        return matrix

    def _select(self) -> Mapping[tuple[str, str], AtomsRecord]:
        months, symbols = list(self._months), self._inputs.matrix.symbols
        windows = len(self._prepared.windows)
        with self._stage(
            "select", reads=(ATOM_RETURNS,), writes=(_ATOMS,), windows=windows
        ) as action:
            outcome = select(
                self._inputs,
                self._config,
                self._months,
                self._atoms_store,
                compute=self._compute,
                progress=self._progress,
            )
            self._atoms_store.assemble(months, ATOMS_SCHEMA)
            self._note(action, outcome.facts)
        return collect_atoms(self._atoms_store, months, symbols)

    def _solve(self, atoms: Mapping[tuple[str, str], AtomsRecord]) -> CubeIndex:
        windows = len(self._prepared.windows)
        with self._stage(
            "solve", reads=(ATOM_RETURNS, _ATOMS), writes=(_CUBE,), windows=windows
        ) as action:
            outcome = solve(
                self._inputs,
                self._config,
                self._months,
                atoms,
                self._cube_store,
                compute=self._compute,
                progress=self._progress,
            )
            self._cube_store.assemble(list(self._months), CUBE_SCHEMA)
            self._note(action, outcome.facts)
        return CubeIndex.of_facts(outcome.facts)

    def _simulate(
        self, atoms: Mapping[tuple[str, str], AtomsRecord], index: CubeIndex
    ) -> Simulations:
        file, config = self._folder / _NAV, self._config
        windows = self._prepared.windows
        dates = self._inputs.matrix.dates[windows[0].test.start : windows[-1].test.stop]
        stored = StoredPaths.read(read_table(file))

        def keep(paths: Sequence[CellPath], failed: Mapping[str, str]) -> None:
            if not stored.holds(config.sleeve, dates, paths, failed):
                write_table(file, paths_table(config.sleeve, dates, paths, failed))

        with self._stage(
            "simulate",
            reads=(ATOM_RETURNS, _ATOMS, _CUBE),
            writes=(_NAV,),
            configurations=configuration_ids(config),
        ) as action:
            stage = SimulationStage(self._inputs, config, windows, atoms, index)
            found, finalists = stage.run(
                stored,
                self._cube_store,
                compute=self._compute,
                progress=self._progress,
                keep=keep,
            )
            keep(found.paths, found.failed)
            self._note(action, found.facts)
            if finalists is not None:
                self._summary["finalists"] = finalists.to_dict()
        return found

    def _rank(
        self,
        found: Simulations,
        atoms: Mapping[tuple[str, str], AtomsRecord],
        index: CubeIndex,
    ) -> Leaderboard:
        with self._stage(
            "rank",
            reads=(ATOM_RETURNS, _ATOMS, _CUBE, _NAV),
            writes=(_LEADERBOARD, _WINDOWS),
        ) as action:
            trials = len(tried_configurations(self._ledger.path))
            windows = self._prepared.windows
            yardstick = Yardstick.of(self._inputs, self._config, windows, atoms)
            rows = found.first_rows
            given = (self._config, found.paths, found.absent, index, rows, yardstick)
            board = self._recalled(rank_key(*given, trials=trials))
            if board is None:
                board = rank(*given, trials=trials)
                write_table(self._folder / _LEADERBOARD, board.table)
                write_table(self._folder / _WINDOWS, board.windows)
            action.outcome = {"trials": trials, "cells": board.table.num_rows}
            self._summary |= {"pbo": board.overfitting, "trials": trials}
        for candidate in board_candidates(board.table, self._config):
            self._ledger.candidate(run_id=self._run_id, **candidate)
        return board

    def _recalled(self, key: str) -> Leaderboard | None:
        tables = [read_table(self._folder / name) for name in (_LEADERBOARD, _WINDOWS)]
        return Leaderboard.recall(*tables, key=key)

    def _note(self, action: Any, facts: Sequence[CellFact]) -> None:
        self._facts.extend(facts)
        outcomes = Counter(fact.outcome for fact in facts)
        action.outcome = {"hits": outcomes["hit"], "computed": outcomes["computed"]}
        action.outputs = {"cells": digest_parts(fact.key for fact in facts)}

    def _counts(self) -> dict[str, tuple[int, int]]:
        found = Counter((fact.kind, fact.outcome) for fact in self._facts)
        kinds = dict.fromkeys(fact.kind for fact in self._facts)
        return {kind: (found[kind, "hit"], found[kind, "computed"]) for kind in kinds}

    def manifest(self, started: Any, head: Mapping[str, Any]) -> dict[str, Any]:
        ingested = self._prepared.ingested
        return {
            "run_id": self._run_id,
            "started": started.isoformat(),
            "finished": clock().now().isoformat(),
            "seconds": self._seconds,
            "backend": self._compute.name,
            "workers": self._compute.workers,
            "config": self._config.resolved(),
            "data": {
                "origin": ingested.origin,
                "version": ingested.version,
                "symbols": len(ingested.matrix.symbols),
                "dates": len(ingested.matrix.dates),
                **ingested.report.to_dict(),
            },
            "counts": {
                kind: {"hits": hits, "computed": computed}
                for kind, (hits, computed) in self._counts().items()
            },
            "ledger": head,
            **self._summary,
        }
