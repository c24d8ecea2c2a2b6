"""The cvxportfolio engine."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from quant_core.engines._external import Answer, NoAnswer
from quant_core.engines._handover import (
    Moments,
    library,
    one_sided,
)
from quant_core.engines._program import ProgramEngine
from quant_core.profiles import MeanVariance, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quant_core.engines._feasible import Room
    from quant_core.profiles import Problem, Profile

__all__ = ["CvxportfolioEngine"]


class CvxportfolioEngine(ProgramEngine):
    """Solve with cvxportfolio's policies (optional extra ``simulators``).

    ``SinglePeriodOptimization`` of ``ReturnsForecast`` and ``FullCovariance``, both given, without
    costs, cash or benchmark, executed once without market data: it solves ``mean_variance``,
    ``min_variance`` and ``market_neutral``. ``Uniform`` is ``equal_weight`` and ``market``.
    Clarabel solves with tolerances of 1e-12, and without the fallback to another solver that
    cvxportfolio has by default.

    Notes
    -----
    Its objectives are sums of costs, so ratios (``max_sharpe``, ``max_diversification``),
    ``risk_parity`` and ``hrp`` cannot be said in it, nor can most of ``adaptive``. What is held
    outside the selection counts as cash, and its sale against the limit of turnover.
    """

    name = "cvxportfolio"
    extra = "simulators"
    packages: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"cvxportfolio": "cvxportfolio", "cvxpy": "cvxpy", "clarabel": "clarabel"}
    )
    profiles = (
        "barbell",
        "equal_weight",
        "market",
        "market_neutral",
        "mean_variance",
        "min_variance",
    )

    def answer(self, profile: Profile, problem: Problem) -> Answer | NoAnswer:
        """Return cvxportfolio's weights."""
        n = len(problem.mean)
        if profile.name in {"equal_weight", "market"}:
            return Answer(_executed(library("cvxportfolio").Uniform(), np.zeros(n)), "Uniform")
        return self.programmed(profile, problem)

    def optimized(
        self, profile: Profile, given: Moments, room: Room, settings: Mapping[str, float]
    ) -> Answer | NoAnswer:
        """Return the weights of ``SinglePeriodOptimization``."""
        aversion = profile.risk_aversion if isinstance(profile, MeanVariance) else None
        return _optimized(given, aversion, room, settings)


def _optimized(
    given: Moments, aversion: float | None, room: Room, settings: Mapping[str, float]
) -> Answer | NoAnswer:
    import pandas as pd  # noqa: PLC0415 - slow to import

    cvx, errors = library("cvxportfolio"), library("cvxportfolio.errors")
    names = _names(len(given.mean))
    risk = cvx.FullCovariance(pd.DataFrame(given.covariance, names, names))
    forecast = cvx.ReturnsForecast(pd.Series(given.mean, names))
    policy = cvx.SinglePeriodOptimization(
        -risk if aversion is None else forecast - aversion / 2 * risk,
        _constraints(room, names),
        include_cash_return=False,
        fallback_solver=None,
        solver="CLARABEL",
        **settings,
    )
    try:
        weights = _executed(policy, np.zeros(len(names)) if room.held is None else room.held)
    except errors.ProgramInfeasible as error:
        return NoAnswer(Status.INFEASIBLE, f"cvxportfolio: {error}")
    except (errors.PortfolioOptimizationError, library("cvxpy").SolverError) as error:
        return NoAnswer(Status.FAILED, f"cvxportfolio: {error}")
    return Answer(weights, "SinglePeriodOptimization by clarabel")


def _constraints(room: Room, names: list[str]) -> list[Any]:
    import pandas as pd  # noqa: PLC0415 - as above

    cvx = library("cvxportfolio")
    found = [cvx.NoCash(), cvx.MinWeights(room.lower), cvx.MaxWeights(room.upper)]
    for row, most in zip(*one_sided(room), strict=True):
        found.append(cvx.FactorMaxLimit(pd.Series(row, names), float(most)))
    if room.held is not None:
        found.append(cvx.TurnoverLimit(room.trade / 2))
    return found


def _executed(policy: Any, held: np.ndarray) -> np.ndarray:
    """Return the weights that a policy trades to from what is held, the rest being cash."""
    import pandas as pd  # noqa: PLC0415 - as above

    before = pd.Series([*held, 1.0 - held.sum()], [*_names(len(held)), "cash"])
    trades, _, _ = policy.execute(before, None, pd.Timestamp(0))
    return np.asarray((before + trades).iloc[:-1])


def _names(n: int) -> list[str]:
    return [str(number) for number in range(n)]
