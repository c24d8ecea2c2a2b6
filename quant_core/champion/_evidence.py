"""What the gates need to know of a cell, measured on the tournament's own results."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from quant_core.champion._election import Election, cell_gates, elect
from quant_core.champion._figures import (
    friction_decay,
    mean_overlap,
    times_benchmark,
    widest_gap,
    yearly_fragility,
)
from quant_core.champion._gate import Figure
from quant_core.errors import UnavailableError
from quant_core.metrics import path_metrics
from quant_core.simulators import SIMULATORS, Custom, WindowRebalance, simulate
from quant_core.tournament import PATH_NAMES, read_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from quant_core.cells import PartitionStore
    from quant_core.config import TournamentConfig
    from quant_core.simulators import Rebalance, SimulatedPath, Simulator
    from quant_core.tournament import AtomsRecord, CellPath, CubeIndex, Inputs
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
        return elect(
            self.ranking(), cell_gates(rules.gates), self.figures, candidates=rules.candidates
        )

    def ranking(self) -> list[Names]:
        """Return the names of the ranked cells, best first."""
        ranked = self.board.filter(pc.is_valid(self.board["rank"])).sort_by("rank")
        return [tuple(row[name] for name in PATH_NAMES) for row in ranked.to_pylist()]

    def figures(self, cell: Names) -> dict[str, Figure]:
        """Measure a ranked cell: one figure a gate, or why there is none.

        Parameters
        ----------
        cell : tuple of str
            Selection, engine, profile, rebalance and simulator.
        """
        row, path = self._rows[cell], self._paths[cell]
        again = _Resimulation.of(self, cell)
        lack = f"no benchmark to compare with: {self.inputs.benchmark_lack}"
        own, market = self._measured(path.period_return), self._market
        ideal = self._measured(again.path(again.own, rate=0.0).period_returns)
        return {
            "friction_decay": friction_decay(own["sharpe"], ideal["sharpe"]),
            "fragility": yearly_fragility(
                self._dates[1:], path.period_return[1:], **self._conventions
            ),
            "jaccard": mean_overlap(
                [(w.key, set(self.atoms[w.key, cell[0]].winners.tolist())) for w in self.windows]
            ),
            "turnover": _told(row, "turnover"),
            "cvar": times_benchmark(own["cvar_95"], market.get("cvar_95"), lack),
            "drawdown": times_benchmark(own["max_drawdown"], market.get("max_drawdown"), lack),
            "cagr_gap": widest_gap(own["cagr"], self._others(again)),
            "dsr": _told(row, "dsr"),
        }

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

    def _others(self, again: _Resimulation) -> dict[str, Figure]:
        found = {}
        for name in self.config.champion.simulators:
            if name == again.own.model_dump()["name"]:
                continue
            try:
                path = again.path(SIMULATORS[name](), rate=self.config.costs.rate)
            except UnavailableError as error:
                found[name] = Figure(None, f"missing: {error}")
            else:
                found[name] = Figure(self._measured(path.period_returns)["cagr"])
        return found

    def _measured(self, returns: np.ndarray) -> dict[str, float]:
        found = path_metrics(returns[None], **self._conventions)
        return {name: float(values[0]) for name, values in found.items()}

    @cached_property
    def _market(self) -> dict[str, float]:
        """Measure the benchmark, bought at the close of the first test day and held."""
        columns = self.inputs.benchmark
        if not len(columns):
            return {}
        values = self.inputs.matrix.values[self.span][:, columns]
        path = simulate(
            Custom(),
            WindowRebalance(),
            values=values,
            weights=np.full((1, len(columns)), 1.0 / len(columns)),
            rows=np.zeros(1, dtype=np.int64),
            rate=0.0,
        )
        return self._measured(path.period_returns)

    @cached_property
    def _conventions(self) -> dict[str, float]:
        config = self.config
        return {
            "periods_per_year": config.periods_per_year,
            "risk_free": config.risk_free_per_period,
        }

    @property
    def span(self) -> slice:
        """Rows of the returns matrix that the paths cover."""
        return slice(self.windows[0].test.start, self.windows[-1].test.stop)

    @cached_property
    def _dates(self) -> np.ndarray:
        dates: np.ndarray = self.inputs.matrix.dates[self.span]
        return dates

    @cached_property
    def _rows(self) -> dict[Names, dict[str, Any]]:
        return {tuple(row[name] for name in PATH_NAMES): row for row in self.board.to_pylist()}

    @cached_property
    def _paths(self) -> dict[Names, CellPath]:
        return {path.names: path for path in self.paths}


@dataclass(frozen=True)
class _Resimulation:
    """The weights of a cell, to be simulated again otherwise."""

    own: Simulator
    rebalance: Rebalance
    values: np.ndarray
    weights: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, evidence: Evidence, cell: Names) -> _Resimulation:
        config, span = evidence.config, evidence.span
        weights = evidence.weights(cell[:3])
        held = np.flatnonzero(weights.any(axis=0))
        return cls(
            own=_spec(config, "simulators", cell[4]),
            rebalance=_spec(config, "rebalances", cell[3]),
            values=np.ascontiguousarray(evidence.inputs.matrix.values[span][:, held]),
            weights=np.ascontiguousarray(weights[:, held]),
            rows=np.array([window.test.start - span.start for window in evidence.windows]),
        )

    def path(self, simulator: Simulator, *, rate: float) -> SimulatedPath:
        return simulate(
            simulator,
            self.rebalance,
            values=self.values,
            weights=self.weights,
            rows=self.rows,
            rate=rate,
        )


def _spec(config: TournamentConfig, axis: Any, label: str) -> Any:
    return next(choice.spec for choice in config.axis(axis) if choice.label == label)


def _told(row: Mapping[str, Any], name: str) -> Figure:
    value = row[name]
    return Figure(value, "missing: the leaderboard has none" if value is None else "")
