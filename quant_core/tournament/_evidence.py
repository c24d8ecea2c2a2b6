"""What the gates need to know of a cell, measured on the tournament's own results."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from quant_core.champion import Election, Figure, cell_gates, elect
from quant_core.profiles import Status
from quant_core.simulators import SIMULATORS, end_apart
from quant_core.tournament._gates import (
    Rival,
    Yardstick,
    cell_figures,
    measured,
    rivals_of,
    sharpe_before_costs,
)
from quant_core.tournament._index import read_weights
from quant_core.tournament._parity import compare, nav_gap
from quant_core.tournament._path_units import PathUnit, simulate_unit
from quant_core.tournament._paths import PATH_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from quant_core.cells import PartitionStore
    from quant_core.config import TournamentConfig
    from quant_core.simulators import Simulator
    from quant_core.tournament._atoms import AtomsRecord
    from quant_core.tournament._index import CubeIndex
    from quant_core.tournament._inputs import Inputs
    from quant_core.tournament._parity import Parity
    from quant_core.tournament._paths import CellPath
    from quant_core.windows import Window

__all__ = ["Evidence"]

type Names = tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """The results of a tournament, as the gates look at them.

    Parameters
    ----------
    config : TournamentConfig
        The configuration.
    inputs : Inputs
        The returns matrix seen through it.
    windows : sequence of Window
        Windows with test rows, in time order.
    atoms : mapping of (window, selection) to AtomsRecord
        What was selected.
    index : CubeIndex
        What was solved.
    cube : PartitionStore
        Where the weights are.
    board : pyarrow.Table
        The leaderboard.
    paths : sequence of CellPath
        The path of every ranked cell.
    """

    config: TournamentConfig
    inputs: Inputs = field(repr=False)
    windows: Sequence[Window] = field(repr=False)
    atoms: Mapping[tuple[str, str], AtomsRecord] = field(repr=False)
    index: CubeIndex = field(repr=False)
    cube: PartitionStore = field(repr=False)
    board: pa.Table = field(repr=False)
    paths: Sequence[CellPath] = field(repr=False)

    def elect(self) -> Election:
        """Elect the champion by the gates of the configuration."""
        rules = self.config.champion
        try:
            return elect(
                self.ranking(), cell_gates(rules.gates), self.figures, candidates=rules.candidates
            )
        finally:
            end_apart()

    def ranking(self) -> list[Names]:
        """Return the names of the candidates, best first.

        Simulators that agree rank the same weights side by side: each selection, engine, profile
        and rebalance is a candidate once, under the first simulator of the configuration.
        """
        ranked = self.board.filter(pc.is_valid(self.board["rank"])).sort_by("rank")
        order = [choice.label for choice in self.config.simulators]
        found: dict[Names, Names] = {}
        for row in ranked.select(PATH_NAMES).to_pylist():
            cell = tuple(row.values())
            best = found.setdefault(cell[:-1], cell)
            if order.index(cell[-1]) < order.index(best[-1]):
                found[cell[:-1]] = cell
        return list(found.values())

    def figures(self, cell: Names) -> dict[str, Figure]:
        """Measure a ranked cell: one figure a gate, or why there is none.

        Simulators that have to agree, and have not seen the cell yet, simulate it now.

        Parameters
        ----------
        cell : tuple of str
            Selection, engine, profile, rebalance and simulator.
        """
        path = self._paths[cell]
        ideal = float(sharpe_before_costs(self.config, [path])[0])
        rivals = rivals_of(self.config, cell, self._parity[cell], self._cagr, self._absent)
        for name in self.config.champion.simulators:
            if name in rivals and rivals[name].cagr.value is None and not self._tried(cell, name):
                rivals[name] = self._rival(cell, SIMULATORS[name]())
        return cell_figures(self.config, self._rows[cell], path, self._yardstick, ideal, rivals)

    def weights(self, line: Names) -> np.ndarray:
        """Return the weights, shape (W, n), of a selection, engine and profile."""
        if line not in self._weights:
            self._weights[line] = self._read([line])[0]
        return self._weights[line]

    @cached_property
    def _weights(self) -> dict[Names, np.ndarray]:
        """Read the weights of every candidate at once: each reading goes through all months."""
        tried = self.ranking()[: self.config.champion.candidates]
        lines = list(dict.fromkeys(cell[:3] for cell in tried))
        return dict(zip(lines, self._read(lines), strict=True))

    def _read(self, lines: Sequence[Names]) -> np.ndarray:
        return read_weights(self.cube, self.index, lines, self.inputs.matrix.symbols)

    def _tried(self, cell: Names, name: str) -> bool:
        """Return whether a simulator has tried the cell in the tournament and found nothing."""
        own = [choice.label for choice in self.config.simulators if choice.spec.name == name]
        tried = (str(Status.UNAVAILABLE), str(Status.FAILED))
        return any(self._absent.get((*cell[:-1], label), ("",))[0] in tried for label in own)

    def _rival(self, cell: Names, simulator: Simulator) -> Rival:
        if simulator.lack:
            lack = Figure(None, f"missing: {simulator.lack}")
            return Rival(lack, lack)
        config, own = self.config, self._paths[cell]
        rebalance = _spec(config, "rebalances", cell[3])
        shared = {
            "values": self.inputs.matrix.values[self.span],
            "rows": np.array([w.test.start - self.span.start for w in self.windows]),
            "weights": self.weights(cell[:3])[None],
        }
        unit = PathUnit(0, simulator, (rebalance,), config.costs.rate)
        (outcome,) = simulate_unit(unit, shared)
        if outcome.path is None:
            lack = Figure(None, f"missing: {outcome.failure}")
            return Rival(lack, lack)
        tolerance = max(simulator.tolerance, _spec(config, "simulators", cell[4]).tolerance)
        return Rival(
            Figure(measured(config, outcome.path.period_returns)["cagr"]),
            Figure(nav_gap(own.nav, outcome.path.nav) / tolerance),
        )

    @property
    def span(self) -> slice:
        """Rows of the returns matrix that the paths cover."""
        return slice(self.windows[0].test.start, self.windows[-1].test.stop)

    @cached_property
    def _yardstick(self) -> Yardstick:
        return Yardstick.of(self.inputs, self.config, self.windows, self.atoms)

    @cached_property
    def _parity(self) -> dict[Names, Parity]:
        return compare(self.config, self.paths, self._absent)

    @cached_property
    def _absent(self) -> dict[Names, tuple[str, str]]:
        rows = self._rows.items()
        return {cell: (row["status"], row["reason"]) for cell, row in rows if row["rank"] is None}

    @cached_property
    def _cagr(self) -> dict[Names, float | None]:
        return {cell: row["cagr"] for cell, row in self._rows.items()}

    @cached_property
    def _rows(self) -> dict[Names, dict[str, Any]]:
        return {tuple(row[name] for name in PATH_NAMES): row for row in self.board.to_pylist()}

    @cached_property
    def _paths(self) -> dict[Names, CellPath]:
        return {path.names: path for path in self.paths}


def _spec(config: TournamentConfig, axis: Any, label: str) -> Any:
    return next(choice.spec for choice in config.axis(axis) if choice.label == label)
