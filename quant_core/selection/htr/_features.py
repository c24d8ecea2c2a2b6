"""What candidates are judged by: one number a feature over the whole train period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import ConfigError, DataError
from quant_core.features import FeatureSet

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FEATURES", "column", "price_paths", "train_features", "train_span"]

FEATURES = ("momentum", "volatility", "entropy", "efficiency", "hurst")
"""Columns that scores and vetoes read, in the order in which a score multiplies them."""

_SHORTEST, _LONGEST = 7, 9_999


def price_paths(returns: np.ndarray) -> np.ndarray:
    """Return prices that begin at 1 and have these returns, shape (T + 1, k)."""
    with np.errstate(over="ignore", invalid="ignore"):
        growth = np.cumprod(1.0 + returns, axis=0)
    return np.vstack([np.ones((1, returns.shape[1])), growth])


def train_span(order: int) -> tuple[int, int]:
    """Return the fewest and the most observations that the features take."""
    return max(_SHORTEST, order), _LONGEST


def train_features(prices: np.ndarray, *, skip: int = 21, order: int = 3) -> dict[str, np.ndarray]:
    """Compute the features of candidates, each over all of its prices.

    The formulas are those of `quant_core.features.DEFINITIONS` with a window as long as the train
    period: ``momentum``, ``volatility`` an observation, ``entropy`` (permutation entropy of the
    prices), ``efficiency`` (ratio) and ``hurst``. Of a random walk, the entropy is about 0.967 at
    order 3 and the efficiency about ``1 / sqrt(T)``.

    Parameters
    ----------
    prices : numpy.ndarray, shape (T + 1, k)
        Positive prices.
    skip : int
        Latest observations that momentum leaves out; at most all but one.
    order : int
        Prices in an ordinal pattern.

    Returns
    -------
    dict of str to numpy.ndarray, shape (k,)
        One array a name of `FEATURES`.

    Raises
    ------
    ConfigError
        If the train period is shorter than the features need, or longer than they take.
    """
    train, (least, most) = len(prices) - 1, train_span(order)
    if not least <= train <= most:
        raise ConfigError(
            f"windows.train: expected {least} to {most} observations for the features of the "
            f"selection htr, found {train}; change it, or leave the selection out"
        )
    chosen = FeatureSet.model_validate(
        {
            "features": [
                {"kind": "momentum", "window": train, "lag": min(skip, train - 1)},
                {"kind": "volatility", "window": train},
                {"kind": "permutation_entropy", "window": train + 1, "order": order},
                {"kind": "efficiency_ratio", "window": train},
                {"kind": "hurst", "window": train + 1},
            ]
        }
    )
    return dict(zip(FEATURES, chosen.batch(prices)[-1].T, strict=True))


def column(features: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return a feature of every candidate.

    Raises
    ------
    DataError
        If there is no such column, or it is not a number somewhere: that nobody computed it says
        nothing about a candidate.
    """
    if name not in features:
        raise DataError(
            f"feature {name}: expected a column of that name, found "
            f"{', '.join(features) or 'none'}; compute it with train_features"
        )
    values = features[name]
    if np.isnan(values).any():
        raise DataError(
            f"feature {name}: expected a number for every candidate, found NaN for candidate "
            f"{int(np.isnan(values).argmax())}; veto what cannot be measured before"
        )
    return values
