"""Compiled functions of a feature's last prices, and the loops over history and stream around them.

A feature sees an array that ends with the current observation and is as long as its look-back. Sums
run in four lanes, added as ``(a + b) + (c + d)``: fewer waits for the previous addition, and an
order that depends on the length alone. History and stream call the same functions, so they
give the same bytes.

The arrays of an instrument are rows of one block: prices, simple returns and logarithms. A
kernel calls kernels of its own file only: numba's cache on disk does not notice an edit of another
file.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from quant_core.features._bars import NO_BAR

if TYPE_CHECKING:
    from quant_core.features._encoding import Encoded
    from quant_core.features._ring import State

__all__ = ["first_late", "over_history", "over_stream"]

_PRICE, _RETURN, _LOG = 0, 1, 2
_RETURNS, _SMA, _EMA, _RSI, _VOLATILITY, _ZSCORE = 0, 1, 2, 3, 4, 5
_MOMENTUM, _BOLLINGER, _ENTROPY, _EFFICIENCY, _HURST = 6, 7, 8, 9, 10


@njit(cache=True, error_model="numpy")
def _sum(x: np.ndarray, origin: float) -> float:
    a = b = c = d = 0.0
    whole = len(x) // 4 * 4
    for i in range(0, whole, 4):
        a += x[i] - origin
        b += x[i + 1] - origin
        c += x[i + 2] - origin
        d += x[i + 3] - origin
    for i in range(whole, len(x)):
        a += x[i] - origin
    return (a + b) + (c + d)


@njit(cache=True, error_model="numpy")
def _mean(x: np.ndarray) -> float:
    # Measured from the oldest: the mean of constant prices is that price to the bit.
    return float(x[0] + _sum(x, x[0]) / len(x))


@njit(cache=True, error_model="numpy")
def _squares(x: np.ndarray, centre: float) -> float:
    a = b = c = d = 0.0
    whole = len(x) // 4 * 4
    for i in range(0, whole, 4):
        p, q, r, s = x[i] - centre, x[i + 1] - centre, x[i + 2] - centre, x[i + 3] - centre
        a += p * p
        b += q * q
        c += r * r
        d += s * s
    for i in range(whole, len(x)):
        p = x[i] - centre
        a += p * p
    return (a + b) + (c + d)


@njit(cache=True, error_model="numpy")
def _weighted(x: np.ndarray, weights: np.ndarray) -> float:
    a = b = c = d = 0.0
    origin = x[0]
    whole = len(x) // 4 * 4
    for i in range(0, whole, 4):
        a += weights[i] * (x[i] - origin)
        b += weights[i + 1] * (x[i + 1] - origin)
        c += weights[i + 2] * (x[i + 2] - origin)
        d += weights[i + 3] * (x[i + 3] - origin)
    for i in range(whole, len(x)):
        a += weights[i] * (x[i] - origin)
    return float(origin + ((a + b) + (c + d)))


@njit(cache=True, error_model="numpy")
def _against(price: float, average: float, relative: float) -> float:
    return price / average - 1.0 if relative > 0.0 else average


@njit(cache=True, error_model="numpy")
def _rsi(x: np.ndarray, weights: np.ndarray) -> float:
    net_a = net_b = net_c = net_d = gross_a = gross_b = gross_c = gross_d = 0.0
    steps = len(x) - 1
    later = x[1:]
    whole = steps // 4 * 4
    for i in range(0, whole, 4):
        p, q = weights[i] * (later[i] - x[i]), weights[i + 1] * (later[i + 1] - x[i + 1])
        r, s = (
            weights[i + 2] * (later[i + 2] - x[i + 2]),
            weights[i + 3] * (later[i + 3] - x[i + 3]),
        )
        net_a += p
        net_b += q
        net_c += r
        net_d += s
        gross_a += abs(p)
        gross_b += abs(q)
        gross_c += abs(r)
        gross_d += abs(s)
    for i in range(whole, steps):
        p = weights[i] * (later[i] - x[i])
        net_a += p
        gross_a += abs(p)
    net, gross = (net_a + net_b) + (net_c + net_d), (gross_a + gross_b) + (gross_c + gross_d)
    return 50.0 * (1.0 + net / gross) if gross > 0.0 else 50.0


@njit(cache=True, error_model="numpy")
def _volatility(returns: np.ndarray) -> float:
    return math.sqrt(_squares(returns, _mean(returns)) / (len(returns) - 1))


@njit(cache=True, error_model="numpy")
def _zscore(x: np.ndarray) -> float:
    mean = _mean(x)
    deviation = math.sqrt(_squares(x, mean) / (len(x) - 1))
    return (x[-1] - mean) / deviation if deviation > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def _bollinger(x: np.ndarray, width: float) -> float:
    mean = _mean(x)
    deviation = math.sqrt(_squares(x, mean) / len(x))
    return 0.5 + (x[-1] - mean) / (width * deviation) if deviation > 0.0 else 0.5


@njit(cache=True, error_model="numpy")
def _pattern(x: np.ndarray, first: int, order: int, lag: int) -> int:
    # The Lehmer code: of each price, how many later ones are smaller. Equal ones keep their order.
    code = 0
    for i in range(order - 1):
        smaller = 0
        for j in range(i + 1, order):
            smaller += x[first + j * lag] < x[first + i * lag]
        code = code * (order - i) + smaller
    return code


@njit(cache=True, error_model="numpy")
def _permutation_entropy(
    x: np.ndarray, order: int, lag: int, largest: float, counts: np.ndarray
) -> float:
    counts[:] = 0
    patterns = len(x) - (order - 1) * lag
    if order == 3:  # noqa: PLR2004 - the usual order, unrolled: same codes, a third of the time
        for i in range(patterns):
            p, q, r = x[i], x[i + lag], x[i + 2 * lag]
            counts[2 * (int(q < p) + int(r < p)) + int(r < q)] += 1
    else:
        for i in range(patterns):
            counts[_pattern(x, i, order, lag)] += 1
    entropy = 0.0
    for count in counts:
        if count > 0:
            share = count / patterns
            entropy -= share * math.log2(share)
    return min(max(entropy, 0.0) / largest, 1.0)


@njit(cache=True, error_model="numpy")
def _efficiency_ratio(x: np.ndarray) -> float:
    a = b = 0.0
    steps = len(x) - 1
    whole = steps // 2 * 2
    for i in range(0, whole, 2):
        a += abs(x[i + 1] - x[i])
        b += abs(x[i + 2] - x[i + 1])
    for i in range(whole, steps):
        a += abs(x[i + 1] - x[i])
    path = a + b
    return min(abs(x[-1] - x[0]) / path, 1.0) if path > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def _mean_square_change(x: np.ndarray, lag: int) -> float:
    a = b = c = d = 0.0
    steps = len(x) - lag
    later = x[lag:]
    whole = steps // 4 * 4
    for i in range(0, whole, 4):
        p, q = later[i] - x[i], later[i + 1] - x[i + 1]
        r, s = later[i + 2] - x[i + 2], later[i + 3] - x[i + 3]
        a += p * p
        b += q * q
        c += r * r
        d += s * s
    for i in range(whole, steps):
        p = later[i] - x[i]
        a += p * p
    return ((a + b) + (c + d)) / steps


@njit(cache=True, error_model="numpy")
def _hurst(x: np.ndarray) -> float:
    lags, lag = 0, 1
    while 4 * lag <= len(x):
        lags += 1
        lag *= 2
    first = _mean_square_change(x, 1)
    if first == 0.0:
        return 0.5
    middle = (lags - 1) / 2
    slope, lag = 0.0, 1
    for j in range(lags):
        # A path that comes back to where it was has no change at some lag: no logarithm.
        change = max(_mean_square_change(x, lag), 1e-12 * first)
        slope += (j - middle) * math.log2(change)
        lag *= 2
    exponent = slope / (lags * (lags * lags - 1) / 12.0) / 2.0
    return min(max(exponent, 0.0), 1.0)


@njit(cache=True, error_model="numpy")
def _value(  # noqa: C901 - one line a kind
    whole: np.ndarray,
    real: float,
    weights: np.ndarray,
    counts: np.ndarray,
    price: np.ndarray,
    returns: np.ndarray,
    logs: np.ndarray,
    f: int,
    stop: int,
) -> float:
    kind, start, begin = whole[f, 0], stop - whole[f, 1], whole[f, 4]
    x = price[start:stop]
    if kind == _RETURNS:
        value = x[-1] / x[0] - 1.0
    elif kind == _SMA:
        value = _against(x[-1], _mean(x), real)
    elif kind == _EMA:
        value = _against(x[-1], _weighted(x, weights[begin : begin + len(x)]), real)
    elif kind == _RSI:
        value = _rsi(x, weights[begin : begin + len(x) - 1])
    elif kind == _VOLATILITY:
        value = _volatility(returns[start + 1 : stop])
    elif kind == _ZSCORE:
        value = _zscore(x)
    elif kind == _MOMENTUM:
        value = x[len(x) - 1 - whole[f, 3]] / x[0] - 1.0
    elif kind == _BOLLINGER:
        value = _bollinger(x, real)
    elif kind == _ENTROPY:
        value = _permutation_entropy(x, whole[f, 2], whole[f, 3], real, counts)
    elif kind == _EFFICIENCY:
        value = _efficiency_ratio(x)
    else:
        value = _hurst(logs[start:stop])
    return float(value)


@njit(cache=True, error_model="numpy")
def _row(features: Encoded, block: np.ndarray, stop: int, held: int, out: np.ndarray) -> None:
    # Arrays taken out once: each look into a tuple counts references, which costs more than a sum.
    whole, real, weights, counts = features
    price, returns, logs = block[_PRICE], block[_RETURN], block[_LOG]
    for f in range(len(out)):
        out[f] = np.nan
        if held >= whole[f, 1]:
            out[f] = _value(whole, real[f], weights, counts, price, returns, logs, f, stop)


@njit(cache=True, error_model="numpy")
def over_history(
    prices: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    features: Encoded,
    out: np.ndarray,
) -> None:
    """Compute every feature at every row of every column.

    Parameters
    ----------
    prices : numpy.ndarray of float64, shape (n, T)
        One row an instrument.
    first, last : numpy.ndarray of int64, shape (n,)
        Its observations are ``[first, last)``.
    features : Encoded
        What to compute.
    out : numpy.ndarray of float64, shape (T, n, F)
        Filled in.
    """
    block = np.empty((3, prices.shape[1]))
    for j in range(len(prices)):
        out[: first[j], j] = np.nan
        out[last[j] :, j] = np.nan
        for t in range(first[j], last[j]):
            price = prices[j, t]
            before = prices[j, t - 1] if t > first[j] else price
            block[_PRICE, t] = price
            block[_RETURN, t] = price / before - 1.0
            block[_LOG, t] = math.log(price)
            _row(features, block, t + 1, t + 1 - first[j], out[t, j])


@njit(cache=True, error_model="numpy")
def first_late(
    instrument: np.ndarray, ts: np.ndarray, latest: np.ndarray, scratch: np.ndarray
) -> int:
    """Return the first tick that is before one of its instrument, or -1 and move ``latest`` on.

    Parameters
    ----------
    instrument, ts : numpy.ndarray, shape (R,)
        The ticks.
    latest, scratch : numpy.ndarray of int64, shape (N,)
        The latest instant of each instrument, and room for as many.

    Returns
    -------
    int
        Index of the tick; where there is one, ``latest`` is as it was.
    """
    for code in instrument:
        scratch[code] = latest[code]
    for k in range(len(ts)):
        if ts[k] < scratch[instrument[k]]:
            return k
        scratch[instrument[k]] = ts[k]
    for code in instrument:
        latest[code] = scratch[code]
    return -1


@njit(cache=True, error_model="numpy")
def _remember(block: np.ndarray, count: int, price: float) -> int:
    """Write an observation twice, so that the last ones always lie side by side."""
    length = block.shape[1] // 2
    at = count % length
    before = block[_PRICE, at + length - 1] if count > 0 else price
    change, level = price / before - 1.0, math.log(price)
    for place in (at, at + length):
        block[_PRICE, place] = price
        block[_RETURN, place] = change
        block[_LOG, place] = level
    return int(at + length + 1)


@njit(cache=True, error_model="numpy")
def over_stream(
    instrument: np.ndarray,
    ts: np.ndarray,
    price: np.ndarray,
    width: int,
    state: State,
    features: Encoded,
    placed: np.ndarray,
    out: np.ndarray,
) -> int:
    """Take ticks in order, and compute the features of every observation that they complete.

    Parameters
    ----------
    instrument, ts, price : numpy.ndarray, shape (R,)
        The ticks: place in the rings, nanoseconds, price.
    width : int
        Nanoseconds of a bar; 0 where every tick is an observation.
    state : State
        The rings; moved on.
    features : Encoded
        What to compute.
    placed : numpy.ndarray of int64, shape (4, R)
        Filled in for each observation: the tick that completed it, its instrument, and count and
        seen after it.
    out : numpy.ndarray of float64, shape (R, F)
        Filled in: the features of each observation.

    Returns
    -------
    int
        Observations completed.
    """
    rows = 0
    bar, close, count, seen = state.bar, state.close, state.counted, state.seen
    length = state.block.shape[2] // 2
    for k in range(len(price)):
        code, observed = instrument[k], price[k]
        if width > 0:
            now, open_bar = ts[k] // width, bar[code]
            closing = close[code]
            bar[code], close[code] = now, observed
            if open_bar in (NO_BAR, now):
                continue
            observed = closing
        stop = _remember(state.block[code], count[code], observed)
        count[code] += 1
        seen[code] += 1
        placed[0, rows], placed[1, rows] = k, code
        placed[2, rows], placed[3, rows] = count[code], seen[code]
        held = min(count[code], length)
        _row(features, state.block[code], stop, held, out[rows])
        rows += 1
    return rows
