"""What every profile has in common."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from quant_core.covariance import CovarianceSpec

__all__ = ["CappedProfile", "Profile", "RiskProfile"]


class Profile(BaseModel):
    """Base of the profiles: what is optimised, over weights ``w >= 0`` that sum to 1.

    Parameters
    ----------
    name : str
        Name of the profile in its registry; each profile fixes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    needs_covariance: ClassVar[bool] = False
    """Whether the solve reads ``Problem.mean`` and ``Problem.covariance``."""
    needs_benchmark: ClassVar[bool] = False
    """Whether the profile holds the benchmark symbols in place of the selection."""
    needs_risk_free: ClassVar[bool] = False
    """Whether the solve reads ``Problem.risk_free``."""

    name: str


class RiskProfile(Profile):
    """Base of the profiles that read a covariance.

    Parameters
    ----------
    covariance : CovarianceSpec
        Estimator of the covariance, ``ledoit_wolf`` by default.
    """

    needs_covariance: ClassVar[bool] = True

    covariance: CovarianceSpec = CovarianceSpec(name="ledoit_wolf")


class CappedProfile(RiskProfile):
    """Base of the risk profiles that may bound a single weight.

    Parameters
    ----------
    cap : float, optional
        Upper bound of every weight, in (0, 1]; a cap below ``1/n`` is infeasible. None for no cap.
    """

    cap: float | None = Field(default=None, gt=0, le=1)
