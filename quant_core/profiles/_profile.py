"""What every profile has in common."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from quant_core.covariance import CovarianceSpec
from quant_core.profiles._constraints import Constraints

__all__ = ["ConstrainedProfile", "Profile", "RiskProfile"]


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
    needs_market: ClassVar[bool] = False
    """Whether the solve reads ``Problem.beta`` and ``Problem.market``."""

    name: str

    @property
    def estimator(self) -> CovarianceSpec | None:
        """What estimates the covariance that the solve reads; None where it reads none."""
        return None


class ConstrainedProfile(Profile, Constraints):
    """Base of the profiles whose weights may be bounded.

    What minimises or maximises is solved under the constraints. What does not (``equal_weight``,
    ``hrp``, ``barbell``; ``risk_parity`` beyond its cap) is solved without those it has no place
    for and moved to the nearest weights that keep all of them, ``min sum (w - v)^2``.
    """


class RiskProfile(ConstrainedProfile):
    """Base of the profiles that read a covariance.

    Parameters
    ----------
    covariance : CovarianceSpec
        Estimator of the covariance, ``ledoit_wolf`` by default.
    """

    needs_covariance: ClassVar[bool] = True

    covariance: CovarianceSpec = CovarianceSpec(name="ledoit_wolf")

    @property
    def estimator(self) -> CovarianceSpec | None:
        """What estimates the covariance."""
        return self.covariance
