"""Stage two: the path of every cell, from the weights cube alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import batched, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quant_core.canonical import digest_json, digest_parts
from quant_core.cells import CellIdentity, code_version, why_stale
from quant_core.clock import clock
from quant_core.engines import ENGINES
from quant_core.profiles import Status
from quant_core.simulators import code_modules, end_apart
from quant_core.tournament import _path_units
from quant_core.tournament._index import CubeIndex, read_weights
from quant_core.tournament._path_units import PathOutcome, PathUnit, simulate_unit
from quant_core.tournament._paths import PATH_NAMES, CellPath, StoredPaths
from quant_core.tournament._progress import CellFact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from quant_core.cells import PartitionStore
    from quant_core.compute import Compute
    from quant_core.config import Choice, TournamentConfig
    from quant_core.simulators import Rebalance, Simulator
    from quant_core.tournament._atoms import AtomsRecord
    from quant_core.tournament._finalists import Finalists
    from quant_core.tournament._inputs import Inputs
    from quant_core.tournament._progress import Progress
    from quant_core.windows import Window

__all__ = ["Keep", "SimulationPlan", "Simulations", "plan_simulations", "run_simulations"]

_WEIGHT_BYTES = 256 * 2**20
_SECONDS_PER_UNIT = 0.25
_SECONDS_BETWEEN_KEEPS = 60.0
_FAILED_BEFORE = "failed before"

type Names = tuple[str, ...]
type Absent = Mapping[Names, tuple[str, str]]
type Keep = Callable[[Sequence[CellPath], Mapping[str, str]], None]
"""Takes the paths so far, and why cells have none, by key."""


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
        Cells that can have none, or are to have none.
    stored : mapping of key to CellPath
        Paths that need not be computed.
    stale : mapping of names to str
        Why each of the others has to be.
    failed : mapping of names to str
        Those of the stale ones that have failed before, and why.
    rows : slice
        Rows of the returns matrix that the paths cover.
    first_rows : numpy.ndarray of int64, shape (W,)
        Row of each window's first test day, counted from the start of ``rows``.
    """

    cells: tuple[_Cell, ...] = field(repr=False)
    absent: Absent = field(repr=False)
    stored: Mapping[str, CellPath] = field(repr=False)
    stale: Mapping[Names, str] = field(repr=False)
    failed: Mapping[Names, str] = field(repr=False)
    rows: slice
    first_rows: np.ndarray = field(repr=False)

    @property
    def cached(self) -> int:
        """Number of paths that need not be simulated."""
        return len(self.cells) - len(self.stale)

    @property
    def reasons(self) -> dict[str, int]:
        """How many cells are stale for each reason, sorted by reason."""
        return dict(sorted(Counter(self.stale.values()).items()))

    def as_stored(self) -> Simulations:
        """Return what is stored, as if nothing were stale but what has failed before."""
        return Simulations.of(self, {}, self.failed)


@dataclass(frozen=True, slots=True)
class Simulations:
    """What stage two found.

    Parameters
    ----------
    paths : tuple of CellPath
        Every path, in the order of the configuration.
    absent : mapping of names to (status, reason)
        Every cell without one.
    failed : mapping of str to str
        Why cells that could have a path have none, by key.
    facts : tuple of CellFact
        What happened to each cell.
    first_rows : numpy.ndarray of int64, shape (W,)
        Row of each window's first test day.
    """

    paths: tuple[CellPath, ...] = field(repr=False)
    absent: Absent = field(repr=False)
    failed: Mapping[str, str] = field(repr=False)
    facts: tuple[CellFact, ...] = field(repr=False)
    first_rows: np.ndarray = field(repr=False)

    @classmethod
    def of(
        cls, plan: SimulationPlan, done: Mapping[str, PathOutcome], failed: Mapping[Names, str]
    ) -> Simulations:
        """Put together what a plan had stored and what was done."""
        with_path = [cell for cell in plan.cells if cell.names not in failed]
        absent = {names: (str(Status.FAILED), why) for names, why in failed.items()}
        keys = {cell.names: cell.identity.key for cell in plan.cells}
        return cls(
            tuple(_path(plan, done, cell) for cell in with_path),
            {**plan.absent, **absent},
            {keys[names]: why for names, why in failed.items()},
            tuple(_facts(plan, done, failed)),
            plan.first_rows,
        )


