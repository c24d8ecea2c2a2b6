"""Compiled loops over the ticks of a batch and the strategies that read them."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = [
    "FAILED_PREDICTION",
    "FAILED_SIGNAL",
    "OPEN",
    "QUARANTINED",
    "SHED",
    "VALID",
    "activate",
    "check",
    "examine",
    "id_bytes",
    "pick",
]

QUARANTINED, SHED, OPEN = 1, 2, 3
VALID, FAILED_PREDICTION, FAILED_SIGNAL = 1, 2, 3


@njit(cache=True)
def check(
    codes: np.ndarray,
    ts: np.ndarray,
    price: np.ndarray,
    bid: np.ndarray,
    ask: np.ndarray,
    size: np.ndarray,
    latest: np.ndarray,
    oldest: int,
    history: int,
    found: np.ndarray,
) -> int:
    """Write the number of each tick's reason for refusal, 0 for none, and return how many have one.

    ``latest`` is the instant of each instrument's last accepted tick, and moves.
    """
    refused = 0
    for row in range(len(ts)):
        code = codes[row]
        reason = 0
        if code < 0:
            reason = -code
        elif not np.isfinite(price[row]) or np.isinf(bid[row]) or np.isinf(ask[row]):
            reason = 3
        elif price[row] <= 0.0 or bid[row] <= 0.0 or ask[row] <= 0.0:
            reason = 4
        elif bid[row] > ask[row]:
            reason = 5
        elif size[row] < 0.0:
            reason = 6
        elif row >= history and ts[row] < oldest:
            reason = 7
        elif ts[row] < latest[code]:
            reason = 8
        else:
            latest[code] = ts[row]
        found[row] = reason
        refused += reason != 0
    return refused


@njit(cache=True)
def activate(  # noqa: PLR0917 - compiled code takes its arrays one by one
    tick: np.ndarray,
    instrument: np.ndarray,
    count: np.ndarray,
    seen: np.ndarray,
    eligible: np.ndarray,
    places: np.ndarray,
    lookback: np.ndarray,
    warmup: np.ndarray,
    closed: np.ndarray,
    remembers: np.ndarray,
    history: int,
    active: np.ndarray,
    dropped: np.ndarray,
) -> int:
    """Write which strategies are asked about which rows, and return how many cells that are.

    ``dropped`` counts the rows that a closed strategy would have been asked about. Rows before
    ``history`` are for strategies only that remember their last signal.
    """
    cells = 0
    for row in range(len(tick)):
        old = tick[row] < history
        for j in range(len(places)):
            place = places[j]
            wanted = (
                eligible[instrument[row], place]
                and count[row] >= lookback[j]
                and seen[row] >= warmup[j]
                and (remembers[place] or not old)
            )
            if wanted and closed[place] != 0:
                wanted = False
                if not old:
                    dropped[place] += 1
            active[row, j] = wanted
            cells += wanted
    return cells


@njit(cache=True)
def examine(  # noqa: PLR0917 - compiled code takes its arrays one by one
    tick: np.ndarray,
    places: np.ndarray,
    active: np.ndarray,
    prediction: np.ndarray,
    signal: np.ndarray,
    history: int,
    status: np.ndarray,
    predictions: np.ndarray,
    signals: np.ndarray,
    valid: np.ndarray,
    failed: np.ndarray,
    warm: np.ndarray,
) -> int:
    """Place a group's cells among those of all strategies, each with its status.

    Returns how many of them failed. ``warm`` becomes true of strategies with a valid cell.

    ``valid`` and ``failed`` count the cells of each strategy; failures before ``history`` were
    told before the restart.
    """
    bad = 0
    for row in range(len(tick)):
        to = tick[row]
        for j in range(len(places)):
            if not active[row, j]:
                continue
            place = places[j]
            value = signal[row, j]
            predictions[to, place] = prediction[row, j]
            signals[to, place] = value
            if not np.isfinite(prediction[row, j]):
                state = FAILED_PREDICTION
            elif not (-1.0 <= value <= 1.0):
                state = FAILED_SIGNAL
            else:
                state = VALID
            if state == VALID:
                valid[place] += 1
                warm[place] = True
            elif to >= history:
                failed[place] += 1
                bad += 1
            else:
                state = 0
            status[to, place] = state
    return bad


@njit(cache=True)
def pick(  # noqa: PLR0917 - compiled code takes its arrays one by one
    status: np.ndarray,
    predictions: np.ndarray,
    signals: np.ndarray,
    mode: np.ndarray,
    instrument: np.ndarray,
    remembers: np.ndarray,
    last: np.ndarray,
    history: int,
    rows: np.ndarray,
    places: np.ndarray,
    modes: np.ndarray,
    predicted: np.ndarray,
    held: np.ndarray,
) -> int:
    """Write the cells to emit, by row and strategy, and return how many there are.

    A strategy that remembers is emitted where its signal differs from ``last``, which moves.
    """
    found = 0
    for row in range(len(instrument)):
        code = instrument[row]
        for place in range(status.shape[1]):
            if status[row, place] != VALID:
                continue
            if remembers[place]:
                if signals[row, place] == last[code, place]:
                    continue
                last[code, place] = signals[row, place]
            if row >= history:
                rows[found] = row
                places[found] = place
                modes[found] = mode[code, place]
                predicted[found] = predictions[row, place]
                held[found] = signals[row, place]
                found += 1
    return found


@njit(cache=True)
def _digits(value: int, text: np.ndarray, at: int) -> int:
    if value < 0:
        text[at] = 45
        at += 1
        value = -value
    width, rest = 1, value // 10
    while rest > 0:
        width += 1
        rest //= 10
    for place in range(at + width - 1, at - 1, -1):
        text[place] = 48 + value % 10
        value //= 10
    return at + width


@njit(cache=True)
def _slash(text: np.ndarray, at: int) -> int:
    text[at] = 47
    return at + 1


@njit(cache=True)
def id_bytes(
    source: np.ndarray,
    partition: np.ndarray,
    offset: np.ndarray,
    rows: np.ndarray,
    places: np.ndarray,
    names: np.ndarray,
    starts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the ids of signals and of their ticks, each as offsets and bytes of an Arrow array.

    ``names[starts[p]:starts[p + 1]]`` is the name of strategy ``p``; ``rows`` ascend.
    """
    count = len(rows)
    widest = 0
    for place in range(len(starts) - 1):
        widest = max(widest, starts[place + 1] - starts[place])
    tick = np.empty(len(source) + 34, dtype=np.uint8)
    tick[: len(source)] = source
    text = np.empty(count * (len(tick) + widest + 1), dtype=np.uint8)
    correlation = np.empty(count * len(tick), dtype=np.uint8)
    text_offsets = np.zeros(count + 1, dtype=np.int32)
    correlation_offsets = np.zeros(count + 1, dtype=np.int32)
    at = behind = length = 0
    previous = -1
    for k in range(count):
        row = rows[k]
        if row != previous:
            previous = row
            length = _digits(partition[row], tick, _slash(tick, len(source)))
            length = _digits(offset[row], tick, _slash(tick, length))
        for i in range(length):
            text[at + i] = tick[i]
            correlation[behind + i] = tick[i]
        at = _slash(text, at + length)
        behind += length
        start, stop = starts[places[k]], starts[places[k] + 1]
        for i in range(stop - start):
            text[at + i] = names[start + i]
        at += stop - start
        text_offsets[k + 1] = at
        correlation_offsets[k + 1] = behind
    return text_offsets, text[:at], correlation_offsets, correlation[:behind]
