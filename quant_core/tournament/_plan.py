"""What a run would do, said before it does anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from quant_core.cells import Receipt
from quant_core.compute import SerialCompute
from quant_core.models import ModelStore
from quant_core.strategies import served_records, train_models
from quant_core.tournament._finalists import SimulationStage, by_finalists, ranking_config
from quant_core.tournament._folder import SingleFileStore, read_table
from quant_core.tournament._index import CubeIndex
from quant_core.tournament._inputs import Inputs
from quant_core.tournament._paths import StoredPaths
from quant_core.tournament._pipeline import by_month, collect_atoms, select
from quant_core.tournament._prepared import Prepared
from quant_core.tournament._progress import Silent
from quant_core.tournament._solving import plan_solves
from quant_core.tournament._strategies import ATOM_RETURNS, MODELS, Market, recalled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from quant_core.config import TournamentConfig
    from quant_core.data import DataConfig
    from quant_core.models import ModelSpec
    from quant_core.strategies import TrainingPlan
    from quant_core.tournament._simulating import SimulationPlan

__all__ = ["Plan", "plan"]

_UNRANKED = "finalists, once every cell is ranked"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is stored and what a run would compute.

    Parameters
    ----------
    counts : mapping of str to (cached, stale)
        Cells by kind.
    reasons : mapping of str to mapping of str to int
        By kind, how many cells are stale for which reason.
    absent : mapping of str to str
        Cells that can have no path, ``selection/engine/profile/rebalance/simulator``, and why.
    windows : tuple of str
        The windows.
    """

    counts: Mapping[str, tuple[int, int]]
    reasons: Mapping[str, Mapping[str, int]]
    absent: Mapping[str, str]
    windows: tuple[str, ...] = field(repr=False)

    @property
    def stale(self) -> int:
        """Number of cells that a run would compute."""
        return sum(stale for _, stale in self.counts.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return {
            "cells": {
                kind: {"cached": cached, "stale": stale, "reasons": dict(self.reasons[kind])}
                for kind, (cached, stale) in self.counts.items()
            },
            "absent": dict(self.absent),
            "windows": {
                "count": len(self.windows),
                "first": self.windows[0],
                "last": self.windows[-1],
            },
        }


def plan(config: TournamentConfig, *, out: str | Path, data: DataConfig | None = None) -> Plan:
    """Say which cells a run into a folder would find and which it would compute, and why.

    Nothing is written. What a solve reads depends on what its window selects, and what a window
    selects on the streams of the strategies, so stale models are trained into a temporary folder
    and stale selections are computed in memory; solves and simulations are not.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    out : str or pathlib.Path
        The folder; it need not exist.
    data : DataConfig, optional
        Source of the data, in place of the configuration's.

    Raises
    ------
    ConfigError
        If the configuration contradicts the data.
    DataError
        If the data cannot be used.
    """
    prepared = Prepared.of(config, data)
    folder, months = Path(out), by_month(prepared.windows)
    inputs, models = _with_streams(prepared, folder)
    overlay = _Overlay(SingleFileStore(folder / "selected_atoms.parquet"))
    selected = select(
        inputs,
        config,
        months,
        overlay,
        compute=SerialCompute(),
        progress=Silent(),
        universe=prepared.universe(inputs),
    ).plan
    atoms = collect_atoms(overlay, months, inputs.matrix.symbols)
    cube = SingleFileStore(folder / "weights_cube.parquet")
    solves = plan_solves(inputs, config, months, atoms, cube)
    stage = SimulationStage(inputs, config, prepared.windows, atoms, CubeIndex.of_plan(solves))
    simulations = _Simulations.of(stage, StoredPaths.read(read_table(folder / "nav.parquet")))
    return Plan(
        counts={
            **({"model": (models.cached, models.stale)} if models else {}),
            "selection": (selected.cached, selected.stale),
            "solve": (solves.cached, solves.stale),
            "simulation": (simulations.cached, sum(simulations.reasons.values())),
        },
        reasons={
            **({"model": models.reasons} if models else {}),
            "selection": selected.reasons,
            "solve": solves.reasons,
            "simulation": simulations.reasons,
        },
        absent=simulations.absent,
        windows=tuple(window.key for window in prepared.windows),
    )


@dataclass(frozen=True, slots=True)
class _Simulations:
    """What stage two would find and compute."""

    cached: int
    reasons: Mapping[str, int]
    absent: Mapping[str, str]

    @classmethod
    def of(cls, stage: SimulationStage, stored: StoredPaths) -> _Simulations:
        """Plan stage two; who the finalists are may only be known once they are ranked."""
        config = stage.config
        if not by_finalists(config):
            return cls._of(stage.plan(config, stored))
        finalists = stage.finalists(stored)
        if finalists is not None:
            return cls._of(stage.plan(config, stored, finalists))
        first = cls._of(stage.plan(ranking_config(config), stored))
        every = stage.plan(config, StoredPaths())
        ranked = ranking_config(config).simulators[0].label
        others = Counter(cell.names[-1] for cell in every.cells if cell.names[-1] != ranked)
        most = sum(min(config.finalists or 0, count) for count in others.values())
        return cls(first.cached, {**first.reasons, _UNRANKED: most}, first.absent)

    @classmethod
    def _of(cls, plan: SimulationPlan) -> _Simulations:
        absent = {"/".join(names): why for names, (_, why) in plan.absent.items()}
        return cls(plan.cached, plan.reasons, absent)


def _with_streams(prepared: Prepared, folder: Path) -> tuple[Inputs, TrainingPlan | None]:
    """Return the inputs with the streams of strategies, and the plan of their models."""
    config = prepared.config
    if not config.strategies:
        return prepared.inputs, None
    market = Market.of(config, prepared.ingested)
    planned = market.plan(folder)
    with TemporaryDirectory() as scratch:
        given = (market.matrix, market.features, scratch)
        facts = train_models(planned, *given, compute=SerialCompute())
        records = served_records(planned, facts)
        matrix = recalled(read_table(folder / ATOM_RETURNS), market.key(records))
        if matrix is None:
            store = _Stores(str(folder / MODELS), scratch)
            matrix = market.atom_returns(records, store)
    return Inputs.of(matrix, config), planned


class _Stores(ModelStore):
    """The models of a folder, and beside them those that were trained for the plan alone."""

    def __init__(self, url: str, scratch: str) -> None:
        super().__init__(url)
        self._scratch = ModelStore(scratch)

    def read(self, spec: ModelSpec) -> bytes:
        """Return the bytes of a model, from wherever it is."""
        return super().read(spec) if self.holds(spec.sha256) else self._scratch.read(spec)


class _Overlay:
    """A store whose writes stay in memory."""

    def __init__(self, below: SingleFileStore) -> None:
        self._below = below
        self._written: dict[str, pa.Table] = {}

    def read(self, partition: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        table = self._written.get(partition)
        if table is None:
            return self._below.read(partition, columns)
        return table if columns is None else table.select(list(columns))

    def write(self, partition: str, table: pa.Table) -> Receipt:
        self._written[partition] = table
        return Receipt(partition, "", table.num_rows, table.nbytes, "")

    def partitions(self) -> list[str]:
        return sorted({*self._below.partitions(), *self._written})
