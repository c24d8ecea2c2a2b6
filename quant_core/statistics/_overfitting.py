"""The probability of backtest overfitting."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from quant_core.errors import DataError

__all__ = ["Overfitting", "probability_of_overfitting"]

_MOST_BLOCKS = 20
_CONSTANT = 1e-20


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What cross-validation says of choosing the best configuration.

    Parameters
    ----------
    pbo : float
        Share of splits whose best in sample ranks at or below the median out of sample.
    probability_of_loss : float
        Share of splits whose best in sample has a Sharpe ratio below 0 out of sample.
    slope, intercept : float
        Least squares line of the out-of-sample on the in-sample ratio of the best: a negative
        slope says that the better it looks, the worse it does. NaN if all in-sample ratios are
        equal.
    logits : numpy.ndarray, shape (K,)
        ln(w / (1 - w)) of each split, w being the rank out of sample over one more than the
        number of configurations.
    in_sample, out_of_sample : numpy.ndarray, shape (K,)
        Sharpe ratio of a period of the best configuration of each split.
    """

    pbo: float
    probability_of_loss: float
    slope: float
    intercept: float
    logits: np.ndarray = field(repr=False)
    in_sample: np.ndarray = field(repr=False)
    out_of_sample: np.ndarray = field(repr=False)

    def histogram(self, bins: int = 25) -> tuple[np.ndarray, np.ndarray]:
        """Return the counts, shape (bins,), and the edges, shape (bins + 1,), of the logits.

        The bins are symmetric about 0, where an even number of them has an edge.
        """
        reach = float(np.abs(self.logits).max())
        return np.histogram(self.logits, bins=bins, range=(-reach or -1.0, reach or 1.0))


def _checked(returns: np.ndarray, blocks: int) -> np.ndarray:
    paths = np.ascontiguousarray(returns, dtype=np.float64)
    if paths.ndim != 2 or len(paths) < 2:  # noqa: PLR2004 - paths by periods; a choice needs two
        raise DataError(
            f"returns: expected shape (P, T) with at least 2 configurations, found {paths.shape}"
        )
    if blocks % 2 or not 2 <= blocks <= _MOST_BLOCKS:  # noqa: PLR2004 - two halves
        raise DataError(f"blocks: expected an even number in [2, {_MOST_BLOCKS}], found {blocks}")
    if paths.shape[1] < 2 * blocks:
        raise DataError(
            f"returns: expected at least {2 * blocks} periods for {blocks} blocks, found "
            f"{paths.shape[1]}; take fewer blocks"
        )
    if not np.isfinite(paths).all():
        path, row = (int(place) for place in np.argwhere(~np.isfinite(paths))[0])
        raise DataError(
            f"returns: expected finite returns, found {paths[path, row]} in path {path}, row {row}"
        )
    return paths


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if not len(x) or x.min() == x.max():
        return np.nan, np.nan
    away = x - x.mean()
    slope = float(np.sum(away * y) / np.sum(away * away))
    return slope, float(y.mean() - slope * x.mean())


def _splits(paths: np.ndarray, blocks: int, risk_free: float) -> np.ndarray:
    from quant_core.statistics._splits import cross_validate  # noqa: PLC0415 - brings numba

    bounds = np.arange(blocks + 1) * paths.shape[1] // blocks
    mean = np.array([path.mean() for path in paths])
    # Centred sums keep the digits that the variance needs.
    centred = paths - mean[:, None]
    sums = np.add.reduceat(centred, bounds[:-1], axis=1).T
    squares = np.add.reduceat(centred * centred, bounds[:-1], axis=1).T
    halves = [half for half in combinations(range(blocks), blocks // 2) if half[0] == 0]
    return np.asarray(
        cross_validate(
            np.array(halves, dtype=np.int64),
            blocks,
            np.ascontiguousarray(sums),
            np.ascontiguousarray(squares),
            np.diff(bounds),
            mean - risk_free,
            _CONSTANT * np.array([np.mean(path * path) for path in paths]),
        )
    )


def probability_of_overfitting(
    returns: np.ndarray, *, blocks: int = 16, risk_free: float = 0.0
) -> Overfitting:
    """Return the probability that the best configuration in sample is a poor one out of sample.

    Combinatorially symmetric cross-validation: the periods are cut into consecutive blocks; for
    every choice of half of them (12,870 for 16) the configuration with the highest Sharpe ratio
    there is ranked on the other half.

    Parameters
    ----------
    returns : numpy.ndarray, shape (P, T)
        Simple returns of a period, one configuration a row.
    blocks : int, default 16
        Number of blocks S, even, at most 20. Their lengths differ by one period at most.
    risk_free : float, default 0.0
        Risk-free simple return of a period.

    Returns
    -------
    Overfitting
        The probability, and what it was counted on.

    Raises
    ------
    DataError
        If there are fewer than two configurations or two periods a block, ``blocks`` is odd or
        out of range, or a return is not finite.

    Notes
    -----
    Ties out of sample get their average rank; of ties in sample the first configuration is
    taken. A configuration that is constant over a half (variance below 1e-20 of its mean square)
    has no Sharpe ratio there and ranks last.

    References
    ----------
    Bailey, D. H., Borwein, J. M., Lopez de Prado, M. and Zhu, Q. J. (2017). The Probability of
    Backtest Overfitting. Journal of Computational Finance 20(4).
    """
    paths = _checked(returns, blocks)
    inside, outside, rank = _splits(paths, blocks, risk_free).T
    share = rank / (len(paths) + 1)
    logits = np.log(share / (1.0 - share))
    slope, intercept = _line(inside, outside)
    return Overfitting(
        pbo=float(np.mean(logits <= 0.0)),
        probability_of_loss=float(np.mean(outside < 0.0)),
        slope=slope,
        intercept=intercept,
        logits=logits,
        in_sample=inside,
        out_of_sample=outside,
    )
