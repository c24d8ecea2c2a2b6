"""What a cell and a model must be before they may be deployed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from quant_core.config import _registries
from quant_core.config._problems import nearest

__all__ = ["ChampionConfig", "GateConfig", "ModelGateConfig"]

_Limit = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Correlation = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


class GateConfig(BaseModel):
    """Thresholds of the gates that a cell has to pass; a figure that is missing passes none.

    Parameters
    ----------
    friction_decay : float
        Largest part of the Sharpe ratio that costs may take, a fraction.
    fragility : float
        Largest sd / |mean| of the Sharpe ratios of calendar years.
    jaccard : float
        Smallest mean overlap of the atoms selected in consecutive windows, in [0, 1].
    turnover : float
        Largest mean one-way turnover of a window, a fraction of the portfolio.
    cvar, drawdown : float
        Largest CVaR (95 %) and drawdown, as multiples of the benchmark's.
    cagr_gap : float
        Largest difference of CAGR between two simulators, a fraction a year.
    dsr : float
        Smallest deflated Sharpe ratio, a probability.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    friction_decay: _Limit = 0.30
    fragility: _Limit = 1.5
    jaccard: _Share = 0.30
    turnover: _Limit = 0.50
    cvar: _Limit = 1.25
    drawdown: _Limit = 1.25
    cagr_gap: _Limit = 0.015
    dsr: _Share = 0.95


class ModelGateConfig(BaseModel):
    """Thresholds of the gates that a model has to pass before it may be deployed.

    Parameters
    ----------
    rank_ic : float
        Smallest rank correlation of predictions and outcomes on held-out rows.
    margin : float
        How much lower than the deployed model's it may be, on the same rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank_ic: _Correlation = 0.0
    margin: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.01


class ChampionConfig(BaseModel):
    """How the champion of a sleeve is elected, and when a model takes over.

    Parameters
    ----------
    gates : GateConfig
        What a cell has to pass.
    candidates : int
        Cells that are tried, from the top of the leaderboard down.
    simulators : tuple of str
        Simulators that must agree with the cell's own.
    models : ModelGateConfig
        What a model has to pass.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gates: GateConfig = GateConfig()
    candidates: Annotated[int, Field(ge=1, le=1000)] = 25
    simulators: Annotated[tuple[str, ...], Field(min_length=1)] = ("vectorbt",)
    models: ModelGateConfig = ModelGateConfig()

    @field_validator("simulators")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = _registries.registry("simulators")
        for name in names:
            if name not in known:
                raise ValueError(
                    f"unknown simulator {name!r}{nearest(name, known)}; known: {', '.join(known)}"
                )
        return names
