"""Ticks from a topic of Kafka, as one member of a consumer group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quant_core.clock import clock
from quant_core.errors import StoreError
from quant_core.live import DeadLetter, Polled
from resources.kafka._clients import group_consumer, kafka_error, passing
from resources.kafka._history import history_start
from resources.kafka._ticks import Tick, tick_batch, tick_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from resources.kafka._settings import KafkaSettings

__all__ = ["KafkaSource"]

_CALL_MS = 5000
_DESCRIBED_SECONDS = 0.1


@dataclass(slots=True)
class _Place:
    """Where a partition is: what was handed out, what is new, what is durable, what was said."""

    following: int
    new_from: int
    durable: int
    said: int = -1
    short: tuple[str, ...] = ()


class KafkaSource:
    """Ticks of a topic, at least once and in order per instrument.

    A partition that is assigned is read again from some way before its committed offset; these
    ticks come as `Polled.history`, so that the signals after a restart or a hand-over are those of
    a runner that was never interrupted. How far depends on ``lookback``, and ends at
    `KafkaSettings.history_limit`: `status` names the instruments for which that was too little.
    An outage of the brokers is no error: polls bring nothing, and `status` says why.

    It is not to be shared by threads; only `status` may be called from any.

    Parameters
    ----------
    brokers : str
        Addresses to start from, ``host:port`` joined by commas.
    settings : KafkaSettings
        Topic, group and access.
    lookback : callable
        Returns how many observations of each sampling the strategies need; asked whenever
        partitions are assigned.

    Raises
    ------
    StoreError
        If no broker answers in 15 seconds.
    UnavailableError
        If kafka-python is not installed.
    """

    def __init__(
        self,
        brokers: str,
        settings: KafkaSettings,
        lookback: Callable[[], Mapping[str, int]],
    ) -> None:
        self._brokers, self._settings, self._lookback = brokers, settings, lookback
        self._error = kafka_error()
        self._places: dict[int, _Place] = {}  # assigned and being read
        self._waiting: set[int] = set()  # assigned, and not yet found where to start
        self._left: dict[int, int] = {}  # handed out by this process before it lost them
        self._status: dict[str, Any] = {}
        self._describe_at = 0.0
        self._closed = False
        self._last_error = ""
        self._consumer = group_consumer(brokers, settings, self)

    @property
    def name(self) -> str:
        """What correlation ids call it: the topic."""
        return self._settings.ticks

    def poll(self, limit: int, timeout: float) -> Polled:
        """Return at most ``limit`` ticks, waiting at most ``timeout`` seconds for the first.

        Raises
        ------
        StoreError
            If the brokers refuse for a reason that does not pass, such as access.
        """
        try:
            self._take_over()
            found = self._consumer.poll(timeout_ms=int(timeout * 1000), max_records=limit)
            self._say_commits()
        except self._error as error:
            self._note(error)
            found = {}
        polled = self._polled([record for records in found.values() for record in records])
        self._describe()
        return polled

    def commit(self, upto: Mapping[int, int] | None = None) -> None:
        """Say that effects are durable: of everything polled so far, or of what ``upto`` says.

        Parameters
        ----------
        upto : mapping of int to int, optional
            First offset of each partition that is not done; a partition that is not in it has made
            no progress.
        """
        for partition, place in self._places.items():
            done = place.following if upto is None else upto.get(partition, 0)
            place.durable = max(place.durable, min(done, place.following))
        try:
            self._say_commits()
        except self._error as error:
            self._note(error)

    def status(self) -> dict[str, Any]:
        """Return partitions with positions, lags and short histories, and the last error.

        Positions and lags are those of a poll of the last tenth of a second before the last one.
        """
        return {**self._status, "last_error": self._last_error}

    def close(self) -> None:
        """Commit what is durable and let go of the partitions; the rest comes again."""
        if self._closed:
            return
        self._closed = True
        try:
            self._consumer.commit(self._unsaid(), timeout_ms=_CALL_MS)
        except self._error as error:
            self._note(error)
        self._places.clear()
        self._consumer.close(autocommit=False, timeout_ms=_CALL_MS)

    # What follows up to the next method is called by the listener, while `poll` waits.

    async def revoked(self, partitions: Iterable[int]) -> None:
        """Commit what is durable of partitions that are given up."""
        gone = set(partitions)
        offsets = {place: said for place, said in self._unsaid().items() if place.partition in gone}
        if offsets:
            try:
                await self._consumer.commit_async(offsets)
            except self._error as error:
                self._last_error = str(error)  # they come again, to whoever has them next
        self.lost(gone)

    def assigned(self, partitions: Iterable[int]) -> None:
        """Hold partitions back until it is known where to start."""
        fresh = sorted(partitions)
        self._consumer.pause(*map(self._topic_partition, fresh))
        self._waiting.update(fresh)

    def lost(self, partitions: Iterable[int]) -> None:
        """Forget partitions, except for what was handed out of them."""
        for partition in partitions:
            self._describe_at = 0.0
            self._waiting.discard(partition)
            place = self._places.pop(partition, None)
            if place is not None:
                self._left[partition] = place.following

    def _take_over(self) -> None:
        for partition in sorted(self._waiting):
            place = self._start(partition)
            topic_partition = self._topic_partition(partition)
            if topic_partition not in self._consumer.assignment():
                return  # given up meanwhile
            self._consumer.seek(topic_partition, place.following)
            self._consumer.resume(topic_partition)
            self._places[partition] = place
            self._waiting.discard(partition)
            self._describe_at = 0.0

    def _start(self, partition: int) -> _Place:
        new_from, known = self._committed(partition), self._left.get(partition, -1)
        if known >= new_from:
            return _Place(following=known, new_from=new_from, durable=new_from)
        history = history_start(
            self._brokers, self._settings, partition, new_from, self._lookback()
        )
        start = max(history.start, known)
        return _Place(start, new_from, durable=new_from, short=history.short)

    def _committed(self, partition: int) -> int:
        place = self._topic_partition(partition)
        committed = self._consumer.committed(place, timeout_ms=_CALL_MS)
        end = int(self._consumer.end_offsets([place], timeout_ms=_CALL_MS)[place])
        if committed is not None:
            return min(int(committed), end)
        if self._settings.start == "latest":
            return end
        return int(self._consumer.beginning_offsets([place], timeout_ms=_CALL_MS)[place])

    def _polled(self, records: list[Any]) -> Polled:
        received = clock().seconds()
        old: list[Tick] = []
        new: list[Tick] = []
        malformed = []
        for record in records:
            place = self._places[record.partition]
            place.following = record.offset + 1
            is_new = record.offset >= place.new_from
            tick = tick_of(record)
            if isinstance(tick, DeadLetter):
                malformed += [tick] if is_new else []
            else:
                (new if is_new else old).append(tick)
        return Polled(tick_batch(old + new, received), tuple(malformed), history=len(old))

    def _unsaid(self) -> dict[Any, Any]:
        from kafka.structs import OffsetAndMetadata

        return {
            self._topic_partition(partition): OffsetAndMetadata(place.durable, "", -1)
            for partition, place in self._places.items()
            if place.durable > place.said
        }

    def _say_commits(self) -> None:
        offsets = self._unsaid()
        if offsets:
            for topic_partition, offset in offsets.items():
                self._places[topic_partition.partition].said = offset.offset
            self._consumer.commit_async(offsets, callback=self._heard)

    def _heard(self, offsets: Mapping[Any, Any], response: object) -> None:
        if isinstance(response, Exception):
            self._last_error = str(response)
            for topic_partition in offsets:
                if topic_partition.partition in self._places:
                    self._places[topic_partition.partition].said = -1

    def _note(self, error: Exception) -> None:
        if not passing(error):
            raise StoreError(
                f"kafka: expected ticks of {self.name} from {self._brokers}, found {error}; check "
                "the access settings KAFKA__* and the topic"
            ) from error
        self._last_error = str(error)

    def _describe(self) -> None:
        """Bring `status` up to date, unless it is young: polls are many, and few ask for it."""
        now = clock().seconds()
        if now >= self._describe_at:
            self._status, self._describe_at = self._described(), now + _DESCRIBED_SECONDS

    def _described(self) -> dict[str, Any]:
        partitions = {}
        for partition, place in sorted(self._places.items()):
            end = self._consumer.highwater(self._topic_partition(partition))
            partitions[str(partition)] = {
                "next": place.following,
                "committed": place.said,
                "lag": None if end is None else max(0, end - place.following),
                "short_history": list(place.short),
            }
        return {
            "topic": self.name,
            "group": self._settings.group,
            "partitions": partitions,
            "waiting": sorted(self._waiting),
        }

    def _topic_partition(self, partition: int) -> Any:
        from kafka import TopicPartition

        return TopicPartition(self.name, partition)
