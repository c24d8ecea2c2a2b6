"""The thresholds of an audit."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AuditRules"]

_Share = Annotated[float, Field(ge=0, le=1)]


class AuditRules(BaseModel):
    """When something is worth a finding.

    Parameters
    ----------
    stale : int
        Returns in a row that are exactly zero.
    jump : float
        Smallest absolute logarithmic return of a jump; 0.28 is -24 % or +32 %.
    sigmas : float
        A jump is also this many robust standard deviations (1.4826 MAD) of the symbol.
    split_tolerance : float
        How far, as a logarithm, a jump may be from the ratio of a split.
    taken_back : float
        Share of a jump that the next observation takes back in a glitch.
    padded : float
        Share of returns that are exactly zero on a padded day.
    coverage : float
        Least share of the dates of a symbol's life, and of living symbols on a day.
    ended_days : int
        Calendar days before the last date after which a series has ended.
    recent : int
        Last dates that are compared with those before.
    stability : float
        Population stability index above which a distribution has shifted.
    significance : float
        Largest p-value (Kolmogorov-Smirnov) of a shift, divided by the number of symbols.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stale: Annotated[int, Field(ge=2)] = 5
    jump: Annotated[float, Field(gt=0)] = 0.28
    sigmas: Annotated[float, Field(gt=0)] = 10.0
    split_tolerance: Annotated[float, Field(ge=0)] = 0.03
    taken_back: _Share = 0.8
    padded: _Share = 0.9
    coverage: _Share = 0.95
    ended_days: Annotated[int, Field(ge=1)] = 90
    recent: Annotated[int, Field(ge=20)] = 63
    stability: Annotated[float, Field(gt=0)] = 0.25
    significance: Annotated[float, Field(gt=0, le=1)] = 0.01
