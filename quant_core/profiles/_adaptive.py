"""One profile for each regime of the market."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from quant_core.profiles._constraints import Constraints
from quant_core.profiles._naive import EqualWeight
from quant_core.profiles._parity import Hrp, RiskParity
from quant_core.profiles._profile import ConstrainedProfile, RiskProfile
from quant_core.profiles._ratio import MaxDiversification, MaxSharpe
from quant_core.profiles._variance import MinVariance

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Adaptive", "Regime"]

Regime = Literal["turbulent", "rising", "falling"]

_Within = Literal[
    "equal_weight", "hrp", "max_diversification", "max_sharpe", "min_variance", "risk_parity"
]

_PROFILES: Mapping[str, type[ConstrainedProfile]] = MappingProxyType(
    {
        "equal_weight": EqualWeight,
        "hrp": Hrp,
        "max_diversification": MaxDiversification,
        "max_sharpe": MaxSharpe,
        "min_variance": MinVariance,
        "risk_parity": RiskParity,
    }
)


class Adaptive(RiskProfile):
    """Solve the profile that the regime of the market calls for.

    With the t returns m of the market over the train period: ``turbulent`` where the volatility
    of the last ``recent`` returns exceeds ``turbulence`` times that of all t (volatility persists:
    Moreira & Muir, "Volatility-managed portfolios", Journal of Finance 72, 2017); else ``rising``
    where ``prod(1 + m) > 1`` and ``falling`` where it is not (Moskowitz, Ooi & Pedersen, "Time
    series momentum", Journal of Financial Economics 104, 2012). The market is the benchmark, or
    without one the mean of all investable assets. The regime is recorded with the weights. Each
    regime names a profile, solved with this one's covariance and constraints; objective, residual
    and status are that profile's. Infeasible with no more than ``recent`` returns of the market.

    Parameters
    ----------
    recent : int
        Observations of the recent volatility, 21 by default.
    turbulence : float
        Ratio of recent to usual volatility above which the market is turbulent, 1.25 by default.
    turbulent, rising, falling : str
        Profile of each regime: ``min_variance``, ``max_sharpe`` and ``risk_parity`` by default;
        ``hrp``, ``max_diversification`` and ``equal_weight`` are known as well.
    """

    needs_market: ClassVar[bool] = True
    needs_risk_free: ClassVar[bool] = True

    name: Literal["adaptive"] = "adaptive"
    recent: int = Field(default=21, ge=2)
    turbulence: float = Field(default=1.25, gt=0, allow_inf_nan=False)
    turbulent: _Within = "min_variance"
    rising: _Within = "max_sharpe"
    falling: _Within = "risk_parity"

    def regime(self, market: np.ndarray | None) -> Regime | None:
        """Return the regime that returns of the market show.

        Parameters
        ----------
        market : numpy.ndarray of shape (t,), or None
            Its returns over the train period, oldest first, without NaN.

        Returns
        -------
        {"turbulent", "rising", "falling"} or None
            None with no more than ``recent`` returns.
        """
        if market is None or len(market) <= self.recent:
            return None
        usual, recent = market.std(ddof=1), market[-self.recent :].std(ddof=1)
        if recent > self.turbulence * usual:
            return "turbulent"
        return "rising" if np.prod(1.0 + market) > 1.0 else "falling"

    def within(self, regime: Regime) -> ConstrainedProfile:
        """Return the profile that is solved in a regime."""
        kind = _PROFILES[getattr(self, regime)]
        kept = (*Constraints.model_fields, "covariance")
        return kind(**{name: getattr(self, name) for name in kept if name in kind.model_fields})
