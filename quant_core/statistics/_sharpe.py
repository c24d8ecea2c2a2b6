"""What luck explains of a Sharpe ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import DataError
from quant_core.statistics._normal import cumulative, quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["deflated_sharpe", "expected_maximum_sharpe", "probabilistic_sharpe"]


def probabilistic_sharpe(
    sharpe: ArrayLike,
    *,
    observations: ArrayLike,
    skewness: ArrayLike,
    kurtosis: ArrayLike,
    benchmark: ArrayLike = 0.0,
) -> np.ndarray:
    r"""Return the probability that a true Sharpe ratio exceeds a benchmark.

    .. math:: PSR = \Phi\left(\frac{(SR - SR^*) \sqrt{T - 1}}
              {\sqrt{1 - \gamma_3 SR + \frac{\gamma_4 - 1}{4} SR^2}}\right)

    Parameters
    ----------
    sharpe : array_like, shape (P,)
        Sharpe ratio of a period, not annualized.
    observations : array_like of int, shape (P,) or ()
        Number of periods T.
    skewness, kurtosis : array_like, shape (P,)
        Third and fourth standardized moment of the returns; the kurtosis of a normal is 3.
    benchmark : array_like, shape (P,) or ()
        Sharpe ratio SR* of a period to compare with.

    Returns
    -------
    numpy.ndarray, shape (P,)
        Probabilities; NaN where a figure is NaN, where there are fewer than two observations, or
        where the estimated variance of the ratio is not positive.

    References
    ----------
    Bailey, D. H. and Lopez de Prado, M. (2012). The Sharpe Ratio Efficient Frontier. Journal of
    Risk 15(2).
    """
    ratio = np.asarray(sharpe, dtype=np.float64)
    spread = (
        1.0
        - np.asarray(skewness, dtype=np.float64) * ratio
        + (np.asarray(kurtosis, dtype=np.float64) - 1.0) / 4.0 * ratio**2
    )
    degrees = np.asarray(observations, dtype=np.float64) - 1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        score = (ratio - np.asarray(benchmark)) * np.sqrt(degrees) / np.sqrt(spread)
        return cumulative(np.where((degrees > 0.0) & (spread > 0.0), score, np.nan))


def expected_maximum_sharpe(*, variance: float, trials: int) -> float:
    r"""Return the Sharpe ratio that the best of many worthless trials is expected to show.

    .. math:: SR_0 = \sqrt{V} \left((1 - \gamma) \Phi^{-1}\left(1 - \frac{1}{N}\right)
              + \gamma \Phi^{-1}\left(1 - \frac{1}{N e}\right)\right)

    with the Euler-Mascheroni constant gamma (the false strategy theorem).

    Parameters
    ----------
    variance : float
        Variance of the Sharpe ratios over the trials, of a period if they are.
    trials : int
        Number of independent trials N. One trial selects nothing: its expected maximum is 0.

    Raises
    ------
    DataError
        If ``trials`` is below 1 or ``variance`` is negative or not finite.

    References
    ----------
    Bailey, D. H. and Lopez de Prado, M. (2014). The Deflated Sharpe Ratio. Journal of Portfolio
    Management 40(5), equation 1.
    """
    if trials < 1:
        raise DataError(f"trials: expected at least 1, found {trials}")
    if not 0.0 <= variance < np.inf:
        raise DataError(f"variance: expected a finite variance >= 0, found {variance}")
    if trials == 1:
        return 0.0
    first, second = quantile(1.0 - 1.0 / trials), quantile(1.0 - 1.0 / (trials * np.e))
    return float(np.sqrt(variance) * ((1.0 - np.euler_gamma) * first + np.euler_gamma * second))


def deflated_sharpe(
    sharpe: ArrayLike,
    *,
    observations: ArrayLike,
    skewness: ArrayLike,
    kurtosis: ArrayLike,
    variance: float,
    trials: int,
) -> np.ndarray:
    """Return the probability that a true Sharpe ratio exceeds what the luckiest trial shows.

    It is the probabilistic Sharpe ratio against `expected_maximum_sharpe`.

    Parameters
    ----------
    sharpe : array_like, shape (P,)
        Sharpe ratio of a period, not annualized.
    observations : array_like of int, shape (P,) or ()
        Number of periods.
    skewness, kurtosis : array_like, shape (P,)
        Third and fourth standardized moment of the returns; the kurtosis of a normal is 3.
    variance : float
        Variance of the Sharpe ratios of a period over the trials.
    trials : int
        Number of independent trials.

    Returns
    -------
    numpy.ndarray, shape (P,)
        Probabilities; NaN where `probabilistic_sharpe` is.

    Raises
    ------
    DataError
        If ``trials`` is below 1 or ``variance`` is negative or not finite.

    References
    ----------
    Bailey, D. H. and Lopez de Prado, M. (2014). The Deflated Sharpe Ratio. Journal of Portfolio
    Management 40(5), equation 2.

    Examples
    --------
    The example of the paper: the best of 100 trials over five years of 250 days.

    >>> found = deflated_sharpe(
    ...     2.5 / 250**0.5,
    ...     observations=1250,
    ...     skewness=-3,
    ...     kurtosis=10,
    ...     variance=0.5 / 250,
    ...     trials=100,
    ... )
    >>> round(float(found), 4)
    0.9004
    """
    return probabilistic_sharpe(
        sharpe,
        observations=observations,
        skewness=skewness,
        kurtosis=kurtosis,
        benchmark=expected_maximum_sharpe(variance=variance, trials=trials),
    )
