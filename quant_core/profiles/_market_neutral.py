"""Little variance without the market."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from quant_core.profiles._profile import RiskProfile

__all__ = ["MarketNeutral"]


class MarketNeutral(RiskProfile):
    """Minimise variance with next to no exposure to the market.

    ``min w'Sw`` over ``sum w = 1``, ``w >= 0`` and ``|b'w| <= tolerance``, where b is the slope of
    each atom's returns on the market's (the beta of Sharpe, "Capital asset prices", Journal of
    Finance 19, 1964). The market is the benchmark, or without one the mean of all investable
    assets. Atoms held short have a negative beta; without any such atom the exposure is usually out
    of reach, and the solve is infeasible and says so. The objective reported is ``w'Sw``, a
    variance per period.

    Parameters
    ----------
    tolerance : float
        Largest exposure ``|b'w|``, 0.05 by default.
    """

    needs_market: ClassVar[bool] = True

    name: Literal["market_neutral"] = "market_neutral"
    tolerance: float = Field(default=0.05, ge=0, allow_inf_nan=False)
