"""Walk-forward solves across members: one a profile and window, found again by their content."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_core.canonical import digest_array, digest_json, digest_parts
from quant_core.cells import CellIdentity, code_version
from quant_core.covariance import CODE_MODULES
from quant_core.engines import ENGINES
from quant_core.profiles import WEIGHTED, ConstrainedProfile, Problem, Solution, Status
from quant_core.tournament._market import betas, market_returns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quant_core.covariance import CovarianceSpec, RollingCovariance
    from quant_core.meta._config import Bounds, MetaConfig
    from quant_core.meta._families import Family
    from quant_core.meta._sleeve import Cell
    from quant_core.profiles import Profile
    from quant_core.windows import Window

__all__ = ["BOUND_TOLERANCE", "MetaSolve", "solve_family"]

BOUND_TOLERANCE = 1e-6
"""How far a weight may lie outside its bounds."""

type Stored = Mapping[tuple[str, str], MetaSolve]
"""Solves by profile and window."""


@dataclass(frozen=True, slots=True)
class MetaSolve:
    """The weights of all members in one window, or why there are none.

    Parameters
    ----------
    profile, window : str
        Label of the profile and key of the window.
    day : numpy.datetime64[D]
        The day at whose close the weights are traded.
    members : tuple of str
        The members.
    cells : tuple of Cell
        The cell that stands for each.
    weights : numpy.ndarray, shape (m,)
        Their weights, all zero without a solution; what they leave is cash.
    status, solver, fallback_chain, message : str
        How the solve ended, as `quant_core.profiles.Solution` says it.
    condition_number, shrinkage, objective, kkt_residual : float
        As in a solution.
    key, inputs_hash, code_version : str
        Its identity.
    """

    profile: str
    window: str
    day: np.datetime64
    members: tuple[str, ...]
    cells: tuple[Cell, ...]
    weights: np.ndarray = field(repr=False)
    status: str
    solver: str
    fallback_chain: str
    message: str
    condition_number: float
    shrinkage: float
    objective: float
    kkt_residual: float
    key: str
    inputs_hash: str
    code_version: str

    @property
    def weighted(self) -> bool:
        """Whether it has weights."""
        return self.status in WEIGHTED

    def outside(self, bounds: Bounds) -> float:
        """Return how far its weights lie outside bounds; 0 for one without weights.

        A target volatility scales all weights down, so the lower bound is of what is invested.
        """
        if not self.weighted:
            return 0.0
        least = bounds.least * min(1.0, float(self.weights.sum()))
        gaps = np.concatenate([least - self.weights, self.weights - bounds.most, [0.0]])
        return float(gaps.max())


def solve_family(
    config: MetaConfig,
    family: Family,
    windows: Sequence[Window],
    *,
    periods_per_year: int,
    stored: Stored,
) -> tuple[list[MetaSolve], int]:
    """Solve a profile in every window, each on the rows before it.

    Parameters
    ----------
    config : MetaConfig
        The meta-portfolio.
    family : Family
        The streams; it lacks nothing.
    windows : sequence of Window
        Windows over the days of the family, in time order.
    periods_per_year : int
        Common days in a year.
    stored : mapping of (profile, window) to MetaSolve
        Solves of an earlier run; those with the wanted key are taken.

    Returns
    -------
    list of MetaSolve
        One a window.
    int
        How many of them were computed.
    """
    solver = _Solver(config, family, periods_per_year)
    found, computed = [], 0
    for window in windows:
        columns = family.chosen(window.train, periods_per_year=periods_per_year)
        identity = solver.identity(window)
        known = stored.get((family.profile.label, window.key))
        if known is None or known.key != identity.key:
            known = solver.solve(window, columns, identity)
            computed += 1
        found.append(known)
    return found, computed


class _Solver:
    """One profile over the streams of its family."""

    def __init__(self, config: MetaConfig, family: Family, periods_per_year: int) -> None:
        from quant_core.covariance import RollingCovariance  # noqa: PLC0415 - brings the compiler

        self._config, self._family, self._periods = config, family, periods_per_year
        self._engine = ENGINES[config.engine]()
        self._profile = _bounded(family.profile.spec, config.bounds)
        self._blocks = config.windows.grid.ordinals(family.days)
        self._rolling: RollingCovariance = RollingCovariance(family.values, self._blocks)
        self._risk_free = config.risk_free / periods_per_year
        self._code = self._code_version()
        self._parameters = digest_json(
            [
                config.engine,
                self._engine.release,
                self._profile.model_dump(mode="json"),
                config.bounds.model_dump(mode="json"),
                self._risk_free if self._profile.needs_risk_free else None,
                periods_per_year,
            ]
        )

    def _code_version(self) -> str:
        estimates = CODE_MODULES if self._profile.estimator else ()
        market = (betas.__module__,) if self._profile.needs_market else ()
        own = (__name__, "quant_core.meta._families", "quant_core.meta._streams", *market)
        modules = (*self._engine.code_modules(self._profile), *estimates)
        return code_version(*modules, "quant_core.metrics._kernel", alone=own)

    def identity(self, window: Window) -> CellIdentity:
        """Return the identity of a solve: the streams' names and returns of the train rows."""
        streams = self._family.streams
        names = ["\x1e".join((stream.member, *stream.cell)) for stream in streams]
        train = self._family.values[window.train]
        read = [*names, digest_array(train), digest_array(self._blocks[window.train])]
        # Where the window is held decides nothing of its weights, but is told beside them.
        day = str(self._family.days[window.test.start])
        return CellIdentity("solve", self._code, self._parameters, 0, digest_parts([*read, day]))

    def solve(self, window: Window, columns: np.ndarray, identity: CellIdentity) -> MetaSolve:
        """Solve one window."""
        problem, condition = self._problem(window, columns)
        solution = self._held_to_bounds(self._engine.solve(self._profile, problem))
        return MetaSolve(
            profile=self._family.profile.label,
            window=window.key,
            day=self._family.days[window.test.start],
            members=self._family.members,
            cells=tuple(self._family.cell(int(column)) for column in columns),
            weights=solution.weights,
            status=str(solution.status),
            solver=solution.solver,
            fallback_chain=" > ".join(solution.fallback_chain),
            message=solution.message,
            condition_number=condition,
            shrinkage=solution.shrinkage,
            objective=solution.objective,
            kkt_residual=solution.kkt_residual,
            key=identity.key,
            inputs_hash=identity.inputs_hash,
            code_version=identity.code_version,
        )

    def _problem(self, window: Window, columns: np.ndarray) -> tuple[Problem, float]:
        train = self._family.values[window.train][:, columns]
        more: dict[str, Any] = {"symbols": self._family.members, "periods_per_year": self._periods}
        if self._profile.needs_market:
            market = market_returns(train)
            more |= {"market": market, "beta": betas(train, market)}
        wanted: CovarianceSpec | None = self._profile.estimator
        if wanted is None:
            return Problem(np.zeros(len(columns)), np.empty((0, 0)), **more), np.nan
        estimate = self._rolling.estimate(wanted, window.train, columns)
        problem = Problem(
            estimate.mean,
            estimate.covariance,
            risk_free=self._risk_free if self._profile.needs_risk_free else 0.0,
            shrinkage=estimate.shrinkage,
            **more,
        )
        return problem, estimate.condition_number

    def _held_to_bounds(self, solution: Solution) -> Solution:
        """Refuse weights out of bounds: profiles without constraints know of none."""
        weights = np.zeros(len(self._family.members))
        if solution.status not in WEIGHTED:
            return Solution(
                weights,
                solution.status,
                solution.solver,
                solution.fallback_chain,
                message=solution.message,
            )
        bounds, total = self._config.bounds, float(solution.weights.sum())
        low, high = float(solution.weights.min()), float(solution.weights.max())
        if high <= bounds.most + BOUND_TOLERANCE and (
            low >= bounds.least * min(1.0, total) - BOUND_TOLERANCE
        ):
            return solution
        message = (
            f"weights from {low:.6g} to {high:.6g} leave the bounds {bounds.least:g} to "
            f"{bounds.most:g}"
        )
        return Solution(weights, Status.INFEASIBLE, solution.solver, message=message)


def _bounded(profile: Profile, bounds: Bounds) -> Profile:
    """Return a profile under the bounds of members, as far as it takes constraints."""
    if not isinstance(profile, ConstrainedProfile):
        return profile
    cap = bounds.most if profile.cap is None else min(profile.cap, bounds.most)
    return profile.model_copy(
        update={
            "cap": cap if cap < 1.0 else profile.cap,
            "minimum": max(profile.minimum, bounds.least),
        }
    )