def plan_simulations(
    inputs: Inputs,
    config: TournamentConfig,
    windows: Sequence[Window],
    atoms: Mapping[tuple[str, str], AtomsRecord],
    index: CubeIndex,
    stored: StoredPaths,
    *,
    finalists: Finalists | None = None,
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
    stored : StoredPaths
        The paths that are stored.
    finalists : Finalists, optional
        The cells that simulators other than the ranking one see; all of them without it. A
        cell's key is the same whoever the finalists are.
    """
    rows = slice(windows[0].test.start, windows[-1].test.stop)
    first_rows = np.array([window.test.start - rows.start for window in windows], dtype=np.int64)
    engines = {choice.label: ENGINES[choice.spec.name]().lack for choice in config.engines}
    absent: dict[Names, tuple[str, str]] = {}
    cells = []
    for cell in _cells(inputs, config, windows, atoms, index, rows):
        lack = cell.simulator.lack or engines[cell.names[1]]
        lack = lack or (inputs.benchmark_lack if cell.needs_benchmark else "")
        reason = (str(Status.UNAVAILABLE), lack) if lack else index.absence(cell.line)
        if reason is None and finalists is not None:
            reason = finalists.absence(cell.names)
        if reason is None:
            cells.append(cell)
        else:
            absent[cell.names] = reason
    by_key = {path.key: path for path in stored.paths}
    origins = {path.names: (path.code_version, path.inputs_hash) for path in stored.paths}
    failed = {
        cell.names: stored.failed[cell.identity.key]
        for cell in cells
        if cell.identity.key in stored.failed and cell.identity.key not in by_key
    }
    stale = {
        cell.names: _FAILED_BEFORE
        if cell.names in failed
        else why_stale(cell.identity, origins.get(cell.names))
        for cell in cells
        if cell.identity.key not in by_key
    }
    return SimulationPlan(tuple(cells), absent, by_key, stale, failed, rows, first_rows)


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
        choice.label: sorted(
            {inputs.traded[c] for w in windows for c in atoms[w.key, choice.label].winners}
        )
        for choice in config.selections
    }
    ways = list(_ways(config))
    for selection, engine, profile in product(config.selections, config.engines, config.profiles):
        line = (selection.label, engine.label, profile.label)
        benchmark = profile.spec.needs_benchmark
        columns = sorted(inputs.benchmark) if benchmark else held[selection.label]
        reads = digest_parts([cuts, *index.keys(line), *(every[column] for column in columns)])
        for rebalance, simulator, code, parameters in ways:
            identity = CellIdentity("simulation", code, parameters, 0, reads)
            names = (*line, rebalance.label, simulator.label)
            yield _Cell(names, line, simulator.spec, rebalance.spec, benchmark, identity)


def _ways(
    config: TournamentConfig,
) -> Iterator[tuple[Choice[Rebalance], Choice[Simulator], str, str]]:
    """Yield rebalances and simulators, with the version of their code and their parameters."""
    for rebalance, simulator in product(config.rebalances, config.simulators):
        modules = code_modules(simulator.spec, rebalance.spec)
        parameters = [
            rebalance.spec.model_dump(mode="json"),
            simulator.spec.parameters,
            config.costs.rate,
        ]
        # Looking it up takes milliseconds: once for all cells.
        if release := simulator.spec.release:
            parameters.append(release)
        code = code_version(*modules, alone=(_path_units.__name__,))
        yield rebalance, simulator, code, digest_json(parameters)


def run_simulations(
    plan: SimulationPlan,
    inputs: Inputs,
    config: TournamentConfig,
    index: CubeIndex,
    cube: PartitionStore,
    *,
    compute: Compute,
    progress: Progress,
    stage: str = "simulation",
    keep: Keep | None = None,
) -> Simulations:
    """Simulate the stale paths and return every path of the plan.

    A path that raises, or takes too long, fails alone.

    Parameters
    ----------
    plan : SimulationPlan
        What is stored and what is stale.
    inputs : Inputs
        The returns matrix seen through the configuration.
    config : TournamentConfig
        The configuration.
    index : CubeIndex
        What the cube holds.
    cube : PartitionStore
        Where the weights are; they are read in batches of bounded size.
    compute : Compute
        The backend.
    progress : Progress
        Told of hits and computed cells.
    stage : str
        What progress calls it.
    keep : callable, optional
        Given the paths so far about once a minute, so that a run that is killed loses no more.
    """
    progress.start(stage, len(plan.cells))
    progress.advance(stage, hits=plan.cached)
    done: dict[str, PathOutcome] = {}
    last = clock().seconds()
    try:
        for cells, outcomes in _outcomes(plan, inputs, config, index, cube, compute):
            done |= {c.identity.key: outcome for c, outcome in zip(cells, outcomes, strict=True)}
            progress.advance(stage, computed=len(outcomes))
            if keep is not None and clock().seconds() - last > _SECONDS_BETWEEN_KEEPS:
                keep(*_so_far(plan, done))
                last = clock().seconds()
    finally:
        end_apart()
    progress.finish(stage)
    failed = {
        cell.names: done[cell.identity.key].failure
        for cell in plan.cells
        if cell.identity.key in done and done[cell.identity.key].path is None
    }
    return Simulations.of(plan, done, failed)


def _so_far(
    plan: SimulationPlan, done: Mapping[str, PathOutcome]
) -> tuple[list[CellPath], dict[str, str]]:
    failed = {key: outcome.failure for key, outcome in done.items() if outcome.path is None}
    known = {*plan.stored, *done} - failed.keys()
    return [_path(plan, done, c) for c in plan.cells if c.identity.key in known], failed


def _outcomes(
    plan: SimulationPlan,
    inputs: Inputs,
    config: TournamentConfig,
    index: CubeIndex,
    cube: PartitionStore,
    compute: Compute,
) -> Iterator[tuple[list[_Cell], list[PathOutcome]]]:
    """Simulate what is stale: weights are read once for all simulators of a batch of lines."""
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
        for array in shared.values():
            # A backend hands an array that cannot change to its workers once, not once a map.
            array.flags.writeable = False
        cells = {line: stale[line] for line in lines}
        for choice in config.simulators:
            label = choice.label
            own = {line: [c for c in cells[line] if c.names[-1] == label] for line in lines}
            yield from _of_one_simulator(choice.spec, own, shared, config.costs.rate, compute)


def _of_one_simulator(
    simulator: Simulator,
    cells: Mapping[Names, Sequence[_Cell]],
    shared: Mapping[str, np.ndarray],
    rate: float,
    compute: Compute,
) -> Iterator[tuple[list[_Cell], list[PathOutcome]]]:
    """Cut the cells of a simulator into units: of one cell where a path takes long."""
    days, held = len(shared["values"]), _held(shared["weights"])
    windows = len(shared["rows"])
    units: list[tuple[float, list[_Cell], PathUnit]] = []
    for place, own in enumerate(cells.values()):
        seconds = [
            simulator.seconds(c.rebalance, days=days, windows=windows, atoms=int(held[place]))
            for c in own
        ]
        size = len(own) if sum(seconds) < _SECONDS_PER_UNIT else 1
        for group in batched(zip(seconds, own, strict=True), max(size, 1)):
            chosen = [cell for _, cell in group]
            rebalances = tuple(cell.rebalance for cell in chosen)
            unit = PathUnit(place, simulator, rebalances, rate)
            units.append((sum(took for took, _ in group), chosen, unit))
    if not units:
        return
    # The longest first: a long one at the end would keep one worker busy and the others idle.
    units.sort(key=lambda one: -one[0])
    mean = sum(took for took, _, _ in units) / len(units)
    for number, outcomes in compute.map(
        simulate_unit, [unit for _, _, unit in units], shared=shared, seconds_per_unit=mean
    ):
        yield units[number][1], outcomes


def _held(weights: np.ndarray) -> np.ndarray:
    """Return how many atoms each line ever holds."""
    return np.array([np.count_nonzero(line.any(axis=0)) for line in weights])


def _path(plan: SimulationPlan, done: Mapping[str, PathOutcome], cell: _Cell) -> CellPath:
    identity = cell.identity
    outcome = done.get(identity.key)
    if outcome is None or outcome.path is None:
        return replace(plan.stored[identity.key], names=cell.names)
    path = outcome.path
    return CellPath(
        cell.names,
        identity.key,
        identity.inputs_hash,
        identity.code_version,
        nav=path.nav,
        period_return=path.period_returns,
        turnover=path.turnover,
        cost=path.cost,
        hhi=outcome.hhi,
    )


def _facts(
    plan: SimulationPlan, done: Mapping[str, PathOutcome], failed: Mapping[Names, str]
) -> Iterator[CellFact]:
    for cell in plan.cells:
        outcome = done.get(cell.identity.key)
        yield CellFact(
            kind="simulation",
            key=cell.identity.key,
            status=str(Status.FAILED) if cell.names in failed else "ok",
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
