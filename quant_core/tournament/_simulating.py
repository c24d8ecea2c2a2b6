"""Stage two: the path of every cell, from the weights cube alone."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import batched, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quant_core.canonical import digest_json, digest_parts
from quant_core.cells import CellIdentity, code_version, why_stale
from quant_core.clock import clock
from quant_core.profiles import Status
from quant_core.simulators import code_modules, simulate
from quant_core.tournament._index import CubeIndex, read_weights
from quant_core.tournament._paths import PATH_NAMES, CellPath, read_paths
from quant_core.tournament._progress import CellFact
from quant_core.tournament._segments import text_codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from quant_core.cells import PartitionStore
    from quant_core.compute import Compute
    from quant_core.config import TournamentConfig
    from quant_core.simulators import Rebalance, SimulatedPath, Simulator
    from quant_core.tournament._atoms import AtomsRecord
    from quant_core.tournament._inputs import Inputs
    from quant_core.tournament._progress import Progress
    from quant_core.windows import Window

__all__ = ["SimulationPlan", "plan_simulations", "run_simulations"]

_WEIGHT_BYTES = 256 * 2**20
_SECONDS_PER_PATH = 0.003

type Names = tuple[str, ...]


class _Cell(NamedTuple):
    names: Names
    line: Names
    simulator: Simulator
    rebalance: Rebalance
    needs_benchmark: bool
    identity: CellIdentity


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """The cells of stage two.

    Parameters
    ----------
    cells : tuple
        Every cell that can have a path, in the order of the configuration.
    absent : mapping of names to (status, reason)
        Cells that can have none.
    stored : mapping of key to CellPath
        Paths that need not be computed.
    stale : mapping of names to str
        Why each of the others has to be.
    rows : slice
        Rows of the returns matrix that the paths cover.
    first_rows : numpy.ndarray of int64, shape (W,)
        Row of each window's first test day, counted from the start of ``rows``.
    rewrite : bool
        Whether the stored table differs from the wanted one, be it only by a label.
    """

    cells: tuple[_Cell, ...] = field(repr=False)
    absent: Mapping[Names, tuple[str, str]] = field(repr=False)
    stored: Mapping[str, CellPath] = field(repr=False)
    stale: Mapping[Names, str] = field(repr=False)
    rows: slice
    first_rows: np.ndarray = field(repr=False)
    rewrite: bool

    @property
    def cached(self) -> int:
        """Number of paths that need not be simulated."""
        return len(self.cells) - len(self.stale)

    @property
    def reasons(self) -> dict[str, int]:
        """How many cells are stale for each reason, sorted by reason."""
        return dict(sorted(Counter(self.stale.values()).items()))


def plan_simulations(
    inputs: Inputs,
    config: TournamentConfig,
    windows: Sequence[Window],
    atoms: Mapping[tuple[str, str], AtomsRecord],
    index: CubeIndex,
    stored: pa.Table | None,
) -> SimulationPlan:
    """Say which paths have to be simulated.

    Parameters
    ----------
    inputs : Inputs
        The returns matrix seen through the configuration.
    config : TournamentConfig
        The configuration; its simulators are the ones that are wanted.
    windows : sequence of Window
        Windows with test rows, in time order.
    atoms : mapping of (window, selection) to AtomsRecord
        What the selection stage chose; a path reads the returns of these atoms only.
    index : CubeIndex
        What the cube holds.
    stored : pyarrow.Table or None
        The paths that are stored.
    """
    rows = slice(windows[0].test.start, windows[-1].test.stop)
    first_rows = np.array([window.test.start - rows.start for window in windows], dtype=np.int64)
    dates, paths = read_paths(stored)
    absent, cells = {}, []
    for cell in _cells(inputs, config, windows, atoms, index, rows):
        lack = cell.simulator.lack or (inputs.benchmark_lack if cell.needs_benchmark else "")
        reason = (str(Status.UNAVAILABLE), lack) if lack else index.absence(cell.line)
        if reason is None:
            cells.append(cell)
        else:
            absent[cell.names] = reason
    by_key = {path.key: path for path in paths}
    origins = {path.names: (path.code_version, path.inputs_hash) for path in paths}
    stale = {
        cell.names: why_stale(cell.identity, origins.get(cell.names))
        for cell in cells
        if cell.identity.key not in by_key
    }
    order = [(cell.names, cell.identity.key) for cell in cells]
    rewrite = (
        stored is None
        or order != [(path.names, path.key) for path in paths]
        or _other_labels(stored, dates, config.sleeve, inputs.matrix.dates[rows])
    )
    return SimulationPlan(tuple(cells), absent, by_key, stale, rows, first_rows, rewrite)


def _other_labels(stored: pa.Table, dates: np.ndarray, sleeve: str, wanted: np.ndarray) -> bool:
    """Say whether stored paths bear another sleeve or other dates: no key knows of these."""
    if not stored.num_rows:
        return False
    return text_codes(stored["sleeve"])[1] != [sleeve] or not np.array_equal(dates, wanted)


def _cells(
    inputs: Inputs,
    config: TournamentConfig,
    windows: Sequence[Window],
    atoms: Mapping[tuple[str, str], AtomsRecord],
    index: CubeIndex,
    rows: slice,
) -> Iterator[_Cell]:
    cuts = digest_parts([str(window.test.start - rows.start) for window in windows])
    every = inputs.column_digests(rows, range(len(inputs.matrix.symbols)))
    held = {
        choice.label: sorted({c for w in windows for c in atoms[w.key, choice.label].winners})
        for choice in config.selections
    }
    for selection, engine, profile in product(config.selections, config.engines, config.profiles):
        line = (selection.label, engine.label, profile.label)
        benchmark = profile.spec.needs_benchmark
        columns = sorted(inputs.benchmark) if benchmark else held[selection.label]
        reads = digest_parts([cuts, *index.keys(line), *(every[column] for column in columns)])
        for rebalance, simulator in product(config.rebalances, config.simulators):
            parameters = [
                rebalance.spec.model_dump(mode="json"),
                simulator.spec.model_dump(mode="json"),
                config.costs.rate,
            ]
            if simulator.spec.release:
                parameters.append(simulator.spec.release)
            identity = CellIdentity(
                "simulation",
                code_version(*code_modules(simulator.spec, rebalance.spec), alone=(__name__,)),
                digest_json(parameters),
                0,
                reads,
            )
            names = (*line, rebalance.label, simulator.label)
            yield _Cell(names, line, simulator.spec, rebalance.spec, benchmark, identity)


class _Unit(NamedTuple):
    weights: int
    cells: tuple[tuple[Simulator, Rebalance], ...]
    rate: float


class _Simulated(NamedTuple):
    path: SimulatedPath
    hhi: np.ndarray
    seconds: float
    worker: str


def run_simulations(
    plan: SimulationPlan,
    inputs: Inputs,
    config: TournamentConfig,
    index: CubeIndex,
    cube: PartitionStore,
    *,
    compute: Compute,
    progress: Progress,
) -> tuple[list[CellPath], list[CellFact]]:
    """Simulate what is stale and return every path of the plan, in its order, with its facts.

    Weights are read from the cube in batches of bounded size.
    """
    progress.start("simulation", len(plan.cells))
    progress.advance("simulation", hits=len(plan.cells) - len(plan.stale))
    done: dict[str, _Simulated] = {}
    stale: dict[Names, list[_Cell]] = {}
    for cell in plan.cells:
        if cell.names in plan.stale:
            stale.setdefault(cell.line, []).append(cell)
    symbols = inputs.matrix.symbols
    size = max(1, _WEIGHT_BYTES // (8 * max(1, len(index.windows)) * len(symbols)))
    values = np.ascontiguousarray(inputs.matrix.values[plan.rows])
    for lines in batched(stale, size):
        shared = {
            "values": values,
            "rows": plan.first_rows,
            "weights": read_weights(cube, index, lines, symbols),
        }
        units = [
            _Unit(at, tuple((c.simulator, c.rebalance) for c in stale[line]), config.costs.rate)
            for at, line in enumerate(lines)
        ]
        longest = max(len(unit.cells) for unit in units)
        for number, outcomes in compute.map(
            _simulate, units, shared=shared, seconds_per_unit=longest * _SECONDS_PER_PATH
        ):
            for cell, outcome in zip(stale[lines[number]], outcomes, strict=True):
                done[cell.identity.key] = outcome
            progress.advance("simulation", computed=len(outcomes))
    progress.finish("simulation")
    paths = [_path(plan, done, cell) for cell in plan.cells]
    return paths, list(_facts(plan, done))


def _simulate(unit: _Unit, shared: Mapping[str, np.ndarray]) -> list[_Simulated]:
    weights = shared["weights"][unit.weights]
    held = np.flatnonzero(weights.any(axis=0))
    lengths = np.diff(shared["rows"], append=len(shared["values"]))
    # Over the atoms held alone: how a sum is grouped may not depend on columns of zeros.
    hhi = np.repeat([np.square(window[window != 0.0]).sum() for window in weights], lengths)
    values = np.ascontiguousarray(shared["values"][:, held])
    targets = np.ascontiguousarray(weights[:, held])
    found = []
    for simulator, rebalance in unit.cells:
        started = clock().seconds()
        path = simulate(
            simulator,
            rebalance,
            values=values,
            weights=targets,
            rows=shared["rows"],
            rate=unit.rate,
        )
        seconds = clock().seconds() - started
        found.append(_Simulated(path, hhi, seconds, f"process {os.getpid()}"))
    return found


def _path(plan: SimulationPlan, done: Mapping[str, _Simulated], cell: _Cell) -> CellPath:
    identity = cell.identity
    if identity.key not in done:
        return replace(plan.stored[identity.key], names=cell.names)
    path = done[identity.key].path
    return CellPath(
        cell.names,
        identity.key,
        identity.inputs_hash,
        identity.code_version,
        nav=path.nav,
        period_return=path.period_returns,
        turnover=path.turnover,
        cost=path.cost,
        hhi=done[identity.key].hhi,
    )


def _facts(plan: SimulationPlan, done: Mapping[str, _Simulated]) -> Iterator[CellFact]:
    for cell in plan.cells:
        outcome = done.get(cell.identity.key)
        yield CellFact(
            kind="simulation",
            key=cell.identity.key,
            status="ok",
            why=plan.stale.get(cell.names, ""),
            seconds=outcome.seconds if outcome else None,
            worker=outcome.worker if outcome else None,
            coordinates=_coordinates(cell.names),
        )
    for names, (status, _) in plan.absent.items():
        coordinates = _coordinates(names)
        yield CellFact(kind="simulation", key="", status=status, coordinates=coordinates)


def _coordinates(names: Names) -> dict[str, str]:
    return dict(zip(PATH_NAMES, names, strict=True))
