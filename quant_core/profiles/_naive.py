"""Profiles that estimate nothing."""

from __future__ import annotations

from typing import ClassVar, Literal

from quant_core.covariance import CovarianceSpec
from quant_core.profiles._profile import ConstrainedProfile, Profile

__all__ = ["EqualWeight", "Market"]


class EqualWeight(ConstrainedProfile):
    """Hold every selected atom alike: ``w_i = 1/n``.

    The benchmark of DeMiguel, Garlappi & Uppal, "Optimal versus naive diversification", Review of
    Financial Studies 22 (2009).

    Parameters
    ----------
    covariance : CovarianceSpec
        Estimator of the covariance, read only where there is a target volatility.
    """

    name: Literal["equal_weight"] = "equal_weight"
    covariance: CovarianceSpec = CovarianceSpec(name="ledoit_wolf")

    @property
    def estimator(self) -> CovarianceSpec | None:
        """What estimates the covariance, if there is a volatility to aim at."""
        return self.covariance if self.target_volatility is not None else None


class Market(Profile):
    """Hold the m benchmark symbols of the sleeve alike, ``w_i = 1/m``, whatever is selected."""

    needs_benchmark: ClassVar[bool] = True

    name: Literal["market"] = "market"
