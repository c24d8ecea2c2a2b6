"""Ticks from Kafka, and signals to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources._kafka_clients import create_topics
from resources._kafka_settings import KafkaSettings
from resources._kafka_sink import KafkaSink
from resources._kafka_source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KafkaSettings", "KafkaSink", "KafkaSource", "open_transport"]


def open_transport(
    brokers: str,
    *,
    lookback: Callable[[], Mapping[str, int]] = dict,
    settings: KafkaSettings | None = None,
) -> tuple[KafkaSource, KafkaSink]:
    """Return where ticks come from and where signals go; topics that are missing are created.

    Parameters
    ----------
    brokers : str
        Addresses to start from, ``host:port`` joined by commas.
    lookback : callable
        Returns how many observations of each sampling the strategies need, for example
        ``{"tick": 200, "1m": 50}``; asked whenever partitions are assigned, so that as much is
        read again before the first new tick.
    settings : KafkaSettings, optional
        Topics, group and access; ``KAFKA__*`` in the environment by default.

    Raises
    ------
    StoreError
        If no broker answers in 15 seconds, or they refuse.
    UnavailableError
        If kafka-python is not installed.
    """
    chosen = settings or KafkaSettings()
    create_topics(brokers, chosen)
    return KafkaSource(brokers, chosen, lookback), KafkaSink(brokers, chosen)
