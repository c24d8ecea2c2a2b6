"""Bars of event time: when one closes, and when its close is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from quant_core.errors import DataError

__all__ = ["NO_BAR", "Bars", "bars", "width_of"]

NO_BAR = -(2**63)
"""In place of the number of a bar, or of an instant: none so far."""

_NANOSECONDS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}


def width_of(sampling: str) -> int:
    """Return the nanoseconds of a bar; 0 where every tick is an observation."""
    return 0 if sampling == "tick" else int(sampling[:-1]) * _NANOSECONDS[sampling[-1]]


@dataclass(frozen=True, slots=True)
class Bars:
    """Observations of one instrument.

    Parameters
    ----------
    start : numpy.ndarray of int64, shape (B,)
        When each bar begins, nanoseconds since 1970-01-01 UTC; of a tick, its instant.
    close : numpy.ndarray of float64, shape (B,)
        Last price of each.
    known : numpy.ndarray of int64, shape (B,)
        The tick that made it known: the first one of a later bar; R, one past the last tick, for
        the bar that is still open. Of a tick, itself.
    """

    start: np.ndarray = field(repr=False)
    close: np.ndarray = field(repr=False)
    known: np.ndarray = field(repr=False)


def bars(ts: np.ndarray, price: np.ndarray, sampling: str) -> Bars:
    """Sample the ticks of one instrument, as `FeatureBank` does.

    Bars are aligned to 1970-01-01 UTC: bar ``b`` of width ``w`` holds the ticks with
    ``b * w <= ts < (b + 1) * w``. A span without a tick has no bar.

    Parameters
    ----------
    ts : numpy.ndarray of int64, shape (R,)
        Instants in nanoseconds, never decreasing.
    price : numpy.ndarray of float64, shape (R,)
        Prices.
    sampling : str
        ``tick``, or a bar such as ``1m``.

    Returns
    -------
    Bars
        The last one is still open, unless ``sampling`` is ``tick``.

    Raises
    ------
    DataError
        If an instant is before the one in front of it.
    """
    ts, price = np.asarray(ts, dtype=np.int64), np.asarray(price, dtype=np.float64)
    if len(ts) and bool((ts[1:] < ts[:-1]).any()):
        row = int(np.flatnonzero(ts[1:] < ts[:-1])[0]) + 1
        raise DataError(f"ts: expected instants that never decrease, found an earlier one at {row}")
    width = width_of(sampling)
    if width == 0:
        return Bars(ts.copy(), price.copy(), np.arange(len(ts)))
    number = ts // width
    known = np.append(np.flatnonzero(number[1:] != number[:-1]) + 1, len(ts))
    known = known if len(ts) else known[:0]
    return Bars(number[known - 1] * width, price[known - 1], known)
