"""The PyPortfolioOpt engine."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from quant_core.engines._external import Answer, NoAnswer
from quant_core.engines._handover import (
    Moments,
    library,
    one_sided,
    within_cap,
)
from quant_core.engines._program import BudgetEngine
from quant_core.profiles import MeanVariance, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quant_core.engines._feasible import Room
    from quant_core.profiles import Profile

__all__ = ["PyPortfolioOptEngine"]


class PyPortfolioOptEngine(BudgetEngine):
    """Solve with PyPortfolioOpt (optional extra ``engines``).

    ``EfficientFrontier`` gets the moments of the problem: ``min_volatility`` solves
    ``min_variance`` and ``market_neutral``, ``max_quadratic_utility`` solves ``mean_variance``,
    ``max_sharpe`` solves ``max_sharpe`` and, with volatilities for means,
    ``max_diversification``, and ``convex_objective`` with its documented logarithmic barrier
    solves ``risk_parity``. Clarabel solves with tolerances of 1e-12: the default solver leaves the
    variance of 400 stocks 2e-3 off where it cannot polish, and gives up on their ``max_sharpe``.

    Notes
    -----
    ``HRPOpt.optimize`` of release 1.6 reads a name that scipy 1.18 no longer has, so its own steps
    are called one by one: correlations rounded to six digits, single linkage, leaf order,
    bisection. The rounding may tie distances that are not equal and order their leaves otherwise
    than ours; on 20 stocks it does not, and weights agree to 3e-16. It takes no bounds, and the
    barrier none of ours, so a cap that binds on ``hrp`` or ``risk_parity`` is unsupported. There
    is no portfolio of equal weights.
    """

    name = "pyportfolioopt"
    extra = "engines"
    packages: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"pyportfolioopt": "pypfopt", "cvxpy": "cvxpy", "clarabel": "clarabel"}
    )
    profiles = (
        "adaptive",
        "barbell",
        "hrp",
        "market_neutral",
        "max_diversification",
        "max_sharpe",
        "mean_variance",
        "min_variance",
        "risk_parity",
    )

    rule = "the barrier takes no bounds of a budget"

    def hierarchical(self, given: Moments, room: Room) -> Answer | NoAnswer:
        """Return the weights of ``HRPOpt``."""
        return within_cap(_hierarchical(given), room, "HRPOpt takes no bounds")

    def budgeted(self, given: Moments, settings: Mapping[str, float]) -> Answer | NoAnswer:
        """Return the weights of the logarithmic barrier."""
        return _budgeted(given, settings)

    def optimized(
        self, profile: Profile, given: Moments, room: Room, settings: Mapping[str, float]
    ) -> Answer | NoAnswer:
        """Return the weights of ``EfficientFrontier``."""
        return _optimized(profile, given, room, settings)


def _hierarchical(given: Moments) -> Answer:
    import pandas as pd  # noqa: PLC0415 - slow to import
    from scipy.cluster.hierarchy import linkage  # noqa: PLC0415 - as above
    from scipy.spatial.distance import squareform  # noqa: PLC0415 - as above

    if len(given.mean) == 1:  # a linkage needs two
        return Answer(np.ones(1), "HRPOpt")
    pypfopt = library("pypfopt")
    covariance = pd.DataFrame(given.covariance)
    correlation = pypfopt.risk_models.cov_to_corr(covariance).round(6).to_numpy()
    distance = np.sqrt(np.clip((1.0 - correlation) / 2.0, 0.0, 1.0))
    tree = linkage(squareform(distance, checks=False), "single")
    order = pypfopt.HRPOpt._get_quasi_diag(tree)  # noqa: SLF001 - see the notes of the class
    weights = pypfopt.HRPOpt._raw_hrp_allocation(covariance, order)  # noqa: SLF001 - as above
    return Answer(weights.sort_index().to_numpy(), "HRPOpt")


def _budgeted(given: Moments, settings: Mapping[str, float]) -> Answer | NoAnswer:
    cp = library("cvxpy")

    def barrier(weights: Any) -> Any:
        variance = cp.quad_form(weights, given.covariance, assume_PSD=True)
        return variance / 2 - cp.sum(cp.log(weights)) / len(given.mean)

    # Weights are normalised afterwards, so they have no upper bound: NaN means none.
    frontier = _frontier(given, [(0.0, np.nan)] * len(given.mean), settings)
    found = _solved(
        frontier, "convex_objective", custom_objective=barrier, weights_sum_to_one=False
    )
    if isinstance(found, NoAnswer):
        return found
    return Answer(found.weights / found.weights.sum(), found.solver)


def _optimized(
    profile: Profile, given: Moments, room: Room, settings: Mapping[str, float]
) -> Answer | NoAnswer:
    frontier = _frontier(given, [(room.lower, room.upper)] * len(given.mean), settings)
    if len(room.rows):
        rows, most = one_sided(room)
        frontier.add_constraint(lambda weights: rows @ weights <= most)
    if room.held is not None:
        frontier.add_constraint(_traded(room.held, room.trade))
    if isinstance(profile, MeanVariance):
        return _solved(frontier, "max_quadratic_utility", risk_aversion=profile.risk_aversion)
    ratio = profile.name in {"max_diversification", "max_sharpe"}
    return _solved(frontier, "max_sharpe" if ratio else "min_volatility")


def _frontier(
    given: Moments, bounds: list[tuple[float, float]], settings: Mapping[str, float]
) -> Any:
    return library("pypfopt").EfficientFrontier(
        given.mean,
        given.covariance,
        weight_bounds=bounds,
        solver="CLARABEL",
        solver_options=dict(settings),
    )


def _traded(held: np.ndarray, most: float) -> Callable[[Any], Any]:
    cp = library("cvxpy")

    def constraint(weights: Any) -> Any:
        # max_sharpe solves in weights times an unknown factor, which is their sum, and multiplies
        # the right side of a constraint by it: zero stays zero.
        factor = cp.sum(weights)
        return cp.norm1(weights - held * factor) - most * factor <= 0

    return constraint


def _solved(frontier: Any, method: str, **options: Any) -> Answer | NoAnswer:
    try:
        getattr(frontier, method)(**options)
    except library("pypfopt.exceptions").OptimizationError as error:
        ended = str(error.args[-1])
        status = Status.INFEASIBLE if "infeasible" in ended else Status.FAILED
        return NoAnswer(status, f"pyportfolioopt: {ended}")
    except library("cvxpy").SolverError as error:
        return NoAnswer(Status.FAILED, f"pyportfolioopt: {error}")
    return Answer(frontier.weights, f"{method} by clarabel")
