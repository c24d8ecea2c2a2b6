"""Trade back to the weights once the portfolio has drifted too far."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from quant_core.simulators._rebalance import Rebalance

__all__ = ["DriftRebalance"]


class DriftRebalance(Rebalance):
    """Trade back to the weights of the window at a close where the drift exceeds a threshold.

    Parameters
    ----------
    threshold : float
        Drift sum |w - w_target| / 2 that is left alone, a fraction in [0, 1).
    """

    name: Literal["daily_5pct"] = "daily_5pct"
    threshold: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.05

    @property
    def drift_limit(self) -> float:
        """The threshold."""
        return self.threshold
