"""Compiled functions of a feature's last prices, and the loops over history and stream around them.

A feature reads a stretch of a buffer that ends with the current observation and is as long as its
look-back. Sums run in four lanes, added as ``(a + b) + (c + d)``: fewer waits for the previous
addition, and an order that depends on the length alone. History and stream call the same
functions, so they give the same bytes.

Functions are handed whole buffers and where a stretch starts, never a slice: counting the
references of a slice costs more than the sums over it. The buffer of an instrument holds prices,
simple returns and logarithms, a span apart. Indices are unsigned: numba would test signed ones for
being negative.

A kernel calls kernels of its own file only: numba's cache on disk does not notice an edit of
another file.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from quant_core.features._bars import NO_BAR

__all__ = ["admit", "over_history", "over_stream"]

_RETURNS, _SMA, _EMA, _RSI, _VOLATILITY, _ZSCORE = 0, 1, 2, 3, 4, 5
_MOMENTUM, _BOLLINGER, _ENTROPY, _EFFICIENCY, _HURST = 6, 7, 8, 9, 10
_COUNTED, _SEEN, _BAR = 0, 1, 2
_ONE, _TWO, _THREE, _FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)


@njit(cache=True, error_model="numpy")
def _mean(x: np.ndarray, start: np.uint64, count: np.uint64) -> float:
    # Measured from the oldest: the mean of constant prices is that price to the bit.
    a = b = c = d = 0.0
    origin = x[start]
    i, stop = start, start + count
    whole = start + count // _FOUR * _FOUR
    while i < whole:
        a += x[i] - origin
        b += x[i + _ONE] - origin
        c += x[i + _TWO] - origin
        d += x[i + _THREE] - origin
        i += _FOUR
    while i < stop:
        a += x[i] - origin
        i += _ONE
    return float(origin + ((a + b) + (c + d)) / count)


@njit(cache=True, error_model="numpy")
def _squares(x: np.ndarray, start: np.uint64, count: np.uint64, centre: float) -> float:
    a = b = c = d = 0.0
    i, stop = start, start + count
    whole = start + count // _FOUR * _FOUR
    while i < whole:
        p, q = x[i] - centre, x[i + _ONE] - centre
        r, s = x[i + _TWO] - centre, x[i + _THREE] - centre
        a += p * p
        b += q * q
        c += r * r
        d += s * s
        i += _FOUR
    while i < stop:
        p = x[i] - centre
        a += p * p
        i += _ONE
    return (a + b) + (c + d)


@njit(cache=True, error_model="numpy")
def _weighted(
    x: np.ndarray, start: np.uint64, count: np.uint64, weights: np.ndarray, begin: np.uint64
) -> float:
    a = b = c = d = 0.0
    origin = x[start]
    i, w, stop = start, begin, start + count
    whole = start + count // _FOUR * _FOUR
    while i < whole:
        a += weights[w] * (x[i] - origin)
        b += weights[w + _ONE] * (x[i + _ONE] - origin)
        c += weights[w + _TWO] * (x[i + _TWO] - origin)
        d += weights[w + _THREE] * (x[i + _THREE] - origin)
        i, w = i + _FOUR, w + _FOUR
    while i < stop:
        a += weights[w] * (x[i] - origin)
        i, w = i + _ONE, w + _ONE
    return float(origin + ((a + b) + (c + d)))


@njit(cache=True, error_model="numpy")
def _against(price: float, average: float, relative: float) -> float:
    return price / average - 1.0 if relative > 0.0 else average


@njit(cache=True, error_model="numpy")
def _rsi(
    x: np.ndarray, start: np.uint64, steps: np.uint64, weights: np.ndarray, begin: np.uint64
) -> float:
    net_a = net_b = net_c = net_d = gross_a = gross_b = gross_c = gross_d = 0.0
    i, w, stop = start, begin, start + steps
    whole = start + steps // _FOUR * _FOUR
    while i < whole:
        p = weights[w] * (x[i + _ONE] - x[i])
        q = weights[w + _ONE] * (x[i + _TWO] - x[i + _ONE])
        r = weights[w + _TWO] * (x[i + _THREE] - x[i + _TWO])
        s = weights[w + _THREE] * (x[i + _FOUR] - x[i + _THREE])
        net_a += p
        net_b += q
        net_c += r
        net_d += s
        gross_a += abs(p)
        gross_b += abs(q)
        gross_c += abs(r)
        gross_d += abs(s)
        i, w = i + _FOUR, w + _FOUR
    while i < stop:
        p = weights[w] * (x[i + _ONE] - x[i])
        net_a += p
        gross_a += abs(p)
        i, w = i + _ONE, w + _ONE
    net, gross = (net_a + net_b) + (net_c + net_d), (gross_a + gross_b) + (gross_c + gross_d)
    return 50.0 * (1.0 + net / gross) if gross > 0.0 else 50.0


@njit(cache=True, error_model="numpy")
def _zscore(distance: float, deviation: float) -> float:
    return distance / deviation if deviation > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def _bollinger(distance: float, deviation: float, width: float) -> float:
    return 0.5 + distance / (width * deviation) if deviation > 0.0 else 0.5


@njit(cache=True, error_model="numpy", inline="always")
def _pattern(x: np.ndarray, first: np.uint64, order: int, lag: np.uint64) -> int:
    # The Lehmer code: of each price, how many later ones are smaller. Equal ones keep their order.
    code = 0
    for i in range(order - 1):
        smaller = 0
        for j in range(i + 1, order):
            smaller += x[first + np.uint64(j) * lag] < x[first + np.uint64(i) * lag]
        code = code * (order - i) + smaller
    return code


@njit(cache=True, error_model="numpy")
def _permutation_entropy(
    x: np.ndarray,
    start: np.uint64,
    count: np.uint64,
    order: np.uint64,
    lag: np.uint64,
    largest: float,
    counts: np.ndarray,
) -> float:
    for code in range(len(counts)):
        counts[code] = 0
    patterns = count - (order - _ONE) * lag
    if order == _THREE:  # the usual order, unrolled: same codes, a third of the time
        for i in range(start, start + patterns):
            p, q, r = x[i], x[i + lag], x[i + _TWO * lag]
            counts[np.uint64(2 * (int(q < p) + int(r < p)) + int(r < q))] += 1
    else:
        for i in range(start, start + patterns):
            counts[_pattern(x, np.uint64(i), int(order), lag)] += 1
    entropy = 0.0
    for code in range(len(counts)):
        if counts[code] > 0:
            share = counts[code] / patterns
            entropy -= share * math.log2(share)
    return min(max(entropy, 0.0) / largest, 1.0)


@njit(cache=True, error_model="numpy")
def _efficiency_ratio(x: np.ndarray, start: np.uint64, steps: np.uint64) -> float:
    a = b = 0.0
    i, stop = start, start + steps
    whole = start + steps // _TWO * _TWO
    while i < whole:
        a += abs(x[i + _ONE] - x[i])
        b += abs(x[i + _TWO] - x[i + _ONE])
        i += _TWO
    while i < stop:
        a += abs(x[i + _ONE] - x[i])
        i += _ONE
    path = a + b
    return min(abs(x[stop] - x[start]) / path, 1.0) if path > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def _mean_square_change(x: np.ndarray, start: np.uint64, steps: np.uint64, lag: np.uint64) -> float:
    a = b = c = d = 0.0
    i, stop = start, start + steps
    whole = start + steps // _FOUR * _FOUR
    while i < whole:
        later = i + lag
        p, q = x[later] - x[i], x[later + _ONE] - x[i + _ONE]
        r, s = x[later + _TWO] - x[i + _TWO], x[later + _THREE] - x[i + _THREE]
        a += p * p
        b += q * q
        c += r * r
        d += s * s
        i += _FOUR
    while i < stop:
        p = x[i + lag] - x[i]
        a += p * p
        i += _ONE
    return ((a + b) + (c + d)) / steps


@njit(cache=True, error_model="numpy")
def _hurst(x: np.ndarray, start: np.uint64, count: np.uint64) -> float:
    lags, lag = 0, _ONE
    while _FOUR * lag <= count:
        lags += 1
        lag *= _TWO
    first = _mean_square_change(x, start, count - _ONE, _ONE)
    if first == 0.0:
        return 0.5
    middle = (lags - 1) / 2
    slope, lag = 0.0, _ONE
    for j in range(lags):
        # A path that comes back to where it was has no change at some lag: no logarithm.
        change = max(_mean_square_change(x, start, count - lag, lag), 1e-12 * first)
        slope += (j - middle) * math.log2(change)
        lag *= _TWO
    exponent = slope / (lags * (lags * lags - 1) / 12.0) / 2.0
    return min(max(exponent, 0.0), 1.0)


@njit(cache=True, error_model="numpy")
def _rows(  # noqa: C901, PLR0912, PLR0917 - one branch a kind, arrays apart
    x: np.ndarray,
    first: np.uint64,
    last: np.uint64,
    span: np.uint64,
    held: np.uint64,
    whole: np.ndarray,
    numbers: np.ndarray,
    counts: np.ndarray,
    out: np.ndarray,
    at: np.uint64,
    stride: np.uint64,
) -> None:
    """Compute every feature of the observations before ``first``, ..., before ``last``.

    One loop with all branches: a function between it and the sums would count references anew for
    each value.
    """
    for stop in range(first, last + _ONE):
        recent = stop - _ONE
        for f in range(np.uint64(len(whole))):
            kind, count, lag, begin = whole[f, 0], whole[f, 1], whole[f, 3], whole[f, 4]
            start, real = stop - count, numbers[f]
            if held < count:
                value = np.nan
            elif kind == _RETURNS:
                value = x[recent] / x[start] - 1.0
            elif kind == _SMA:
                value = _against(x[recent], _mean(x, start, count), real)
            elif kind == _EMA:
                value = _against(x[recent], _weighted(x, start, count, numbers, begin), real)
            elif kind == _RSI:
                value = _rsi(x, start, count - _ONE, numbers, begin)
            elif kind == _VOLATILITY:
                start, count = span + start + _ONE, count - _ONE
                mean = _mean(x, start, count)
                value = math.sqrt(_squares(x, start, count, mean) / (count - _ONE))
            elif kind == _ZSCORE:
                mean = _mean(x, start, count)
                deviation = math.sqrt(_squares(x, start, count, mean) / (count - _ONE))
                value = _zscore(x[recent] - mean, deviation)
            elif kind == _MOMENTUM:
                value = x[recent - lag] / x[start] - 1.0
            elif kind == _BOLLINGER:
                mean = _mean(x, start, count)
                deviation = math.sqrt(_squares(x, start, count, mean) / count)
                value = _bollinger(x[recent] - mean, deviation, real)
            elif kind == _ENTROPY:
                value = _permutation_entropy(x, start, count, whole[f, 2], lag, real, counts)
            elif kind == _EFFICIENCY:
                value = _efficiency_ratio(x, start, count - _ONE)
            else:
                value = _hurst(x, _TWO * span + start, count)
            out[at + f] = value
        held, at = held + _ONE, at + stride


@njit(cache=True, error_model="numpy")
def over_history(
    prices: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    whole: np.ndarray,
    numbers: np.ndarray,
    counts: np.ndarray,
    out: np.ndarray,
) -> None:
    """Compute every feature at every row of every column.

    Parameters
    ----------
    prices : numpy.ndarray of float64, shape (n, T)
        One row an instrument.
    first, last : numpy.ndarray of int64, shape (n,)
        Its observations are ``[first, last)``.
    whole, numbers, counts : numpy.ndarray
        What to compute, an `Encoded`.
    out : numpy.ndarray of float64, shape (T n F,)
        Filled in where there are observations: rows, in each the instruments, in each the features.
    """
    instruments, rows = prices.shape
    span, features = np.uint64(rows), np.uint64(len(whole))
    stride = np.uint64(instruments) * features
    x = np.empty(3 * rows)
    for j in range(instruments):
        begin, end = np.uint64(first[j]), np.uint64(last[j])
        for t in range(begin, end):
            price = prices[j, t]
            before = prices[j, t - _ONE] if t > begin else price
            x[t] = price
            x[span + t] = price / before - 1.0
            x[_TWO * span + t] = math.log(price)
        at = begin * stride + np.uint64(j) * features
        _rows(x, begin + _ONE, end, span, _ONE, whole, numbers, counts, out, at, stride)


@njit(cache=True, error_model="numpy")
def _fault(
    known: np.ndarray, instrument: np.ndarray, price: np.ndarray, codes: np.ndarray
) -> tuple[int, int]:
    names = len(known)
    for k in range(len(instrument)):
        if not 0 <= instrument[k] < names:
            return 1, k
    for k in range(len(price)):
        if not 0.0 < price[k] < np.inf:
            return 2, k
    for k in range(len(instrument)):
        codes[k] = known[instrument[k]]
        if codes[k] < 0:
            return 3, k
    return 0, -1


@njit(cache=True, error_model="numpy")
def admit(
    known: np.ndarray,
    instrument: np.ndarray,
    ts: np.ndarray,
    price: np.ndarray,
    latest: np.ndarray,
    codes: np.ndarray,
) -> tuple[int, int]:
    """Look for what is wrong with a batch of ticks, and take note of their instants if nothing is.

    Parameters
    ----------
    known : numpy.ndarray of int64, shape (names,)
        Place in the rings of each name, -1 of one not seen before.
    instrument, ts, price : numpy.ndarray, shape (R,)
        The ticks.
    latest : numpy.ndarray of int64, shape (2, N)
        The latest instant of each instrument, moved on unless something is wrong; and scratch.
    codes : numpy.ndarray of int64, shape (R,)
        Filled in: the place in the rings of each tick's instrument.

    Returns
    -------
    tuple of int, int
        0, or what is wrong: 1 for an instrument without a name, 2 for a price that is not positive
        and finite, 3 for a name not seen before, 4 for a tick before one of its instrument. Then
        the first such tick.
    """
    reason, tick = _fault(known, instrument, price, codes)
    if reason:
        return reason, tick
    for k in range(len(codes)):
        latest[1, codes[k]] = latest[0, codes[k]]
    for k in range(len(codes)):
        code = codes[k]
        if ts[k] < latest[1, code]:
            return 4, k
        latest[1, code] = ts[k]
    for k in range(len(codes)):
        latest[0, codes[k]] = latest[1, codes[k]]
    return 0, -1


@njit(cache=True, error_model="numpy")
def _remember(block: np.ndarray, base: int, length: int, count: int, price: float) -> int:
    """Write an observation twice, so that the last ones always lie side by side."""
    at = base + count % length
    before = block[at + length - 1] if count > 0 else price
    change, level = price / before - 1.0, math.log(price)
    for place in (at, at + length):
        block[place] = price
        block[place + 2 * length] = change
        block[place + 4 * length] = level
    return at + length + 1


@njit(cache=True, error_model="numpy")
def over_stream(  # noqa: PLR0917 - a tuple of arrays costs more than the arrays
    codes: np.ndarray,
    ts: np.ndarray,
    price: np.ndarray,
    width: int,
    length: int,
    block: np.ndarray,
    marks: np.ndarray,
    close: np.ndarray,
    whole: np.ndarray,
    numbers: np.ndarray,
    counts: np.ndarray,
    placed: np.ndarray,
    out: np.ndarray,
) -> int:
    """Take ticks in order, and compute the features of every observation that they complete.

    Parameters
    ----------
    codes, ts, price : numpy.ndarray, shape (R,)
        The ticks: place in the rings, nanoseconds, price.
    width, length : int
        Nanoseconds of a bar, 0 where every tick is an observation; observations of a ring.
    block, marks, close : numpy.ndarray
        The rings, a `State`; moved on.
    whole, numbers, counts : numpy.ndarray
        What to compute, an `Encoded`.
    placed : numpy.ndarray of int64, shape (5, R)
        Filled in for each observation: the tick that completed it, its instrument, count and seen
        after it, and the instant of the tick.
    out : numpy.ndarray of float64, shape (R F,)
        Filled in: the features of each observation.

    Returns
    -------
    int
        Observations completed.
    """
    rows = 0
    span, features = np.uint64(2 * length), np.uint64(len(whole))
    for k in range(len(price)):
        code, observed = codes[k], price[k]
        if width > 0:
            now, open_bar, closing = ts[k] // width, marks[_BAR, code], close[code]
            marks[_BAR, code], close[code] = now, observed
            if open_bar in (NO_BAR, now):
                continue
            observed = closing
        count = marks[_COUNTED, code]
        stop = np.uint64(_remember(block, code * 6 * length, length, count, observed))
        count += 1
        marks[_COUNTED, code] = count
        marks[_SEEN, code] += 1
        placed[0, rows], placed[1, rows], placed[2, rows] = k, code, count
        placed[3, rows], placed[4, rows] = marks[_SEEN, code], ts[k]
        held, at = np.uint64(min(count, length)), np.uint64(rows) * features
        _rows(block, stop, stop, span, held, whole, numbers, counts, out, at, features)
        rows += 1
    return rows
