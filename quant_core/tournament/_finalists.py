"""The cells that the slower simulators see: the best under the fastest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.config import RANKING_SIMULATOR, cells
from quant_core.metrics import path_metrics
from quant_core.tournament._simulating import Simulations, plan_simulations, run_simulations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.cells import PartitionStore
    from quant_core.compute import Compute
    from quant_core.config import TournamentConfig
    from quant_core.tournament._atoms import AtomsRecord
    from quant_core.tournament._index import CubeIndex
    from quant_core.tournament._inputs import Inputs
    from quant_core.tournament._paths import CellPath, StoredPaths
    from quant_core.tournament._progress import Progress
    from quant_core.tournament._simulating import Keep, SimulationPlan
    from quant_core.windows import Window

__all__ = ["NOT_A_FINALIST", "Finalists", "SimulationStage", "by_finalists", "ranking_config"]

NOT_A_FINALIST = "not a finalist"
"""Status of a cell that was left out because others rank above it."""

type Names = tuple[str, ...]


def by_finalists(config: TournamentConfig) -> bool:
    """Return whether simulators beside the ranking one see the finalists only."""
    return config.finalists is not None and len(ranking_config(config).simulators) < len(
        config.simulators
    )


def ranking_config(config: TournamentConfig) -> TournamentConfig:
    """Return the configuration with the ranking simulator alone."""
    own = [c for c in config.simulators if c.spec.name == RANKING_SIMULATOR]
    return config.model_copy(update={"simulators": tuple(own[:1])})


@dataclass(frozen=True, slots=True)
class Finalists:
    """The best cells by their Sharpe ratio under the ranking simulator.

    The plain Sharpe ratio is a figure of the path alone. The deflated one also depends on how
    many configurations were ever tried, so the finalists would change where no input has.

    Parameters
    ----------
    names : tuple of names
        Selection, engine, profile and rebalance, the best first; equal ones in the order of the
        configuration, those without a Sharpe ratio last.
    simulator : str
        Label of the ranking simulator.
    of : int
        Cells that it ranked.
    """

    names: tuple[Names, ...] = field(repr=False)
    simulator: str
    of: int

    @classmethod
    def best(cls, config: TournamentConfig, paths: Sequence[CellPath]) -> Finalists:
        """Choose among the paths of the ranking simulator as many as the configuration says."""
        label = ranking_config(config).simulators[0].label
        own = [path for path in paths if path.names[-1] == label]
        if not own:
            return cls((), label, 0)
        sharpe = path_metrics(
            np.stack([path.period_return for path in own]),
            periods_per_year=config.periods_per_year,
            risk_free=config.risk_free_per_period,
        )["sharpe"]
        order = np.argsort(-np.nan_to_num(sharpe, nan=-np.inf), kind="stable")
        chosen = order[: config.finalists]
        return cls(tuple(own[place].names[:-1] for place in chosen), label, len(own))

    def absence(self, cell: Names) -> tuple[str, str] | None:
        """Return status and reason of a cell that is left out, or None."""
        if cell[-1] == self.simulator or cell[:-1] in self.names:
            return None
        best = f"the {len(self.names)} best of {self.of} cells by Sharpe ratio"
        return NOT_A_FINALIST, f"not among {best} under {self.simulator}"

    def to_dict(self) -> dict[str, Any]:
        """Return who they are and how they were chosen, as plain values."""
        return {
            "count": len(self.names),
            "of": self.of,
            "by": "sharpe",
            "simulator": self.simulator,
            "cells": ["/".join(names) for names in self.names],
        }


@dataclass(frozen=True, slots=True)
class SimulationStage:
    """Stage two of a tournament: what it reads.

    Parameters
    ----------
    inputs : Inputs
        The returns matrix seen through the configuration.
    config : TournamentConfig
        The configuration.
    windows : sequence of Window
        Windows with test rows, in time order.
    atoms : mapping of (window, selection) to AtomsRecord
        What was selected.
    index : CubeIndex
        What was solved.
    """

    inputs: Inputs = field(repr=False)
    config: TournamentConfig = field(repr=False)
    windows: Sequence[Window] = field(repr=False)
    atoms: Mapping[tuple[str, str], AtomsRecord] = field(repr=False)
    index: CubeIndex = field(repr=False)

    def plan(
        self,
        config: TournamentConfig,
        stored: StoredPaths,
        finalists: Finalists | None = None,
    ) -> SimulationPlan:
        """Say which paths of some of the simulators have to be simulated."""
        return plan_simulations(
            self.inputs,
            config,
            self.windows,
            self.atoms,
            self.index,
            stored,
            finalists=finalists,
        )

    def finalists(self, stored: StoredPaths) -> Finalists | None:
        """Return the finalists if the paths that rank them are stored, else None."""
        plan = self.plan(ranking_config(self.config), stored)
        if plan.stale.keys() - plan.failed.keys():
            return None
        return Finalists.best(self.config, plan.as_stored().paths)

    def run(
        self,
        stored: StoredPaths,
        cube: PartitionStore,
        *,
        compute: Compute,
        progress: Progress,
        keep: Keep | None = None,
    ) -> tuple[Simulations, Finalists | None]:
        """Simulate what is stale: every cell, or all by one simulator and then the finalists.

        Parameters
        ----------
        stored : StoredPaths
            The paths that are stored.
        cube : PartitionStore
            Where the weights are.
        compute : Compute
            The backend.
        progress : Progress
            Told of hits and computed cells.
        keep : callable, optional
            As of `run_simulations`.
        """
        config, given = self.config, (self.index, cube)
        if not by_finalists(config):
            plan = self.plan(config, stored)
            found = run_simulations(
                plan, self.inputs, config, *given, compute=compute, progress=progress, keep=keep
            )
            return found, None
        first = ranking_config(config)
        ranked = run_simulations(
            self.plan(first, stored),
            self.inputs,
            first,
            *given,
            compute=compute,
            progress=progress,
            keep=keep,
        )
        finalists = Finalists.best(config, ranked.paths)
        others = tuple(c for c in config.simulators if c not in first.simulators)
        rest = config.model_copy(update={"simulators": others})
        found = run_simulations(
            self.plan(rest, stored, finalists),
            self.inputs,
            rest,
            *given,
            compute=compute,
            progress=progress,
            stage="finalists",
            keep=None if keep is None else _with_ranked(keep, ranked),
        )
        return _merged(config, ranked, found), finalists


def _with_ranked(keep: Keep, ranked: Simulations) -> Keep:
    def both(paths: Sequence[CellPath], failed: Mapping[str, str]) -> None:
        keep([*ranked.paths, *paths], {**ranked.failed, **failed})

    return both


def _merged(config: TournamentConfig, one: Simulations, other: Simulations) -> Simulations:
    """Put two parts of a tournament together, in the order of its configuration."""
    paths = {path.names: path for part in (one, other) for path in part.paths}
    facts = {tuple(fact.coordinates.values()): fact for part in (one, other) for fact in part.facts}
    absent = {**one.absent, **other.absent}
    order = [tuple(cell) for cell in cells(config)]
    return Simulations(
        tuple(paths[names] for names in order if names in paths),
        {names: absent[names] for names in order if names in absent},
        {**one.failed, **other.failed},
        tuple(facts[names] for names in order),
        one.first_rows,
    )
