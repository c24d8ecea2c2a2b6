"""Profiles that minimise variance, alone or against the mean."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quant_core.profiles._profile import RiskProfile

__all__ = ["MeanVariance", "MinVariance"]


class MinVariance(RiskProfile):
    """Minimise variance: ``min w'Sw`` over ``sum w = 1``, ``0 <= w <= cap``.

    The left end of the efficient frontier, Markowitz, "Portfolio selection", Journal of Finance 7
    (1952). The objective reported is ``w'Sw``, a variance per period.
    """

    name: Literal["min_variance"] = "min_variance"


class MeanVariance(RiskProfile):
    """Maximise quadratic utility: ``max m'w - gamma/2 w'Sw``, ``sum w = 1``, ``0 <= w <= cap``.

    Markowitz (1952), as a utility. Multiplying mean and covariance by the same factor, for example
    to annualise them, leaves the weights as they are. The objective reported is the utility, per
    period.

    Parameters
    ----------
    risk_aversion : float
        The relative risk aversion ``gamma``, positive. 5 by default, between the 1 of log utility
        and the 10 that is usually taken as the upper end of what investors show.
    """

    name: Literal["mean_variance"] = "mean_variance"
    risk_aversion: float = Field(default=5.0, gt=0, allow_inf_nan=False)
