"""Who belongs to the universe of a window."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["LiquidityConfig", "UniverseConfig"]


class LiquidityConfig(BaseModel):
    """Only what is traded most is a member.

    Parameters
    ----------
    top : int
        How many symbols, by the median of price times volume.
    sessions : int
        Last observations of the train period that the median is taken over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    top: Annotated[int, Field(ge=2)]
    sessions: Annotated[int, Field(ge=1)] = 60


class UniverseConfig(BaseModel):
    """Rules of membership beside a complete train period, judged on the train period alone.

    Parameters
    ----------
    history : int or None
        Fewest observations in the train period.
    coverage : float or None
        Smallest share of the train period's sessions that have an observation, in (0, 1]. The
        sessions are those of the calendar; days that the data have where it judges none.
    liquidity : LiquidityConfig or None
        How many are held to be liquid; needs ``data.volume``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    history: Annotated[int, Field(ge=2)] | None = None
    coverage: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    liquidity: LiquidityConfig | None = None

    @property
    def given(self) -> bool:
        """Whether there is any rule."""
        return (self.history, self.coverage, self.liquidity) != (None, None, None)
