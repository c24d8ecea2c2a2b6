"""Stage one: the weights of every selection, engine and profile in every window."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from quant_core.canonical import digest_json, digest_parts
from quant_core.cells import CellIdentity, code_version
from quant_core.covariance import CODE_MODULES, CovarianceSpec
from quant_core.engines import ENGINES
from quant_core.errors import StoreError
from quant_core.profiles import WEIGHTED, Problem, Solution, Status
from quant_core.tournament._cube import (
    CUBE_NAMES,
    CUBE_SCHEMA,
    SolveRecord,
    cube_table,
    read_cube,
)
from quant_core.tournament._drift import Holdings, drifted, rows_between
from quant_core.tournament._holdings import Chain
from quant_core.tournament._market import betas, market_columns, market_returns
from quant_core.tournament._staleness import Earlier, Slot, StagePlan, plan_partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from quant_core.atoms import Atom
    from quant_core.cells import Kind, PartitionStore
    from quant_core.config import Choice, TournamentConfig
    from quant_core.engines import Engine
    from quant_core.profiles import Profile
    from quant_core.tournament._atoms import AtomsRecord
    from quant_core.tournament._inputs import Inputs
    from quant_core.tournament._staleness import WindowPlan
    from quant_core.windows import Window

__all__ = ["Atoms", "SolveStage", "plan_solves"]

_NO_MATRIX = np.empty((0, 0))

type Atoms = Mapping[tuple[str, str], AtomsRecord]
"""Selected atoms by window and selection."""


class _Line(NamedTuple):
    """One selection, engine and profile, through all windows."""

    names: tuple[str, str, str]
    engine: str
    profile: Profile
    code_version: str
    parameters: str

    @property
    def starts_from_held(self) -> bool:
        """Whether it reads what is held, and so the solve of the window before."""
        return getattr(self.profile, "turnover", None) is not None


def plan_solves(
    inputs: Inputs,
    config: TournamentConfig,
    partitions: Mapping[str, Sequence[Window]],
    atoms: Atoms,
    store: PartitionStore,
) -> StagePlan:
    """Say which solves of which windows have to be computed.

    Parameters
    ----------
    inputs : Inputs
        The returns matrix seen through the configuration.
    config : TournamentConfig
        The configuration.
    partitions : mapping of str to sequence of Window
        The windows of each partition, in time order.
    atoms : mapping of (window, selection) to AtomsRecord
        What the selection stage chose; with a turnover limit, of the window before the first, too.
    store : PartitionStore
        Where the cube is kept.
    """
    lines = _lines(config)
    chain = Chain(inputs, store)

    def wanted(windows: Iterable[Window]) -> Iterable[tuple[Window, list[Slot]]]:
        for window in windows:
            reads = _Reads(inputs, config, window, atoms, chain)
            slots = [reads.slot(line) for line in lines]
            chain.planned(window, slots)
            yield window, slots

    return StagePlan(
        tuple(
            plan_partition(store, partition, wanted(windows), CUBE_NAMES, sleeve=config.sleeve)
            for partition, windows in partitions.items()
        )
    )


class _Reads:
    """What the solves of one window read, as digests."""

    def __init__(
        self, inputs: Inputs, config: TournamentConfig, window: Window, atoms: Atoms, chain: Chain
    ) -> None:
        self._inputs, self._window, self._atoms, self._chain = inputs, window, atoms, chain
        self._selected = _selected(inputs, config, window, atoms)

    def slot(self, line: _Line) -> Slot:
        inputs_hash = self._selected[None if line.profile.needs_benchmark else line.names[0]]
        after = None
        more: list[str] = []
        if getattr(line.profile, "groups", ()):
            columns = self._atoms[self._window.key, line.names[0]].winners
            more += ["symbols", *(self._inputs.atoms[column].symbol for column in columns)]
        if line.profile.needs_market:
            more += ["market", *self._market()]
        if line.starts_from_held:
            after, digests = self._held(line)
            more += ["held", *digests]
        if more:
            inputs_hash = digest_parts([inputs_hash, *more])
        identity = CellIdentity("solve", line.code_version, line.parameters, 0, inputs_hash)
        return Slot(line.names, identity, after)

    def _market(self) -> list[str]:
        columns = market_columns(self._inputs)
        missing = ",".join(self._inputs.missing)
        return [missing, *self._inputs.column_digests(self._window.train, columns)]

    def _held(self, line: _Line) -> tuple[Earlier | None, list[str]]:
        before = self._chain.before(self._window)
        if before is None:
            return None, []
        key = self._chain.key(before, line.names)
        record = self._atoms.get((before.key, line.names[0]))
        if record is None:
            raise StoreError(
                f"selected_atoms: window {before.key} of {line.names[0]} is missing, and a "
                f"turnover limit starts from it; materialize partition {before.month} first"
            )
        rows = rows_between(before, self._window)
        return Earlier(before.key, key, rows), [
            key,
            *self._inputs.column_digests(rows, record.winners),
        ]


def _selected(
    inputs: Inputs, config: TournamentConfig, window: Window, atoms: Atoms
) -> dict[str | None, str]:
    """Digest what each selection lets a solve read; None stands for the benchmark."""
    blocks = inputs.block_digest(window.train)
    every = dict(
        zip(inputs.investable, inputs.column_digests(window.train, inputs.investable), strict=True)
    )
    found: dict[str | None, str] = {}
    for choice in config.selections:
        record = atoms[window.key, choice.label]
        clusters = ",".join(str(number) for number in record.winner_clusters)
        found[choice.label] = digest_parts(
            [blocks, clusters, *(every[column] for column in record.winners)]
        )
    names = [inputs.matrix.symbols[column] for column in inputs.benchmark]
    found[None] = digest_parts([*names, "lack", inputs.benchmark_lack])
    return found


def _lines(config: TournamentConfig) -> list[_Line]:
    # What a selection chooses decides nothing of how it is solved.
    each = [line for engine in config.engines for line in _lines_of(config, engine)]
    return [
        line._replace(names=(selection.label, *line.names[1:]))
        for selection in config.selections
        for line in each
    ]


def _lines_of(config: TournamentConfig, engine: Choice[Any]) -> Iterator[_Line]:
    solver, asked = ENGINES[engine.spec.name](), engine.spec.model_dump(mode="json")
    for profile in config.profiles:
        estimates = CODE_MODULES if profile.spec.estimator else ()
        modules = (*solver.code_modules(profile.spec), *estimates)
        parameters = [
            asked,
            profile.spec.model_dump(mode="json"),
            config.risk_free_per_period if profile.spec.needs_risk_free else None,
        ]
        if getattr(profile.spec, "target_volatility", None) is not None:
            parameters.append(config.periods_per_year)
        if solver.release:
            parameters.append(solver.release)
        yield _Line(
            ("", engine.label, profile.label),
            engine.spec.name,
            profile.spec,
            code_version(*modules, alone=(__name__, *_extras(profile.spec))),
            digest_json(parameters),
        )


def _extras(profile: Profile) -> tuple[str, ...]:
    """Return the modules of this stage that only some profiles need."""
    held = getattr(profile, "turnover", None) is not None
    every = (drifted.__module__, held), (betas.__module__, profile.needs_market)
    return tuple(module for module, needed in every if needed)


@dataclass(frozen=True, slots=True)
class SolveStage:
    """Stage one without its arrays.

    Parameters
    ----------
    sleeve : str
        The sleeve.
    atoms_of_columns : tuple of Atom
        What the columns of the matrix are.
    lines : tuple
        Selection, engine and profile of each slot.
    atoms : mapping of (window, selection) to (columns, clusters)
        What may be held.
    benchmark : numpy.ndarray of int64
        Columns of the benchmark.
    benchmark_lack : str
        Why the benchmark cannot be held; empty when it can.
    risk_free : float
        Risk-free simple return per period.
    periods_per_year : int
        Observations in a year.
    market : numpy.ndarray of int64
        Columns whose mean is the market.
    market_lack : str
        Why the market is not known; empty when it is.
    before : mapping of str to Holdings
        Stored weights that a solve of the plan starts from, by the key of theirs.
    """

    sleeve: str
    atoms_of_columns: tuple[Atom, ...] = field(repr=False)
    lines: tuple[_Line, ...] = field(repr=False)
    atoms: Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]] = field(repr=False)
    benchmark: np.ndarray = field(repr=False)
    benchmark_lack: str
    risk_free: float
    periods_per_year: int
    market: np.ndarray = field(repr=False)
    market_lack: str
    before: Mapping[str, Holdings] = field(repr=False)

    name: ClassVar[Kind] = "solve"
    schema: ClassVar[pa.Schema] = CUBE_SCHEMA

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        config: TournamentConfig,
        atoms: Atoms,
        *,
        before: Mapping[str, Holdings] = MappingProxyType({}),
    ) -> SolveStage:
        """Return the stage of a configuration; ``before`` as in `stored_before`."""
        return cls(
            sleeve=config.sleeve,
            atoms_of_columns=inputs.atoms,
            lines=tuple(_lines(config)),
            atoms={at: (record.winners, record.winner_clusters) for at, record in atoms.items()},
            benchmark=inputs.benchmark,
            benchmark_lack=inputs.benchmark_lack,
            risk_free=config.risk_free_per_period,
            periods_per_year=config.periods_per_year,
            market=market_columns(inputs),
            market_lack=inputs.benchmark_lack if inputs.missing else "",
            before=dict(before),
        )

    def bind(self, shared: Mapping[str, np.ndarray]) -> _Solver:
        """Return the stage bound to ``values`` and ``blocks``."""
        return _Solver(self, shared["values"], shared["blocks"])


class _Estimated(NamedTuple):
    problem: Problem
    condition_number: float


class _Solver:
    """Solve the windows of a chunk in time order, each from the weights of the one before."""

    def __init__(self, stage: SolveStage, values: np.ndarray, blocks: np.ndarray) -> None:
        self._stage = stage
        from quant_core.covariance import RollingCovariance  # noqa: PLC0415 - brings the compiler

        self._values = values
        self._rolling = RollingCovariance(values, blocks)
        self._engines: dict[str, Engine] = {}
        self._previous: dict[int, np.ndarray] = {}
        self._held: dict[str, Holdings] = dict(stage.before)
        self._window = ""
        self._estimates: dict[tuple[str | None, CovarianceSpec | None], _Estimated] = {}

    def compute(self, plan: WindowPlan, number: int) -> SolveRecord:
        line, window = self._stage.lines[number], plan.window
        columns, cluster = self._atoms(line, window.key)
        identity = plan.slots[number].identity
        if line.profile.needs_benchmark and self._stage.benchmark_lack:
            lack = _without(Status.UNAVAILABLE, self._stage.benchmark_lack)
            return _record(identity, lack)
        if line.profile.needs_market and self._stage.market_lack:
            lack = _without(Status.UNAVAILABLE, self._stage.market_lack)
            return _record(identity, lack)
        if not len(columns):
            return _record(identity, _without(Status.EMPTY, "the selection is empty"))
        estimated = self._estimate(line, window, columns)
        problem = self._problem(plan, number, estimated.problem, columns)
        solution = self._solve(number, line, problem, columns)
        record = _record(
            identity, solution, columns, cluster, condition_number=estimated.condition_number
        )
        if line.starts_from_held:
            self._held[identity.key] = Holdings(record.columns, record.weights)
        return record

    def _atoms(self, line: _Line, window: str) -> tuple[np.ndarray, np.ndarray]:
        if line.profile.needs_benchmark:
            return self._stage.benchmark, np.full(len(self._stage.benchmark), -1, np.int32)
        return self._stage.atoms[window, line.names[0]]

    def _estimate(self, line: _Line, window: Window, columns: np.ndarray) -> _Estimated:
        """Estimate once for all the profiles of a window that share selection and estimator."""
        if window.key != self._window:
            self._window, self._estimates = window.key, {}
        wanted = line.profile.estimator
        asked = (None if line.profile.needs_benchmark else line.names[0], wanted)
        if asked not in self._estimates:
            self._estimates[asked] = self._fresh(wanted, window.train, columns)
        return self._estimates[asked]

    def _fresh(
        self, wanted: CovarianceSpec | None, train: slice, columns: np.ndarray
    ) -> _Estimated:
        if wanted is None:
            return _Estimated(Problem(np.zeros(len(columns)), _NO_MATRIX), np.nan)
        estimate = self._rolling.estimate(wanted, train, columns)
        problem = Problem(
            estimate.mean,
            estimate.covariance,
            shrinkage=estimate.shrinkage,
            sound=True,
            known={},
        )
        return _Estimated(problem, estimate.condition_number)

    def _problem(
        self, plan: WindowPlan, number: int, problem: Problem, columns: np.ndarray
    ) -> Problem:
        """Add what this profile reads besides the estimates."""
        profile, more = self._stage.lines[number].profile, dict[str, Any]()
        if profile.needs_risk_free:
            more["risk_free"] = self._stage.risk_free
        if getattr(profile, "target_volatility", None) is not None:
            more["periods_per_year"] = self._stage.periods_per_year
        if getattr(profile, "groups", ()):
            atoms = self._stage.atoms_of_columns
            more["symbols"] = tuple(atoms[column].symbol for column in columns)
        if profile.needs_market:
            train = self._values[plan.window.train]
            market = market_returns(train[:, self._stage.market])
            more["market"] = market[np.isfinite(market)]
            more["beta"] = betas(train[:, columns], market)
        if plan.slots[number].after is not None:
            more |= self._before(plan, number, columns)
        return replace(problem, **more) if more else problem

    def _before(self, plan: WindowPlan, number: int, columns: np.ndarray) -> dict[str, Any]:
        """Return what is held of the atoms of a window, and outside them."""
        after = plan.slots[number].after
        if after is None:
            return {}
        held = self._held[after.key]
        if not len(held.columns):
            return {}
        now = drifted(held, self._values[after.rows])
        if now is None:
            return {}
        weights = np.zeros(len(self._stage.atoms_of_columns))
        weights[now.columns] = now.weights
        inside = weights[columns].copy()
        weights[columns] = 0.0
        return {"held": inside, "held_outside": float(weights.sum())}

    def _solve(self, number: int, line: _Line, problem: Problem, columns: np.ndarray) -> Solution:
        if line.engine not in self._engines:
            self._engines[line.engine] = ENGINES[line.engine]()
        previous = self._previous.get(number)
        warm = previous[columns] if previous is not None else None
        solution = self._engines[line.engine].solve(line.profile, problem, warm=warm)
        if solution.status in WEIGHTED:
            held = np.zeros(len(self._stage.atoms_of_columns))
            held[columns] = solution.weights
            self._previous[number] = held
        return solution

    def read(self, table: pa.Table) -> Mapping[tuple[str, tuple[str, ...]], SolveRecord]:
        return read_cube(table, [atom.column for atom in self._stage.atoms_of_columns])

    def table(self, plan: WindowPlan, records: Sequence[SolveRecord]) -> pa.Table:
        names = [slot.names for slot in plan.slots]
        atoms = self._stage.atoms_of_columns
        return cube_table(self._stage.sleeve, plan.window.key, names, records, atoms)


def _without(status: Status, message: str) -> Solution:
    return Solution(np.zeros(0), status, solver="none", message=message)


def _record(
    identity: CellIdentity,
    solution: Solution,
    columns: np.ndarray | None = None,
    cluster: np.ndarray | None = None,
    *,
    condition_number: float = np.nan,
) -> SolveRecord:
    weighted = solution.status in WEIGHTED and columns is not None and cluster is not None
    return SolveRecord(
        key=identity.key,
        inputs_hash=identity.inputs_hash,
        code_version=identity.code_version,
        seed=identity.seed,
        status=str(solution.status),
        solver=solution.solver,
        fallback_chain=" > ".join(solution.fallback_chain),
        message=solution.message,
        regime=solution.regime,
        condition_number=condition_number,
        shrinkage=solution.shrinkage,
        objective=solution.objective,
        kkt_residual=solution.kkt_residual,
        columns=columns if weighted and columns is not None else np.zeros(0, np.int64),
        weights=solution.weights if weighted else np.zeros(0),
        cluster=cluster if weighted and cluster is not None else np.zeros(0, np.int32),
    )
