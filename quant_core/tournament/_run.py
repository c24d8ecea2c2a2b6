"""A tournament into one folder: as a whole, or stage by stage."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from quant_core.canonical import digest_parts
from quant_core.clock import clock
from quant_core.compute import SerialCompute
from quant_core.context import Difference, SelectionContext, current_settings, use_settings
from quant_core.errors import StageError
from quant_core.ledger import Action, Ledger
from quant_core.models import ModelStore
from quant_core.tournament._folder import SingleFileStore, alone_in, write_table
from quant_core.tournament._manifest import run_facts, write_manifest
from quant_core.tournament._pipeline import by_month
from quant_core.tournament._prepared import Prepared
from quant_core.tournament._progress import Silent, facts_table
from quant_core.tournament._recording import file_digests, recorded_inputs
from quant_core.tournament._stages import ATOMS, CUBE, STAGES
from quant_core.tournament._strategies import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from quant_core.compute import Compute
    from quant_core.config import TournamentConfig
    from quant_core.context import RunData, Settings, Stage, StageRegistry
    from quant_core.data import DataConfig
    from quant_core.tournament._progress import CellFact, Progress

__all__ = ["Pipeline", "Result", "Step", "run"]

_LOG = logging.getLogger("quant_core.tournament")


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


@dataclass(frozen=True, slots=True)
class Step:
    """A stage that has run.

    Parameters
    ----------
    name : str
        The stage.
    changed : Difference
        What it changed of the context.
    seconds : float
        How long it took.
    """

    name: str
    changed: Difference
    seconds: float


def run(
    config: TournamentConfig,
    *,
    out: str | Path,
    compute: Compute | None = None,
    progress: Progress | None = None,
    run_id: str | None = None,
    data: DataConfig | None = None,
    stages: StageRegistry[Pipeline] = STAGES,
    settings: Settings | None = None,
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
    stages : StageRegistry, optional
        The stages, by default `STAGES`.
    settings : Settings, optional
        Settings of the run, by default those in force.

    Returns
    -------
    Result

    Raises
    ------
    ConfigError
        If the configuration contradicts the data.
    DataError
        If the data cannot be used.
    StageError
        If a stage lacks what it needs.

    Examples
    --------
    >>> from quant_core import TournamentConfig, run  # doctest: +SKIP
    >>> config = TournamentConfig(data="sample", profiles=["hrp"])  # doctest: +SKIP
    >>> run(config, out="results").leaderboard  # doctest: +SKIP
    """
    with Pipeline(
        config,
        out=out,
        compute=compute,
        progress=progress,
        run_id=run_id,
        data=data,
        stages=stages,
        settings=settings,
    ) as pipeline:
        pipeline.until()
        pipeline.finish()
        return pipeline.result


