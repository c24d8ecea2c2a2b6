"""Profiles that maximise a return or volatility per unit of risk."""

from __future__ import annotations

from typing import ClassVar, Literal

from quant_core.profiles._profile import RiskProfile

__all__ = ["MaxDiversification", "MaxSharpe"]


class MaxSharpe(RiskProfile):
    """Maximise the Sharpe ratio: ``max (m - r)'w / sqrt(w'Sw)``, ``sum w = 1``, ``0 <= w <= cap``.

    The tangency portfolio of Sharpe, "Mutual fund performance", Journal of Business 39 (1966).
    Infeasible where no feasible portfolio has a positive excess mean. The objective reported is
    the ratio per period, not annualised.
    """

    needs_risk_free: ClassVar[bool] = True

    name: Literal["max_sharpe"] = "max_sharpe"


class MaxDiversification(RiskProfile):
    """Maximise the diversification ratio.

    ``max s'w / sqrt(w'Sw)``, ``sum w = 1``, ``0 <= w <= cap``, ``s_i = sqrt(S_ii)``; Choueifaty &
    Coignard, "Toward maximum diversification", Journal of Portfolio Management 35 (2008). The
    objective reported is the ratio, at least 1.
    """

    name: Literal["max_diversification"] = "max_diversification"
