"""The small sections of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from quant_core.windows import Step, WindowGrid

__all__ = ["CostConfig", "WindowConfig"]

_BASIS_POINT = 1e-4


class WindowConfig(BaseModel):
    """The walk-forward windows.

    Parameters
    ----------
    train : int
        Observations in a train period, at least 2.
    step : {"month", "week"}
        Distance between two windows on the calendar.
    test : {"month", "week"} or None
        Length of a test period; it is the step, and may only say so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: Annotated[int, Field(ge=2)] = 252
    step: Step = "month"
    test: Step | None = None

    @field_validator("test")
    @classmethod
    def _is_step(cls, test: Step | None, info: ValidationInfo) -> Step | None:
        step = info.data.get("step")
        if test is None or step is None or test == step:
            return test
        if step == "week":
            raise ValueError(
                "a month is longer than the step of a week, so test periods would overlap; remove "
                "windows.test or set it to week"
            )
        raise ValueError(
            "a week is shorter than the step of a month, so days would be left without weights; "
            "remove windows.test or set it to month"
        )

    @property
    def grid(self) -> WindowGrid:
        """The grid of windows."""
        return WindowGrid(train=self.train, step=self.step)


class CostConfig(BaseModel):
    """Costs of trading, in basis points of the traded value.

    Parameters
    ----------
    slippage_bps : float
        Between the close and the fill, 5 by default.
    commission_bps : float
        Paid to the broker, 1 by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slippage_bps: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 5.0
    commission_bps: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 1.0

    @property
    def rate(self) -> float:
        """Cost as a fraction of the traded value."""
        return (self.slippage_bps + self.commission_bps) * _BASIS_POINT