class Pipeline:
    """One run of a tournament, stage by stage.

    The data are read and the configuration is checked when it is made; the folder, its lock and
    its audit trail are opened by the ``with`` block. Parameters are those of `run`.

    Attributes
    ----------
    config : TournamentConfig
        The configuration.
    data : RunData
        What the run knows of itself.
    context : SelectionContext
        What the last stage handed on.
    values : mapping of str to Any
        What the stages so far provided, by name.
    steps : list of Step
        The stages that have run.
    stages : StageRegistry
        The stages of this run, in order.

    Raises
    ------
    ConfigError, DataError
        As `run`.
    StageError
        If a stage needs what no earlier one provides.

    Examples
    --------
    >>> with Pipeline(config, out="results") as pipeline:  # doctest: +SKIP
    ...     pipeline.until("select")
    ...     print(pipeline.context.atoms)
    """

    def __init__(
        self,
        config: TournamentConfig,
        *,
        out: str | Path,
        compute: Compute | None = None,
        progress: Progress | None = None,
        run_id: str | None = None,
        data: DataConfig | None = None,
        stages: StageRegistry[Pipeline] = STAGES,
        settings: Settings | None = None,
    ) -> None:
        started = clock().now()
        self.config: TournamentConfig = config
        self.out = Path(out)
        self.compute, self.progress = compute or SerialCompute(), progress or Silent()
        self.stages = stages.of(self)
        self._settings = settings or current_settings()
        with use_settings(self._settings):
            self.prepared = Prepared.of(config, data)
        made_of = digest_parts([self.prepared.version, str(started)])
        self.data: RunData = self.prepared.run_data(
            run_id or f"{started:%Y%m%dT%H%M%S}-{made_of[:8]}", started
        )
        self.context = SelectionContext(run_id=self.data.run_id)
        self.months = by_month(self.prepared.windows)
        self.atoms_store = SingleFileStore(self.out / ATOMS)
        self.cube_store = SingleFileStore(self.out / CUBE)
        self.models = ModelStore(str(self.out / MODELS))
        self.values: dict[str, Any] = {}
        self.steps: list[Step] = []
        self.facts: list[CellFact] = []
        self.made: dict[str, str] = {}
        self.summary: dict[str, Any] = {}
        self._opened = ExitStack()
        self._ledger: Ledger | None = None
        self._action: Action | None = None

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.enter_context(use_settings(self._settings))
            self.out.mkdir(parents=True, exist_ok=True)
            opened.enter_context(alone_in(self.out))
            self._ledger = opened.enter_context(Ledger(self.out / "audit.jsonl"))
            self._ledger.genesis(
                run_id=self.data.run_id,
                config_hash=self.data.config_hash,
                data_version=self.data.data.version,
                seed=self.config.seed,
                **recorded_inputs(self.config, self.prepared.data, self.prepared.ingested),
            )
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ledger = None
        self._opened.close()

    @property
    def ledger(self) -> Ledger:
        """The audit trail, while the ``with`` block is open."""
        if self._ledger is None:
            raise StageError("pipeline: the folder is not open; use 'with Pipeline(...) as ...'")
        return self._ledger

    @property
    def action(self) -> Action:
        """The record of the stage that is running."""
        if self._action is None:
            raise StageError("pipeline: no stage is running; its record is open while one is")
        return self._action

    @property
    def left(self) -> tuple[str, ...]:
        """Names of the stages that have not run, in order."""
        done = {step.name for step in self.steps}
        return tuple(name for name in self.stages.names if name not in done)

    def step(self) -> Step:
        """Run the next stage, and return what it changed.

        Raises
        ------
        StageError
            If none is left, or it lacks what it needs, or has made something else than it says.
        """
        if not self.left:
            raise StageError(f"pipeline: every stage has run: {', '.join(self.stages.names)}")
        stage, ledger = self.stages[self.left[0]], self.ledger
        given, before, started = stage.given(self.values), self.context, clock().seconds()
        context = {"run_id": self.data.run_id, **stage.about(self)}
        with ledger.action(stage.name, context=context, inputs=self._inputs(stage)) as action:
            self._action = action
            try:
                made = stage.provided(stage.work(self, given))
            except Exception as error:
                error.add_note(f"in stage {stage.name!r} of run {self.data.run_id}")
                raise
            finally:
                self._action = None
            changed = self.context.diff(before)
            action.outcome["changed"] = changed.to_dict()
            files = file_digests(self.out, stage.writes)
            self.made |= files
            action.outputs |= files
        self.values |= made
        self.steps.append(Step(stage.name, changed, clock().seconds() - started))
        _LOG.info("%s: %s", stage.name, changed)
        if stage.after is not None:
            stage.after(self, self.values)
        return self.steps[-1]

    def until(self, name: str | None = None) -> Self:
        """Run the stages up to one of them, or all that are left.

        Parameters
        ----------
        name : str, optional
            The last stage to run; one that has run already runs nothing.
        """
        last = name if name is None else self.stages[name].name
        while self.left and (last is None or last in self.left):
            self.step()
        return self

    def finish(self) -> None:
        """Write what is known of each cell, ``cells.parquet``, and ``manifest.json``."""
        head = self.ledger.head()
        table = facts_table(self.facts, sleeve=self.config.sleeve, run_id=self.data.run_id)
        write_table(self.out / "cells.parquet", table)
        write_manifest(self.out, run_facts(self, head), outputs=tuple(self.made), known=self.made)

    @property
    def result(self) -> Result:
        """What the run made.

        Raises
        ------
        StageError
            If no stage has provided the leaderboard yet.
        """
        if "leaderboard" not in self.values:
            raise StageError(
                f"pipeline: the result needs a leaderboard, and no stage provided one; left: "
                f"{', '.join(self.left) or 'none'}"
            )
        board = self.values["leaderboard"].table
        return Result(self.data.run_id, self.out, board, self.counts, self.seconds)

    @property
    def seconds(self) -> dict[str, float]:
        """Duration of each stage that has run."""
        return {step.name: step.seconds for step in self.steps}

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Cells found and cells computed, by kind."""
        found = Counter((fact.kind, fact.outcome) for fact in self.facts)
        kinds = dict.fromkeys(fact.kind for fact in self.facts)
        return {kind: (found[kind, "hit"], found[kind, "computed"]) for kind in kinds}

    def hand_on(
        self,
        *,
        atoms: Iterable[str] | None = None,
        features: Iterable[str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """Say what a stage hands on; what is not named stays as it is.

        Parameters
        ----------
        atoms, features : iterable of str, optional
            Those that are still considered, in place of the former ones.
        parameters, counts : mapping, optional
            Entries that are added to the former ones.
        """
        before = self.context
        changes: dict[str, Any] = {
            "atoms": None if atoms is None else tuple(atoms),
            "features": None if features is None else tuple(features),
            "parameters": None if parameters is None else {**before.parameters, **parameters},
            "counts": None if counts is None else {**before.counts, **counts},
        }
        given = {name: value for name, value in changes.items() if value is not None}
        self.context = before.with_changes(**given)

    def note(self, facts: Sequence[CellFact]) -> None:
        """Book what happened to cells, in ``cells.parquet`` and in the record of the stage."""
        self.facts.extend(facts)
        outcomes = Counter(fact.outcome for fact in facts)
        self.action.outcome = {"hits": outcomes["hit"], "computed": outcomes["computed"]}
        self.action.outputs = {"cells": digest_parts(fact.key for fact in facts)}

    def say(self, **facts: Any) -> None:
        """Add facts to the manifest: ``finalists``, ``pbo`` or ``trials``."""
        self.summary |= facts

    def _inputs(self, stage: Stage[Pipeline]) -> dict[str, str]:
        known = {file: self.made[file] for file in stage.reads if file in self.made}
        return {"data": self.data.data.version, **known}
