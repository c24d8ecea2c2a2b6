"""The riskfolio engine."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from quant_core.engines._external import Answer, NoAnswer
from quant_core.engines._feasible import Room, room_of
from quant_core.engines._handover import (
    Moments,
    by_clarabel,
    library,
    one_sided,
    rewarded,
    within_cap,
)
from quant_core.engines._program import BudgetEngine
from quant_core.profiles import Constraints, MeanVariance, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from quant_core.profiles import Problem, Profile

__all__ = ["RiskfolioEngine"]


class RiskfolioEngine(BudgetEngine):
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

    rule = "riskfolio bounds budgets by another rule"

    def unsupported(self, profile: Profile) -> str:
        """Return that the turnover of a portfolio cannot be limited, where it should be."""
        limited = isinstance(profile, Constraints) and profile.turnover is not None
        return "riskfolio limits the turnover of each asset, not of the portfolio" * limited

    def hierarchical(self, given: Moments, room: Room) -> Answer | NoAnswer:
        """Return the weights of ``HCPortfolio``."""
        return within_cap(
            _hierarchical(given), room, "riskfolio clips weights and spreads the rest"
        )

    def budgeted(self, given: Moments, settings: Mapping[str, float]) -> Answer | NoAnswer:
        """Return the weights of ``rp_optimization``."""
        return _solved(_portfolio(given, settings), "rp_optimization", b=None)

    def optimized(
        self, profile: Profile, given: Moments, room: Room, settings: Mapping[str, float]
    ) -> Answer | NoAnswer:
        """Return the weights of ``optimization``."""
        return _optimized(profile, given, room, settings)

    def programmed(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        """Return the answer to a profile with an objective, and why a ratio has none."""
        found, given = super().programmed(profile, problem), rewarded(profile, problem)
        if isinstance(found, NoAnswer) and isinstance(given, Moments):
            return _without_reward(given, room_of(profile, problem)) or found
        return found


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
