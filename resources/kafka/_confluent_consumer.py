"""A consumer of librdkafka with the methods of kafka-python's that the transport calls."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

from quant_core.clock import clock
from resources.kafka._confluent_access import access, as_known, confluent, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from resources.kafka._listener import Partitions
    from resources.kafka._settings import KafkaSettings

__all__ = ["ConfluentConsumer", "Record"]

_CALL_SECONDS = 10.0
_MOMENT = 0.01
_MEBIBYTE = 2**20


class Record(NamedTuple):
    """One message."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class _Done:
    """An awaitable that has nothing to wait for."""

    def __await__(self) -> Generator[None]:
        yield from ()


class ConfluentConsumer:
    """Reads partitions, alone or as a member of a group.

    Network and protocol are threads of a library in C: a poll costs the interpreter microseconds
    where kafka-python's costs a millisecond or two.

    Parameters
    ----------
    brokers : str
        Addresses to start from.
    settings : KafkaSettings
        Access, and the group.
    member : bool
        Whether it joins the group.
    """

    def __init__(self, brokers: str, settings: KafkaSettings, *, member: bool) -> None:
        session = int(settings.session_seconds * 1000)
        self._committed_by: Callable[..., None] | None = None
        self._member, self._revoking = member, False
        self._pause = Event()
        self._following: dict[Any, int] = {}
        self._consumer = confluent().Consumer(
            {
                **access(brokers, settings),
                "group.id": settings.group if member else f"{settings.group}-reads-again",
                "session.timeout.ms": session,
                "heartbeat.interval.ms": session // 4,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": False,
                "auto.offset.reset": "earliest",
                "fetch.max.bytes": 8 * _MEBIBYTE,
                "fetch.min.bytes": 1,
                "fetch.wait.max.ms": 5,
                "on_commit": self._on_commit,
            }
        )

    def subscribe(self, topics: Sequence[str], holder: Partitions) -> None:
        """Join the group; ``holder`` is told of partitions that come and go."""

        def assign(consumer: Any, partitions: list[Any]) -> None:
            consumer.assign(partitions)
            holder.assigned([one.partition for one in partitions])

        def revoke(consumer: Any, partitions: list[Any]) -> None:
            self._revoking = True
            try:
                _run(holder.revoked([one.partition for one in partitions]))
            finally:
                self._revoking = False
            consumer.unassign()

        def lost(consumer: Any, partitions: list[Any]) -> None:
            holder.lost([one.partition for one in partitions])
            consumer.unassign()

        with as_known():
            self._consumer.subscribe(list(topics), on_assign=assign, on_revoke=revoke, on_lost=lost)

    def assign(self, places: Iterable[Any]) -> None:
        """Read these partitions, outside of a group."""
        with as_known():
            self._consumer.assign([_partition(place) for place in places])

    def assignment(self) -> set[Any]:
        """Return the partitions that are assigned."""
        from kafka import TopicPartition

        found = self._consumer.assignment()
        return {TopicPartition(one.topic, one.partition) for one in found}

    def pause(self, *places: Any) -> None:
        """Poll nothing of these partitions until they are resumed."""
        with as_known():
            self._consumer.pause([_partition(place) for place in places])

    def resume(self, *places: Any) -> None:
        """Poll these partitions again."""
        with as_known():
            self._consumer.resume([_partition(place) for place in places])

    def seek(self, place: Any, offset: int) -> None:
        """Go on at an offset of a partition that is assigned."""
        with as_known():
            if self._member:
                self._sought(_partition(place, offset))
            else:
                self._consumer.assign([_partition(place, offset)])
        self._following[place] = offset

    def _sought(self, place: Any) -> None:
        # A partition that was assigned a moment ago is not being read yet, and refuses.
        until = clock().seconds() + _CALL_SECONDS
        while True:
            try:
                self._consumer.seek(place)
            except confluent().KafkaException as error:
                refused = error.args[0].code() == confluent().KafkaError._STATE  # noqa: SLF001 - its public name
                if not refused or clock().seconds() > until:
                    raise
                self._pause.wait(_MOMENT)
            else:
                return

    def position(self, place: Any, timeout_ms: int | None = None) -> int:  # noqa: ARG002 - it is known here
        """Return the offset that follows what was polled; that of the last `seek` at first."""
        return self._following[place]

    def poll(self, timeout_ms: int, max_records: int) -> dict[Any, list[Record]]:
        """Return records by partition, waiting for the first one.

        Raises
        ------
        KafkaError
            If the brokers refuse; what was received with it comes with the next poll.
        """
        from kafka import TopicPartition

        found: dict[Any, list[Record]] = {}
        places: dict[tuple[str, int], Any] = {}
        for message in self._messages(timeout_ms / 1000, max_records):
            if message.error() is not None:
                if found:
                    continue  # it is said again by the next poll if it lasts
                raise failure(message.error())
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            place = places.get((topic, partition))
            if place is None:
                place = places[topic, partition] = TopicPartition(topic, partition)
            record = Record(topic, partition, offset, message.key(), message.value())
            found.setdefault(place, []).append(record)
        for place, records in found.items():
            self._following[place] = records[-1].offset + 1
        return found

    def _messages(self, seconds: float, most: int) -> list[Any]:
        with as_known():
            first = self._consumer.poll(seconds)
            if first is None:
                return []
            return [first, *self._consumer.consume(most - 1, 0.0)] if most > 1 else [first]

    def commit(self, offsets: Mapping[Any, Any], timeout_ms: int | None = None) -> None:  # noqa: ARG002 - librdkafka's own
        """Commit offsets and return when the brokers have them."""
        if offsets:
            with as_known():
                self._consumer.commit(offsets=_offsets(offsets), asynchronous=False)

    def commit_async(
        self, offsets: Mapping[Any, Any], callback: Callable[..., None] | None = None
    ) -> _Done:
        """Commit offsets; ``callback`` hears of it during a later poll.

        While partitions are given up it returns when the brokers have the offsets: afterwards they
        would be refused.
        """
        with as_known():
            if self._revoking:
                self._consumer.commit(offsets=_offsets(offsets), asynchronous=False)
            else:
                self._committed_by = callback or self._committed_by
                self._consumer.commit(offsets=_offsets(offsets), asynchronous=True)
        return _Done()

    def _on_commit(self, error: Any, partitions: list[Any]) -> None:
        from kafka import TopicPartition

        if error is not None and self._committed_by is not None:
            places = {TopicPartition(one.topic, one.partition): one for one in partitions}
            self._committed_by(places, failure(error))

    def committed(self, place: Any, timeout_ms: int | None = None) -> int | None:  # noqa: ARG002 - one limit for all
        """Return the offset that the group has committed, or None."""
        with as_known():
            (found,) = self._consumer.committed([_partition(place)], timeout=_CALL_SECONDS)
        if found.error is not None:
            raise failure(found.error)
        return int(found.offset) if found.offset >= 0 else None

    def beginning_offsets(self, places: Iterable[Any], timeout_ms: int | None = None) -> Any:  # noqa: ARG002
        """Return the first offset of each partition."""
        return {place: self._ends(place)[0] for place in places}

    def end_offsets(self, places: Iterable[Any], timeout_ms: int | None = None) -> Any:  # noqa: ARG002
        """Return the offset that follows the last record of each partition."""
        return {place: self._ends(place)[1] for place in places}

    def _ends(self, place: Any) -> tuple[int, int]:
        with as_known():
            found = self._consumer.get_watermark_offsets(_partition(place), timeout=_CALL_SECONDS)
        return int(found[0]), int(found[1])

    def highwater(self, place: Any) -> int | None:
        """Return where a partition ended at the last fetch, or None before it."""
        with as_known():
            end = self._consumer.get_watermark_offsets(_partition(place), cached=True)[1]
        return int(end) if end >= 0 else None

    def close(self, *, autocommit: bool, timeout_ms: int) -> None:  # noqa: ARG002 - nothing is committed
        """Leave the group."""
        self._consumer.close()


def _partition(place: Any, offset: int | None = None) -> Any:
    kind = confluent().TopicPartition
    if offset is None:
        return kind(place.topic, place.partition)
    return kind(place.topic, place.partition, offset)


def _offsets(offsets: Mapping[Any, Any]) -> list[Any]:
    return [_partition(place, said.offset) for place, said in offsets.items()]


def _run(steps: Any) -> None:
    """Run a coroutine that waits for nothing."""
    try:
        steps.send(None)
    except StopIteration:
        return
    raise RuntimeError("a listener of partitions waited, which this client cannot")
