"""Signals and dead letters to topics of Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from resources._kafka_settings import KafkaSettings

__all__ = ["KafkaSink"]


class KafkaSink:
    """One message a tick to the topic of signals, one a dead letter to that of dead letters."""

    def __init__(self, brokers: str, settings: KafkaSettings) -> None:
        raise NotImplementedError

    def emit(self, signals: pa.Table, dead: pa.Table) -> None:
        """Take signals and dead letters, tables of their schemas."""
        raise NotImplementedError

    def flush(self) -> None:
        """Return when every message is acknowledged by the brokers."""
        raise NotImplementedError

    def status(self) -> dict[str, Any]:
        """Return what waits and the last error."""
        raise NotImplementedError

    def close(self) -> None:
        """Flush and let go."""
        raise NotImplementedError
