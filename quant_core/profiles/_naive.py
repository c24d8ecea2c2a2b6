"""Profiles that estimate nothing."""

from __future__ import annotations

from typing import ClassVar, Literal

from quant_core.profiles._profile import ConstrainedProfile, Profile

__all__ = ["EqualWeight", "Market"]


class EqualWeight(ConstrainedProfile):
    """Hold every selected atom alike: ``w_i = 1/n``.

    The benchmark of DeMiguel, Garlappi & Uppal, "Optimal versus naive diversification", Review of
    Financial Studies 22 (2009).
    """

    name: Literal["equal_weight"] = "equal_weight"


class Market(Profile):
    """Hold the m benchmark symbols of the sleeve alike, ``w_i = 1/m``, whatever is selected."""

    needs_benchmark: ClassVar[bool] = True

    name: Literal["market"] = "market"
