"""Running a simulator on checked input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.errors import DataError

if TYPE_CHECKING:
    from quant_core.simulators._path import SimulatedPath
    from quant_core.simulators._rebalance import Rebalance
    from quant_core.simulators._simulator import Simulator

__all__ = ["code_modules", "simulate"]

_MATRIX_DIMENSIONS = 2
_SUM_TOLERANCE = 1e-6


def _read_only(array: np.ndarray, kind: type[np.generic]) -> np.ndarray:
    # One kind of array also means one compilation of a kernel instead of one per writeability.
    view = np.ascontiguousarray(array, dtype=kind).view()
    view.flags.writeable = False
    return view


def _check_shapes(values: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> None:
    if values.ndim != _MATRIX_DIMENSIONS:
        raise DataError(f"values: expected shape (T, n), found {values.shape}")
    expected = (rows.size, values.shape[1])
    if weights.shape != expected:
        raise DataError(
            f"weights: expected shape {expected} (windows in rows, columns in values), "
            f"found {weights.shape}"
        )


def _check_rows(rows: np.ndarray, days: int) -> None:
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise DataError(f"rows: expected integers of shape (W,), found {rows.dtype} {rows.shape}")
    late = np.flatnonzero(rows[1:] <= rows[:-1])
    if late.size:
        at = int(late[0])
        raise DataError(
            f"rows: expected strictly increasing row numbers, found {rows[at]} then {rows[at + 1]} "
            f"at window {at + 1}"
        )
    if rows.size and (rows[0] < 0 or rows[-1] >= days):
        raise DataError(f"rows: expected row numbers in [0, {days}), found {rows[0]} to {rows[-1]}")


def _check_weights(weights: np.ndarray) -> None:
    finite = np.isfinite(weights)
    if not finite.all():
        window, column = (int(place) for place in np.argwhere(~finite)[0])
        raise DataError(
            f"weights: expected finite weights, found {weights[window, column]} at window "
            f"{window}, column {column}"
        )
    totals = np.abs(weights).sum(axis=1)
    if not (totals <= 1.0 + _SUM_TOLERANCE).all():
        window = int(np.argmax(totals))
        raise DataError(
            "weights: expected absolute values that sum to at most 1 in every window, found "
            f"{totals[window]} at window {window}"
        )


def _check_nav(nav: np.ndarray) -> None:
    wrong = np.flatnonzero(~np.isfinite(nav))
    if wrong.size:
        raise DataError(
            f"values: the path is {nav[wrong[0]]} from row {int(wrong[0])} on; expected finite "
            "returns or NaN, found an infinite one among the atoms held there"
        )


def simulate(
    simulator: Simulator,
    rebalance: Rebalance,
    *,
    values: np.ndarray,
    weights: np.ndarray,
    rows: np.ndarray,
    rate: float,
) -> SimulatedPath:
    """Simulate the path of one cell.

    At the close of row t the value V before the trade is what the holdings carried over are worth
    after the returns of that row, plus cash. Trades go to ``w * V``; their cost, ``rate`` times
    the sum of absolute trades, is paid from cash. Cash earns nothing, and an atom without an
    observation (NaN) stands still. A negative weight is a short position, whose proceeds are cash
    and whose loss has no bound. A path whose value reaches zero is liquidated and stays there.

    Parameters
    ----------
    simulator : Simulator
        Who simulates, for example ``Custom()``.
    rebalance : Rebalance
        When to trade between windows, for example ``WindowRebalance()``.
    values : numpy.ndarray, shape (T, n)
        Simple returns as fractions; NaN where an atom has no observation.
    weights : numpy.ndarray, shape (W, n)
        Target weights of each window, negative where short, absolute values that sum to at most
        1; cash is 1 less their (signed) sum.
    rows : numpy.ndarray of int, shape (W,)
        Row of ``values`` at whose close a window is first traded, strictly increasing.
    rate : float
        Cost as a fraction of traded value, at least 0.

    Returns
    -------
    SimulatedPath
        NAV, turnover and cost of every row.

    Raises
    ------
    DataError
        If shapes disagree, rows do not increase, a weight is not finite, absolute weights sum to
        more than 1 + 1e-6, ``rate`` is negative, or an infinite return is held.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_core.simulators import Custom, WindowRebalance, simulate
    >>> path = simulate(
    ...     Custom(),
    ...     WindowRebalance(),
    ...     values=np.array([[0.5], [0.1]]),
    ...     weights=np.array([[1.0]]),
    ...     rows=np.array([0]),
    ...     rate=0.0,
    ... )
    >>> path.nav.round(6).tolist()
    [1.0, 1.1]
    """
    first_rows = np.asarray(rows)
    returns, targets = _read_only(values, np.float64), _read_only(weights, np.float64)
    _check_shapes(returns, targets, first_rows)
    _check_rows(first_rows, len(returns))
    _check_weights(targets)
    if not 0.0 <= rate < np.inf:
        raise DataError(f"rate: expected a finite cost >= 0 as a fraction, found {rate}")
    path = simulator.run(
        rebalance,
        values=returns,
        weights=targets,
        rows=_read_only(first_rows, np.int64),
        rate=float(rate),
    )
    _check_nav(path.nav)
    return path


def code_modules(simulator: Simulator, rebalance: Rebalance) -> tuple[str, ...]:
    """Return the dotted names of the modules whose code decides the numbers of a path.

    Parameters
    ----------
    simulator : Simulator
        Who simulates.
    rebalance : Rebalance
        When to trade between windows.
    """
    return tuple(sorted({*simulator.modules, type(rebalance).__module__}))
