"""Signals and dead letters to topics of Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from quant_core.clock import clock
from quant_core.errors import StoreError
from resources.kafka._clients import kafka_error, passing, producer
from resources.kafka._signals import Message, SignalMessages, dead_letter_messages

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from quant_core.live import Signals
    from resources.kafka._settings import KafkaSettings

__all__ = ["KafkaSink"]


class _Sent(NamedTuple):
    topic: str
    message: Message
    future: Any


class KafkaSink:
    """One message a tick to the topic of signals, one a dead letter to that of dead letters.

    Messages are keyed by instrument, so the signals of an instrument keep their order, and carry
    what `SignalMessages` and `dead_letter_messages` describe. A message that the brokers do not
    acknowledge is sent again, with those after it, until `KafkaSettings.delivery_seconds` have
    passed: a consumer tells duplicates by their ``signal_id``.

    Parameters
    ----------
    brokers : str
        Addresses to start from, ``host:port`` joined by commas.
    settings : KafkaSettings
        Topics and access.

    Raises
    ------
    StoreError
        If no broker answers in 15 seconds.
    UnavailableError
        If kafka-python is not installed.
    """

    def __init__(self, brokers: str, settings: KafkaSettings) -> None:
        self._brokers, self._settings = brokers, settings
        self._error = kafka_error()
        self._producer = producer(brokers, settings)
        self._messages = SignalMessages()
        self._sent: list[_Sent] = []
        self._last_error = ""
        self._acknowledged = 0
        # A producer that knows its partitions takes messages while the brokers are away.
        for topic in (settings.signals, settings.dead_letters):
            self._producer.partitions_for(topic)

    def emit(self, signals: Signals, dead: pa.Table) -> None:
        """Take signals and dead letters.

        Raises
        ------
        StoreError
            If too many messages wait and are not acknowledged in time.
        """
        self._send_all(self._settings.signals, self._messages.of(signals.table()))
        self._send_all(self._settings.dead_letters, dead_letter_messages(dead))

    def flush(self) -> None:
        """Return when every message is acknowledged by all replicas in sync.

        Raises
        ------
        StoreError
            If they are not after `KafkaSettings.delivery_seconds`; nothing of what was polled
            may be committed then.
        """
        deadline = clock().seconds() + self._settings.delivery_seconds
        while self._sent:
            left = deadline - clock().seconds()
            if left <= 0:
                raise self._undelivered()
            self._wait(left)
            self._settle()

    def mark(self) -> int:
        """Return what `settled` has to be asked, to know whether all taken so far is durable."""
        return self._acknowledged + len(self._sent)

    def settled(self, mark: int) -> bool:
        """Return whether all that was taken before a mark is acknowledged, without waiting.

        Raises
        ------
        StoreError
            If the brokers refuse for a reason that does not pass.
        """
        self._settle()
        return self._acknowledged >= mark

    def status(self) -> dict[str, Any]:
        """Return how many messages were acknowledged and wait, and the last error."""
        return {
            "acknowledged": self._acknowledged,
            "waiting": len(self._sent),
            "last_error": self._last_error,
        }

    def close(self) -> None:
        """Flush and let go.

        Raises
        ------
        StoreError
            If messages are not acknowledged in time.
        """
        try:
            self.flush()
        finally:
            self._producer.close(timeout=1.0)

    def _send_all(self, topic: str, messages: Iterable[Message]) -> None:
        for message in messages:
            if len(self._sent) >= self._settings.buffer_limit:
                self.flush()
            self._sent.append(self._send(topic, message))

    def _send(self, topic: str, message: Message) -> _Sent:
        key, value, headers = message
        try:
            future = self._producer.send(topic, value=value, key=key, headers=headers)
        except self._error as error:
            raise self._undelivered(error) from error
        return _Sent(topic, message, future)

    def _wait(self, seconds: float) -> None:
        try:
            self._producer.flush(timeout=seconds)
        except self._error as error:
            self._note(error)

    def _settle(self) -> None:
        """Drop what is acknowledged, and send again what is not, with all that came after it."""
        if self._sent and not (self._sent[0].future.succeeded() or self._sent[0].future.failed()):
            return
        held = (place for place, sent in enumerate(self._sent) if not sent.future.succeeded())
        settled = next(held, len(self._sent))
        self._acknowledged += settled
        rest = self._sent[settled:]
        if rest and rest[0].future.failed():
            self._note(rest[0].future.exception)
            rest = [self._send(topic, message) for topic, message, _ in rest]
        self._sent = rest

    def _note(self, error: Exception) -> None:
        if not passing(error):
            raise self._undelivered(error) from error
        self._last_error = str(error)

    def _undelivered(self, error: Exception | None = None) -> StoreError:
        return StoreError(
            f"kafka: expected {self._brokers} to acknowledge {len(self._sent)} messages within "
            f"{self._settings.delivery_seconds:g} s, found {error or self._last_error or 'silence'}"
            "; start again when the brokers are back: what was not committed comes again"
        )
