"""Figures of many paths in one pass."""

from __future__ import annotations

import numpy as np

from quant_core.errors import DataError
from quant_core.metrics._names import PATH_FIGURES

__all__ = ["path_metrics", "window_metrics"]

_MATRIX_DIMENSIONS = 2


def _checked(returns: np.ndarray, periods_per_year: float, risk_free: float) -> np.ndarray:
    paths = np.ascontiguousarray(returns, dtype=np.float64)
    if paths.ndim != _MATRIX_DIMENSIONS:
        raise DataError(f"returns: expected shape (P, T), one path a row, found {paths.shape}")
    with np.errstate(all="ignore"):
        suspect = not np.isfinite(paths.sum())
    if suspect and not np.isfinite(paths).all():
        path, row = (int(place) for place in np.argwhere(~np.isfinite(paths))[0])
        raise DataError(
            f"returns: expected finite returns, found {paths[path, row]} in path {path}, row {row}"
        )
    if not 0.0 < periods_per_year < np.inf:
        raise DataError(f"periods_per_year: expected a positive number, found {periods_per_year}")
    if not np.isfinite(risk_free):
        raise DataError(f"risk_free: expected a finite return of a period, found {risk_free}")
    # One writeability, one compilation of the kernel.
    view = paths.view()
    view.flags.writeable = False
    return view


def _checked_starts(starts: np.ndarray, days: int) -> np.ndarray:
    first = np.asarray(starts)
    if first.ndim != 1 or first.dtype.kind not in "iu":
        raise DataError(
            f"starts: expected integers of shape (W,), found {first.dtype} {first.shape}"
        )
    if (first[1:] <= first[:-1]).any() or (first.size and (first[0] < 0 or first[-1] > days)):
        raise DataError(
            f"starts: expected strictly increasing rows in [0, {days}], found {first.tolist()}"
        )
    return first.astype(np.int64)


def _figures(
    paths: np.ndarray, bounds: np.ndarray, periods_per_year: float, risk_free: float
) -> dict[str, np.ndarray]:
    from quant_core.metrics._kernel import figures  # noqa: PLC0415 - brings numba

    found = figures(paths, bounds, float(periods_per_year), float(risk_free), len(PATH_FIGURES))
    return {
        name: np.ascontiguousarray(found[:, :, place]) for place, name in enumerate(PATH_FIGURES)
    }


def path_metrics(
    returns: np.ndarray, *, periods_per_year: float, risk_free: float = 0.0
) -> dict[str, np.ndarray]:
    """Return the figures of whole paths.

    Formulas, units and sources are in `DEFINITIONS`. A figure that is not defined, for example
    the Sharpe ratio of a constant path or of one observation, is NaN; none is ever infinite.

    Parameters
    ----------
    returns : numpy.ndarray, shape (P, T)
        Simple returns of a period, one path a row.
    periods_per_year : float
        Periods in a year, for example 252.
    risk_free : float, default 0.0
        Risk-free simple return of a period.

    Returns
    -------
    dict of str to numpy.ndarray, shape (P,)
        Figures by name. Those of a path depend on that path alone, to the last bit.

    Raises
    ------
    DataError
        If a return is not finite, or a shape or a parameter is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> figures = path_metrics(np.array([[0.1, -0.5, 0.2]]), periods_per_year=3)
    >>> round(float(figures["total_return"][0]), 6), round(float(figures["max_drawdown"][0]), 6)
    (-0.34, -0.5)
    """
    paths = _checked(returns, periods_per_year, risk_free)
    bounds = np.array([0, paths.shape[1]], dtype=np.int64)
    found = _figures(paths, bounds, periods_per_year, risk_free)
    return {name: values[:, 0] for name, values in found.items()}


def window_metrics(
    returns: np.ndarray, starts: np.ndarray, *, periods_per_year: float, risk_free: float = 0.0
) -> dict[str, np.ndarray]:
    """Return the figures of paths window by window.

    Parameters
    ----------
    returns : numpy.ndarray, shape (P, T)
        Simple returns of a period, one path a row.
    starts : numpy.ndarray of int, shape (W,)
        Row of the first return of each window, strictly increasing; window k ends before
        ``starts[k + 1]``, the last one with the path. The weights traded at the close of a row
        earn from the row after it, so the windows of a simulation start at ``rows + 1``. A
        window that starts at T is empty and all its figures are NaN.
    periods_per_year : float
        Periods in a year, for example 252.
    risk_free : float, default 0.0
        Risk-free simple return of a period.

    Returns
    -------
    dict of str to numpy.ndarray, shape (P, W)
        The figures of `path_metrics`, each over the rows of a window alone.

    Raises
    ------
    DataError
        If a return is not finite, or a shape, a start or a parameter is wrong.
    """
    paths = _checked(returns, periods_per_year, risk_free)
    days = paths.shape[1]
    bounds = np.append(_checked_starts(starts, days), days)
    return _figures(paths, bounds, periods_per_year, risk_free)
