"""The riskfolio engine."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from quant_core.engines._external import Answer, ExternalEngine, NoAnswer
from quant_core.engines._feasible import Room, room_of
from quant_core.engines._handover import (
    Moments,
    by_clarabel,
    library,
    moments,
    one_sided,
    rewarded,
    towards,
    within_cap,
)
from quant_core.profiles import Constraints, MeanVariance, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from quant_core.profiles import Problem, Profile

__all__ = ["RiskfolioEngine"]


class RiskfolioEngine(ExternalEngine):
    """Solve with Riskfolio-Lib (optional extra ``engines``).

    ``Portfolio.mu`` and ``Portfolio.cov`` are set to the moments of the problem. ``min_variance``
    and ``market_neutral`` are its ``MinRisk``, ``mean_variance`` its ``Utility``, ``max_sharpe``
    its ``Sharpe`` and ``max_diversification`` the same with volatilities for means;
    ``risk_parity`` is its ``rp_optimization`` and ``hrp`` its ``HCPortfolio``. Clarabel alone
    solves, with tolerances of 1e-12: Riskfolio's own list of solvers goes on to others at looser
    ones.

    Notes
    -----
    ``HCPortfolio`` orders leaves optimally by default, which puts up to 10 % of a portfolio of 20
    stocks elsewhere; here the leaf order of the single linkage is kept, and weights are ours to
    3e-16. Its weight bounds clip weights and spread the rest in proportion, another rule than ours,
    so a cap that binds on ``hrp`` is unsupported, and so is one on ``risk_parity``. Its limit of
    turnover is per asset, and that of a portfolio cannot be said in it. It has no portfolio of
    equal weights.
    """

    name = "riskfolio"
    extra = "engines"
    packages: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"riskfolio-lib": "riskfolio", "cvxpy": "cvxpy", "clarabel": "clarabel"}
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

    def unsupported(self, profile: Profile) -> str:
        """Return that the turnover of a portfolio cannot be limited, where it should be."""
        limited = isinstance(profile, Constraints) and profile.turnover is not None
        return "riskfolio limits the turnover of each asset, not of the portfolio" * limited

    def answer(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        """Return Riskfolio's weights."""
        room = room_of(profile, problem)
        if profile.name == "hrp":
            found = _hierarchical(moments(problem))
            return within_cap(found, room, "riskfolio clips weights and spreads the rest")
        if profile.name == "risk_parity":
            budgeted = by_clarabel(lambda settings: _budgeted(moments(problem), settings))
            return within_cap(budgeted, room, "riskfolio bounds budgets by another rule")
        ratio = rewarded(profile, problem)
        if isinstance(ratio, NoAnswer):
            return ratio
        given = ratio or moments(problem)
        found = by_clarabel(lambda settings: _optimized(profile, given, room, settings))
        lost = ratio is not None and isinstance(found, NoAnswer)
        return _without_reward(given, room) or found if lost else found

    def nearest(self, room: Room, weights: np.ndarray) -> Answer | NoAnswer:
        """Return the allowed weights nearest to some, as those of highest utility."""
        closeness = MeanVariance(risk_aversion=1.0)
        given = towards(weights)
        return by_clarabel(lambda settings: _optimized(closeness, given, room, settings))


def _hierarchical(given: Moments) -> Answer | NoAnswer:
    n = len(given.mean)
    if n == 1:  # its clustering needs two
        return Answer(np.ones(1), "HCPortfolio")
    mean, covariance = _frames(given)
    weights = (
        library("riskfolio")
        .HCPortfolio(returns=_history(n))
        .optimization(
            model="HRP",
            codependence="custom_cov",
            rm="MV",
            method_mu="custom_mu",
            custom_mu=mean,
            method_cov="custom_cov",
            custom_cov=covariance,
            linkage="single",
            leaf_order=False,
        )
    )
    return Answer(weights.to_numpy()[:, 0], "HCPortfolio")


def _budgeted(given: Moments, settings: Mapping[str, float]) -> Answer | NoAnswer:
    return _solved(_portfolio(given, settings), "rp_optimization", b=None)


def _optimized(
    profile: Profile, given: Moments, room: Room, settings: Mapping[str, float]
) -> Answer | NoAnswer:
    portfolio = _bounded(given, room, settings)
    if isinstance(profile, MeanVariance):
        return _solved(portfolio, "optimization", obj="Utility", l=profile.risk_aversion / 2)
    ratio = profile.name in {"max_diversification", "max_sharpe"}
    return _solved(portfolio, "optimization", obj="Sharpe" if ratio else "MinRisk", rf=0)


def _without_reward(given: Moments, room: Room) -> NoAnswer | None:
    """Return that no allowed portfolio has a reward, where Riskfolio gave none and said not why."""

    def richest(settings: Mapping[str, float]) -> Answer | NoAnswer:
        return _solved(_bounded(given, room, settings), "optimization", obj="MaxRet")

    found = by_clarabel(richest)
    if isinstance(found, NoAnswer) or float(given.mean @ found.weights) > 0:
        return None
    return NoAnswer(Status.INFEASIBLE, "no feasible portfolio has a positive excess mean")


def _bounded(given: Moments, room: Room, settings: Mapping[str, float]) -> Any:
    portfolio = _portfolio(given, settings)
    portfolio.upperlng, portfolio.lowerlng = room.upper, room.lower
    if len(room.rows):
        rows, most = one_sided(room)
        portfolio.ainequality, portfolio.binequality = rows, most[:, None]
    return portfolio


def _portfolio(given: Moments, settings: Mapping[str, float]) -> Any:
    portfolio = library("riskfolio").Portfolio(returns=_history(len(given.mean)))
    portfolio.mu, portfolio.cov = _frames(given)
    portfolio.solvers = ["CLARABEL"]
    portfolio.sol_params = {"CLARABEL": dict(settings)}
    return portfolio


def _frames(given: Moments) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd  # noqa: PLC0415 - slow to import

    return pd.DataFrame(given.mean[None]), pd.DataFrame(given.covariance)


def _history(n: int) -> pd.DataFrame:
    """Return the returns that its classes insist on, and that nothing here reads."""
    import pandas as pd  # noqa: PLC0415 - as above

    return pd.DataFrame(np.zeros((2, n)))


def _solved(portfolio: Any, method: str, **options: Any) -> Answer | NoAnswer:
    with redirect_stdout(io.StringIO()) as said:
        weights = getattr(portfolio, method)(model="Classic", rm="MV", **options)
    if weights is None:
        return NoAnswer(Status.FAILED, f"riskfolio: {said.getvalue().strip()}")
    return Answer(weights.to_numpy()[:, 0], f"{method} by clarabel")
