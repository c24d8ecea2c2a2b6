"""Streams: the returns of following a strategy's signals on one asset, in one direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quant_core.atoms import Atom
from quant_core.data import ReturnsMatrix
from quant_core.errors import DataError
from quant_core.strategies._plan import strategy_symbols
from quant_core.strategies._signals import month_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quant_core.atoms import Direction
    from quant_core.config import TournamentConfig

__all__ = ["MONTHS_HELD", "atom_returns", "stream", "streams_of"]

MONTHS_HELD = 2
"""Months before its own that a stream's return reads: no signal is held for longer."""


def stream(
    signals: np.ndarray, returns: np.ndarray, direction: Direction, *, rate: float
) -> np.ndarray:
    """Return the stream of following signals in one direction.

    The position taken at close ``t`` earns the return of row ``t + 1`` and is stamped there. A
    position stays until the next signal. A short stream holds the asset's negative: the solver
    sees a long-only atom that loses at most everything.

    Parameters
    ----------
    signals : numpy.ndarray of float64, shape (T, n)
        Signals in [-1, 1] at each close, NaN where there is none.
    returns : numpy.ndarray of float64, shape (T, n)
        Returns of the assets, NaN where there is none.
    direction : {"long", "short"}
        Which part of the signals is followed.
    rate : float
        Cost as a fraction of the traded value.

    Returns
    -------
    numpy.ndarray of float64, shape (T, n)
        ``max(s p, 0) s r - rate |change of position|`` with s = 1 for long and -1 for short, at
        least -1; NaN where there is no position yet or no return.
    """
    sign = -1.0 if direction == "short" else 1.0
    held = np.full(signals.shape, np.nan)
    held[1:] = _last(np.maximum(sign * signals, 0.0) + 0.0)[:-1]
    # A position that earns nothing for want of a return is paid for where it earns again.
    earning = np.where(np.isnan(returns), np.nan, held)
    before = np.zeros(signals.shape)
    before[1:] = np.nan_to_num(_last(earning)[:-1])
    return np.maximum(earning * (sign * returns) - rate * np.abs(earning - before), -1.0)


def _last(values: np.ndarray) -> np.ndarray:
    """Return the last value that is no NaN, row by row."""
    rows = np.where(np.isnan(values), -1, np.arange(len(values))[:, None])
    last = np.maximum.accumulate(rows, axis=0)
    return np.where(last < 0, np.nan, np.take_along_axis(values, np.maximum(last, 0), axis=0))


def streams_of(
    signals: Mapping[str, np.ndarray],
    matrix: ReturnsMatrix,
    config: TournamentConfig,
    months: Iterable[str],
) -> dict[Atom, np.ndarray]:
    """Return the streams of every strategy over months.

    Each month is computed from itself and the `MONTHS_HELD` months before it.

    Parameters
    ----------
    signals : mapping of str to numpy.ndarray, shape (T, n)
        Signals by strategy.
    matrix : ReturnsMatrix
        Returns of the assets on the same dates.
    config : TournamentConfig
        The configuration; its costs are charged for every change of a position.
    months : iterable of str
        The months, ``YYYY-MM``; elsewhere the streams are NaN.

    Returns
    -------
    dict of Atom to numpy.ndarray, shape (T,)
        By atom, those without any return left out.
    """
    wanted = list(months)
    found: dict[Atom, np.ndarray] = {}
    for strategy in config.strategies:
        symbols = strategy_symbols(strategy, matrix.symbols, config.benchmark)
        columns = matrix.columns(symbols)
        own = signals[strategy.name][:, columns], matrix.values[:, columns]
        for direction in strategy.directions:
            whole = np.full((len(matrix.dates), len(columns)), np.nan)
            for month in wanted:
                rows = month_rows(matrix.dates, month, before=MONTHS_HELD)
                own_rows = month_rows(matrix.dates, month)
                block = stream(own[0][rows], own[1][rows], direction, rate=config.costs.rate)
                whole[own_rows] = block[own_rows.start - rows.start :]
            for number, symbol in enumerate(symbols):
                if not np.isnan(whole[:, number]).all():
                    found[Atom(symbol, strategy.name, direction)] = whole[:, number]
    return found


def atom_returns(matrix: ReturnsMatrix, streams: Mapping[Atom, np.ndarray]) -> ReturnsMatrix:
    """Return the matrix that the tournament reads: the assets, and the streams beside them.

    Raises
    ------
    DataError
        If an asset is called what a stream is.
    """
    names = [atom.column for atom in streams]
    taken = sorted(set(names) & set(matrix.symbols))
    if taken:
        raise DataError(
            f"atom {taken[0]}: an asset of the data has the name of a strategy's stream; rename "
            "the strategy, or leave the asset out by data.exclude"
        )
    columns: Sequence[str] = [*matrix.symbols, *names]
    order = sorted(range(len(columns)), key=columns.__getitem__)
    values = np.column_stack([matrix.values, *streams.values()])
    symbols = tuple(columns[number] for number in order)
    return ReturnsMatrix(matrix.dates, symbols, values[:, order])
