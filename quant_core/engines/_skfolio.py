"""The skfolio engine."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from quant_core.engines._external import Answer, NoAnswer
from quant_core.engines._handover import (
    Moments,
    library,
    one_sided,
)
from quant_core.engines._program import BudgetEngine
from quant_core.profiles import MeanVariance, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quant_core.engines._feasible import Room
    from quant_core.profiles import Problem, Profile

__all__ = ["SkfolioEngine"]

_CONTRADICTIONS = frozenset({"infeasible", "infeasible_inaccurate"})


class SkfolioEngine(BudgetEngine):
    """Solve with skfolio's estimators (optional extra ``engines``).

    Every estimator gets the moments of the problem from a prior of ours, so nothing is estimated
    again. ``min_variance``, ``mean_variance``, ``max_sharpe`` and ``market_neutral`` are
    ``MeanRisk`` on the variance, ``max_diversification`` is ``MaximumDiversification``,
    ``risk_parity`` is ``RiskBudgeting``, ``hrp`` is ``HierarchicalRiskParity``, ``equal_weight``
    and ``market`` are ``EqualWeighted``. Clarabel's tolerances are 1e-12 in place of skfolio's
    1e-9.

    Notes
    -----
    ``HierarchicalRiskParity`` is told what it would not do by default: single linkage, the leaf
    order of the linkage as it is, and distances from the covariance of the problem. So told, its
    weights are ours to 3e-16; with its default (Ward, optimal leaf order) up to 13 % of a portfolio
    of 20 stocks is elsewhere. Its caps are the same rule as ours. skfolio's own turnover limit is
    per asset, so that of the portfolio goes through its ``add_constraints``. A cap on its risk
    budgeting is another problem than ours, so a cap that binds there is unsupported.
    """

    name = "skfolio"
    extra = "engines"
    packages: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"skfolio": "skfolio", "cvxpy": "cvxpy", "clarabel": "clarabel"}
    )
    profiles = (
        "adaptive",
        "barbell",
        "equal_weight",
        "hrp",
        "market",
        "market_neutral",
        "max_diversification",
        "max_sharpe",
        "mean_variance",
        "min_variance",
        "risk_parity",
    )

    rule = "skfolio bounds budgets by another rule"

    def answer(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        """Return skfolio's weights."""
        if profile.name in {"equal_weight", "market"}:
            return _equal(len(problem.mean))
        return super().answer(profile, problem)

    def hierarchical(self, given: Moments, room: Room) -> Answer | NoAnswer:
        """Return the weights of ``HierarchicalRiskParity``."""
        return _hierarchical(given, room.upper)

    def budgeted(self, given: Moments, settings: Mapping[str, float]) -> Answer | NoAnswer:
        """Return the weights of ``RiskBudgeting``."""
        make = library("skfolio.optimization").RiskBudgeting
        return _fitted(make(**_options(given, settings)))

    def optimized(
        self, profile: Profile, given: Moments, room: Room, settings: Mapping[str, float]
    ) -> Answer | NoAnswer:
        """Return the weights of ``MeanRisk`` or ``MaximumDiversification``."""
        return _optimized(profile, given, room, settings)


def _equal(n: int) -> Answer:
    estimator = library("skfolio.optimization").EqualWeighted().fit(np.zeros((2, n)))
    return Answer(estimator.weights_, "EqualWeighted")


def _hierarchical(given: Moments, cap: float) -> Answer:
    clustering = library("skfolio.cluster")
    # One cluster: only the linkage is read, and counting clusters takes longer than the rest.
    clusters = clustering.HierarchicalClustering(
        max_clusters=1, linkage_method=clustering.LinkageMethod.SINGLE
    )
    estimator = library("skfolio.optimization").HierarchicalRiskParity(
        prior_estimator=_prior()(given.mean, given.covariance),
        distance_estimator=library("skfolio.distance").CovarianceDistance("precomputed"),
        seriation_estimator=library("skfolio.seriation").HierarchicalSeriation(
            hierarchical_clustering_estimator=clusters, optimal_ordering=False
        ),
        max_weights=cap,
    )
    estimator.fit(np.zeros((2, len(given.mean))))
    return Answer(estimator.weights_, "HierarchicalRiskParity")


def _optimized(
    profile: Profile, given: Moments, room: Room, settings: Mapping[str, float]
) -> Answer | NoAnswer:
    models = library("skfolio.optimization")
    options = _options(given, settings) | _bounded(room)
    if profile.name == "max_diversification":
        return _fitted(models.MaximumDiversification(**options))
    goals = models.ObjectiveFunction
    if isinstance(profile, MeanVariance):
        options["risk_aversion"] = profile.risk_aversion / 2
        goal = goals.MAXIMIZE_UTILITY
    else:
        goal = goals.MAXIMIZE_RATIO if profile.name == "max_sharpe" else goals.MINIMIZE_RISK
    return _fitted(models.MeanRisk(objective_function=goal, **options))


def _options(given: Moments, settings: Mapping[str, float]) -> dict[str, Any]:
    return {
        "prior_estimator": _prior()(given.mean, given.covariance),
        "solver": "CLARABEL",
        "solver_params": dict(settings),
        "save_problem": True,
    }


def _bounded(room: Room) -> dict[str, Any]:
    options: dict[str, Any] = {"min_weights": room.lower, "max_weights": room.upper}
    if len(room.rows):
        options["left_inequality"], options["right_inequality"] = one_sided(room)
    if room.held is not None:
        options["add_constraints"] = _traded(room.held, room.trade)
    return options


def _traded(held: np.ndarray, most: float) -> Callable[[Any], list[Any]]:
    cp = library("cvxpy")

    def constraint(weights: Any) -> list[Any]:
        # A ratio is solved in weights times an unknown factor, which is their sum.
        factor = cp.sum(weights)
        return [cp.norm1(weights - held * factor) <= most * factor]

    return constraint


def _fitted(estimator: Any) -> Answer | NoAnswer:
    try:
        estimator.fit(np.zeros((2, len(estimator.prior_estimator.mean))))
    except library("skfolio.exceptions").ConvexOptimizationError as error:
        ended = str(estimator.problem_.status)
        status = Status.INFEASIBLE if ended in _CONTRADICTIONS else Status.FAILED
        return NoAnswer(status, f"skfolio: {ended}: {error}")
    return Answer(estimator.weights_, f"{type(estimator).__name__} by clarabel")


@cache
def _prior() -> type[Any]:
    """Return the class of a prior that holds given moments; its base comes with the extra."""
    priors = library("skfolio.prior")

    class GivenMoments(priors.BasePrior):  # type: ignore[misc,name-defined]  # its base is loaded late
        def __init__(self, mean: np.ndarray, covariance: np.ndarray) -> None:
            self.mean = mean
            self.covariance = covariance

        def fit(self, returns: Any, _target: Any = None, **_routed: Any) -> Any:
            self.return_distribution_ = priors.ReturnDistribution(
                self.mean, self.covariance, returns
            )
            return self

    return cast("type[Any]", GivenMoments)
