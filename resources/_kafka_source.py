"""Ticks from a topic of Kafka, as one member of a consumer group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from quant_core.live import Polled
    from resources._kafka_settings import KafkaSettings

__all__ = ["KafkaSource"]


class KafkaSource:
    """Ticks of a topic, at least once and in order per instrument."""

    def __init__(
        self,
        brokers: str,
        settings: KafkaSettings,
        lookback: Callable[[], Mapping[str, int]],
    ) -> None:
        raise NotImplementedError

    @property
    def name(self) -> str:
        """What correlation ids call it: the topic."""
        raise NotImplementedError

    def poll(self, limit: int, timeout: float) -> Polled:
        """Return at most ``limit`` ticks, waiting at most ``timeout`` seconds for the first."""
        raise NotImplementedError

    def commit(self) -> None:
        """Say that the effects of everything polled so far are durable."""
        raise NotImplementedError

    def status(self) -> dict[str, Any]:
        """Return partitions, positions, lags and the last error."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the partitions; what was not committed comes again."""
        raise NotImplementedError
