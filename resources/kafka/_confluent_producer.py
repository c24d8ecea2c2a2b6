"""A producer of librdkafka with the methods of kafka-python's that the transport calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant_core.clock import clock
from resources.kafka._confluent_access import access, as_known, confluent, failure

if TYPE_CHECKING:
    from resources.kafka._settings import KafkaSettings

__all__ = ["ConfluentProducer"]

_BOOTSTRAP_SECONDS = 15.0
_FULL_SECONDS = 0.1


class _Future:
    """Whether a message was acknowledged; asking lets the producer hear of it."""

    __slots__ = ("_answered", "_producer", "exception")

    def __init__(self, producer: Any) -> None:
        self._producer, self._answered = producer, False
        self.exception: Exception | None = None

    def answer(self, error: Any, message: object) -> None:  # noqa: ARG002 - librdkafka's signature
        self.exception = None if error is None else failure(error)
        self._answered = True

    def succeeded(self) -> bool:
        if not self._answered:
            self._producer.poll(0)
        return self._answered and self.exception is None

    def failed(self) -> bool:
        return self._answered and self.exception is not None


class ConfluentProducer:
    """Sends messages, idempotent, acknowledged by every replica in sync.

    Parameters
    ----------
    brokers : str
        Addresses to start from.
    settings : KafkaSettings
        Access and limits.
    """

    def __init__(self, brokers: str, settings: KafkaSettings) -> None:
        self._limit = settings.delivery_seconds
        delivery = int(settings.delivery_seconds * 1000)
        self._producer = confluent().Producer(
            {
                **access(brokers, settings),
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 1,
                "partitioner": "murmur2_random",
                "delivery.timeout.ms": delivery,
                "request.timeout.ms": int(min(30.0, settings.delivery_seconds / 2) * 1000),
                "queue.buffering.max.messages": settings.buffer_limit,
            }
        )

    def partitions_for(self, topic: str) -> set[int]:
        """Return the partitions of a topic."""
        with as_known():
            found = self._producer.list_topics(topic, timeout=_BOOTSTRAP_SECONDS)
        return set(found.topics[topic].partitions)

    def send(
        self, topic: str, *, value: bytes, key: bytes, headers: list[tuple[str, bytes]]
    ) -> _Future:
        """Take a message, waiting for room; return what will know whether it arrived.

        Raises
        ------
        KafkaError
            If there is no room for `KafkaSettings.delivery_seconds`.
        """
        future, since = _Future(self._producer), clock().seconds()
        with as_known():
            while True:
                try:
                    self._producer.produce(
                        topic, value=value, key=key, headers=headers, on_delivery=future.answer
                    )
                except BufferError:
                    if clock().seconds() - since > self._limit:
                        raise
                    self._producer.poll(_FULL_SECONDS)
                else:
                    return future

    def flush(self, timeout: float) -> None:
        """Return when every message has its answer, or after ``timeout`` seconds."""
        with as_known():
            self._producer.flush(timeout)

    def close(self, timeout: float) -> None:
        """Send what is left, and let go."""
        with as_known():
            self._producer.flush(timeout)
