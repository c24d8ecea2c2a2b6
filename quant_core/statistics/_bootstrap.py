"""An interval for the Sharpe ratio by the stationary bootstrap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quant_core.clock import generator
from quant_core.errors import DataError

__all__ = ["SharpeInterval", "bootstrap_sharpe_interval"]

_CONSTANT = 1e-20
_PATHS_AT_ONCE = 64


class SharpeInterval(NamedTuple):
    """Bounds of the Sharpe ratio of each path.

    Parameters
    ----------
    low, high : numpy.ndarray, shape (P,)
        Annualized; NaN where a resampled path is constant and so has no ratio.
    """

    low: np.ndarray
    high: np.ndarray


class _Blocks(NamedTuple):
    offsets: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray


def _draw(periods: int, draws: int, mean_block: float, seed: int) -> _Blocks:
    """Cut every draw into blocks: a period starts a new one with probability 1 / mean_block."""
    random = generator(seed, "bootstrap")
    opens = random.random((draws, periods)) < 1.0 / mean_block
    opens[:, 0] = True
    places = np.flatnonzero(opens)
    return _Blocks(
        offsets=np.append(0, np.cumsum(opens.sum(axis=1))),
        starts=random.integers(periods, size=len(places)),
        lengths=np.diff(np.append(places, draws * periods)),
    )


def _ratios(paths: np.ndarray, blocks: _Blocks, risk_free: float) -> np.ndarray:
    from quant_core.statistics._resampling import resampled_sharpe  # noqa: PLC0415 - brings numba

    mean = np.array([path.mean() for path in paths])
    centred = (paths - mean[:, None]).T
    running = np.zeros((2, centred.shape[0] + 1, centred.shape[1]))
    np.cumsum(centred, axis=0, out=running[0, 1:])
    np.cumsum(centred * centred, axis=0, out=running[1, 1:])
    floor = _CONSTANT * np.array([np.mean(path * path) for path in paths])
    found: np.ndarray = resampled_sharpe(running[0], running[1], mean - risk_free, floor, *blocks)
    return found


def _checked(returns: np.ndarray, draws: int, mean_block: float, level: float) -> np.ndarray:
    paths = np.ascontiguousarray(returns, dtype=np.float64)
    if paths.ndim != 2 or paths.shape[1] < 2:  # noqa: PLR2004 - paths by periods; two for a variance
        raise DataError(f"returns: expected shape (P, T) with T at least 2, found {paths.shape}")
    if not np.isfinite(paths).all():
        path, row = (int(place) for place in np.argwhere(~np.isfinite(paths))[0])
        raise DataError(
            f"returns: expected finite returns, found {paths[path, row]} in path {path}, row {row}"
        )
    if draws < 1:
        raise DataError(f"draws: expected at least 1, found {draws}")
    if not 1.0 <= mean_block < np.inf:
        raise DataError(f"mean_block: expected at least 1 period, found {mean_block}")
    if not 0.0 < level < 1.0:
        raise DataError(f"level: expected a probability in (0, 1), found {level}")
    return paths


def bootstrap_sharpe_interval(
    returns: np.ndarray,
    *,
    periods_per_year: float,
    seed: int,
    risk_free: float = 0.0,
    draws: int = 1000,
    mean_block: float = 20.0,
    level: float = 0.95,
) -> SharpeInterval:
    """Return a percentile interval of the annualized Sharpe ratio of each path.

    Each draw joins blocks that start anywhere and have geometric lengths, around the end to the
    beginning, until it is as long as the path. All paths share the draws, so their intervals may
    be compared.

    Parameters
    ----------
    returns : numpy.ndarray, shape (P, T)
        Simple returns of a period, one path a row.
    periods_per_year : float
        Periods in a year, for example 252.
    seed : int
        Seed of the run.
    risk_free : float, default 0.0
        Risk-free simple return of a period.
    draws : int, default 1000
        Number of resampled paths.
    mean_block : float, default 20.0
        Mean length of a block in periods: about a month of trading days, longer than the
        autocorrelation of daily returns and of their volatility in the main.
    level : float, default 0.95
        Coverage of the interval.

    Returns
    -------
    SharpeInterval
        Lower and upper bounds, each of shape (P,).

    Raises
    ------
    DataError
        If a return is not finite, or a shape or a parameter is wrong.

    References
    ----------
    Politis, D. N. and Romano, J. P. (1994). The Stationary Bootstrap. Journal of the American
    Statistical Association 89(428).
    """
    paths = _checked(returns, draws, mean_block, level)
    blocks = _draw(paths.shape[1], draws, mean_block, seed)
    tails = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    bounds = np.empty((2, len(paths)))
    for first in range(0, len(paths), _PATHS_AT_ONCE):
        some = slice(first, first + _PATHS_AT_ONCE)
        ratios = _ratios(paths[some], blocks, risk_free)
        bounds[:, some] = np.quantile(ratios, tails, axis=0)
    bounds *= np.sqrt(periods_per_year)
    return SharpeInterval(bounds[0], bounds[1])
