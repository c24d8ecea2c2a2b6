"""Where to read a partition again from, so that every history ring is as it was."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from quant_core.clock import clock
from quant_core.errors import ConfigError
from quant_core.live import DeadLetter
from resources.kafka._clients import lone_consumer
from resources.kafka._ticks import tick_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from resources.kafka._settings import KafkaSettings
    from resources.kafka._ticks import Tick

__all__ = ["History", "history_start"]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SILENCE = 10.0
_FIRST_SPAN = 512
_GROWTH = 4
_READ = 5000


class History(NamedTuple):
    """What a partition has before its first new record.

    Parameters
    ----------
    start : int
        Offset from which it is read again.
    short : tuple of str
        Instruments whose history may be shorter than was asked for: `KafkaSettings.history_limit`
        was reached before it was whole.
    """

    start: int
    short: tuple[str, ...] = ()


def history_start(
    brokers: str,
    settings: KafkaSettings,
    partition: int,
    committed: int,
    lookback: Mapping[str, int],
) -> History:
    """Find the offset from which every instrument seen has as many observations as are needed.

    More and more records before ``committed`` are read until it is so, the first record of the
    partition is reached, or `KafkaSettings.history_limit`.

    Parameters
    ----------
    brokers, settings
        Where and how to read.
    partition : int
        Partition of the topic of ticks.
    committed : int
        Offset of the first record that is new.
    lookback : mapping of str to int
        Observations that are needed of each sampling.
    """
    from kafka import TopicPartition

    needs = {_period(sampling): count for sampling, count in lookback.items() if count > 0}
    if not needs or settings.history_limit == 0:
        return History(committed)
    consumer = lone_consumer(brokers, settings)
    try:
        place = TopicPartition(settings.ticks, partition)
        consumer.assign([place])
        first = int(consumer.beginning_offsets([place])[place])
        return _search(consumer, place, first, committed, settings.history_limit, needs)
    finally:
        consumer.close(autocommit=False, timeout_ms=1000)


def _search(
    consumer: Any,
    place: Any,
    first: int,
    committed: int,
    limit: int,
    needs: Mapping[int, int],
) -> History:
    lowest = max(first, committed - limit)
    seen: dict[str, _Observations] = {}
    span, start = max(_FIRST_SPAN, 2 * max(needs.values())), committed
    while True:
        begin = max(lowest, committed - span)
        for tick in _ticks(consumer, place, begin, start):
            seen.setdefault(tick.instrument, _Observations(needs)).add(tick)
        start = begin
        short = tuple(sorted(name for name, found in seen.items() if not found.enough()))
        if start == lowest:
            return History(start, short if lowest > first else ())
        if seen and not short:
            return History(start)
        span *= _GROWTH


class _Observations:
    """What has been seen of one instrument: prices, and distinct bars of each period."""

    def __init__(self, needs: Mapping[int, int]) -> None:
        self._needs = needs
        self._ticks = 0
        self._bars: dict[int, set[int]] = {period: set() for period in needs if period}

    def add(self, tick: Tick) -> None:
        if not (math.isfinite(tick.price) and tick.price > 0):
            return
        self._ticks += 1
        for period, bars in self._bars.items():
            bars.add(tick.ts // period)

    def enough(self) -> bool:
        # One bar more, because the first one may have begun before the first record that was read.
        return all(
            (len(self._bars[period]) > count if period else self._ticks >= count)
            for period, count in self._needs.items()
        )


def _ticks(consumer: Any, place: Any, begin: int, end: int) -> Iterator[Tick]:
    from kafka.errors import KafkaTimeoutError

    consumer.seek(place, begin)
    heard = clock().seconds()
    while consumer.position(place, timeout_ms=1000) < end:
        records = consumer.poll(timeout_ms=200, max_records=_READ).get(place, [])
        if records:
            heard = clock().seconds()
        elif clock().seconds() - heard > _SILENCE:
            raise KafkaTimeoutError(f"history of {place}: nothing for {_SILENCE:g} s")
        for record in records:
            if record.offset >= end:
                return
            tick = tick_of(record)
            if not isinstance(tick, DeadLetter):
                yield tick


def _period(sampling: str) -> int:
    """Return nanoseconds of a bar, 0 for ticks."""
    if sampling == "tick":
        return 0
    unit = _SECONDS.get(sampling[-1:])
    if unit is None or not sampling[:-1].isdecimal():
        raise ConfigError(
            f"lookback: expected 'tick' or a bar such as '1m' or '1d', found {sampling!r}"
        )
    return int(sampling[:-1]) * unit * 1_000_000_000
