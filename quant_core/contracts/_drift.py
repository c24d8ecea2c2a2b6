"""How far a sample is from the history before it."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["kolmogorov_smirnov", "population_stability"]

_LEAST_SHARE = 1e-4
_TERMS = 100
_NO_DISTANCE = 0.2


def population_stability(history: np.ndarray, recent: np.ndarray, *, bins: int = 10) -> float:
    """Return the population stability index of a sample against its history.

    Bins are the quantiles of the history. Below 0.1 counts as stable, above 0.25 as shifted.

    Parameters
    ----------
    history, recent : numpy.ndarray of float, shape (m,) and (n,)
        Finite values; neither may be empty.
    bins : int
        Bins; quantiles that coincide make fewer.

    Returns
    -------
    float
        ``sum((q - p) ln(q / p))`` over the bins, p and q the shares of history and sample, each at
        least 1e-4. Zero if and only if the shares agree.

    References
    ----------
    Siddiqi, N. (2006), Credit Risk Scorecards, Wiley, ch. 10; it is Jeffreys' divergence of the
    binned distributions, Jeffreys, H. (1946), Proc. R. Soc. A 186, 453-461.
    """
    inner = np.unique(np.quantile(history, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    shares = [
        np.bincount(np.searchsorted(inner, values, side="right"), minlength=len(inner) + 1)
        / len(values)
        for values in (history, recent)
    ]
    before, now = (np.maximum(share, _LEAST_SHARE) for share in shares)
    return float(((now - before) * np.log(now / before)).sum())


def kolmogorov_smirnov(history: np.ndarray, recent: np.ndarray) -> tuple[float, float]:
    """Return the two-sample Kolmogorov-Smirnov distance, and its asymptotic p-value.

    Parameters
    ----------
    history, recent : numpy.ndarray of float, shape (m,) and (n,)
        Finite values; neither may be empty.

    Returns
    -------
    distance : float
        The largest distance of the empirical distribution functions.
    p_value : float
        Probability of such a distance between samples of one continuous distribution.

    References
    ----------
    Smirnov, N. (1948), Ann. Math. Statist. 19, 279-281; the correction of the argument for small
    samples is Stephens, M. A. (1970), J. R. Stat. Soc. B 32, 115-122.
    """
    old, new = np.sort(history), np.sort(recent)
    both = np.concatenate([old, new])
    steps = [np.searchsorted(one, both, side="right") / len(one) for one in (old, new)]
    distance = float(np.abs(steps[0] - steps[1]).max())
    root = math.sqrt(len(old) * len(new) / (len(old) + len(new)))
    argument = (root + 0.12 + 0.11 / root) * distance
    if argument < _NO_DISTANCE:
        return distance, 1.0  # the series below needs ever more terms, and is 1 to twelve digits
    terms = np.arange(1, _TERMS + 1)
    series = float(2.0 * ((-1.0) ** (terms - 1) * np.exp(-2.0 * (terms * argument) ** 2)).sum())
    return distance, min(max(series, 0.0), 1.0)
