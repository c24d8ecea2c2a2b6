"""Vetoes: what a candidate may not be, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from quant_core.selection.htr._features import column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Thresholds", "metadata_vetoes", "passing", "texts"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the features of a candidate may be.

    Parameters
    ----------
    entropy_max : float
        The most disorder: 1 for that of noise.
    efficiency_min : float
        The least share of the way that leads somewhere.
    volatility_min, volatility_max : float
        Standard deviation of the returns of one observation.
    """

    entropy_max: float
    efficiency_min: float
    volatility_min: float
    volatility_max: float

    def relaxed(self, *, entropy: float = 1.2, efficiency: float = 0.8) -> Thresholds:
        """Return ``min(1, entropy_max * entropy)`` and ``efficiency_min * efficiency``.

        Call it on the base: relaxed twice, thresholds drift away from what was asked for.
        """
        return replace(
            self,
            entropy_max=min(1.0, self.entropy_max * entropy),
            efficiency_min=self.efficiency_min * efficiency,
        )

    def vetoes(self, features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return whom each threshold vetoes, by reason.

        Returns
        -------
        dict of str to numpy.ndarray of bool, shape (k,)

        Raises
        ------
        DataError
            If a column is missing, or a value is NaN.
        """
        entropy, efficiency = column(features, "entropy"), column(features, "efficiency")
        volatility = column(features, "volatility")
        return {
            f"entropy above {self.entropy_max:g}": entropy > self.entropy_max,
            f"efficiency below {self.efficiency_min:g}": efficiency < self.efficiency_min,
            f"volatility below {self.volatility_min:g}": volatility < self.volatility_min,
            f"volatility above {self.volatility_max:g}": volatility > self.volatility_max,
        }


def metadata_vetoes(
    returns: np.ndarray, prices: np.ndarray, variance: np.ndarray, coverage_min: float
) -> dict[str, np.ndarray]:
    """Return whom the data veto, by reason: nothing can be measured, or not enough was observed.

    Parameters
    ----------
    returns : numpy.ndarray, shape (T, k)
        Returns of the train period.
    prices : numpy.ndarray, shape (T + 1, k)
        Their prices.
    variance : numpy.ndarray, shape (k,)
        Diagonal of their correlation: NaN for a column without variation.
    coverage_min : float
        The least share of observations at which the price moved.
    """
    moved = (returns != 0.0).mean(axis=0)
    return {
        f"price moved at less than {coverage_min:g} of the observations": moved < coverage_min,
        "lost everything in the train period": ~(prices > 0.0).all(axis=0),
        "prices without a bound": ~np.isfinite(prices).all(axis=0),
        "no variation over the train period": ~np.isfinite(variance),
    }


def passing(vetoes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mark those that no veto concerns."""
    return np.asarray(~np.logical_or.reduce(list(vetoes.values())))


def texts(*vetoes: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Return the reasons that concern each candidate, one after the other."""
    reasons = [reason for some in vetoes for reason in some]
    concerns: Sequence[Sequence[bool]] = np.array(
        [failed for some in vetoes for failed in some.values()]
    ).T.tolist()
    return tuple(
        "; ".join(reason for reason, failed in zip(reasons, row, strict=True) if failed)
        for row in concerns
    )
