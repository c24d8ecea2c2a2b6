"""A safe core beside a small aggressive part."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from quant_core.profiles._profile import RiskProfile

__all__ = ["Barbell"]

_ROUNDING = 1e-9


class Barbell(RiskProfile):
    """Hold a safe core, and a little of what is riskiest.

    The barbell of Taleb, "Antifragile" (2012): nothing in the middle. Of n atoms the
    ``k = ceil(riskiest n)`` most volatile, at least one and at most n - 1, are the satellites;
    equal volatilities rank in the order of the atoms. They share the aggressive part alike,
    ``w_i = aggressive / k``. The others are the core, the portfolio of least variance over them
    alone: ``min w_C'S_CC w_C``, ``sum w_C = 1 - aggressive``, ``w_C >= 0``. A single atom is all
    core. Weights that break a constraint are moved to the nearest that keep all of them.

    The objective reported is the volatility ``sqrt(w'Sw)`` per period; the residual is that of the
    core, or of the move where one was needed, if larger.

    Parameters
    ----------
    aggressive : float
        Weight of the satellites together, 0.1 by default, in (0, 1).
    riskiest : float
        Share of the atoms that are satellites, 0.2 by default, in (0, 1).
    """

    name: Literal["barbell"] = "barbell"
    aggressive: float = Field(default=0.1, gt=0, lt=1)
    riskiest: float = Field(default=0.2, gt=0, lt=1)

    def satellites(self, variances: np.ndarray) -> np.ndarray:
        """Return which atoms are satellites.

        Parameters
        ----------
        variances : numpy.ndarray, shape (n,)
            Diagonal of the covariance, n at least 1.

        Returns
        -------
        numpy.ndarray of bool, shape (n,)
        """
        n = len(variances)
        count = min(max(math.ceil(self.riskiest * n - _ROUNDING), 1), n - 1)
        chosen = np.zeros(n, dtype=bool)
        chosen[np.argsort(-variances, kind="stable")[:count]] = True
        return chosen
