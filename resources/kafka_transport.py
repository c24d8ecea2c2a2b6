"""Ticks from Kafka, and signals to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from quant_core.errors import ConfigError
from resources.kafka._clients import create_topics
from resources.kafka._settings import KafkaSettings
from resources.kafka._sink import KafkaSink
from resources.kafka._source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KafkaSettings", "KafkaSink", "KafkaSource", "open_transport"]


def open_transport(
    brokers: str,
    *,
    lookback: Callable[[], Mapping[str, int]] = dict,
    settings: KafkaSettings | None = None,
    **chosen: str,
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
    **chosen : str
        Fields of the settings that are given here, for example ``group``.

    Raises
    ------
    ConfigError
        If a setting is wrong.
    StoreError
        If no broker answers in 15 seconds, or they refuse.
    UnavailableError
        If kafka-python is not installed.
    """
    try:
        known = KafkaSettings.model_validate((settings or KafkaSettings()).model_dump() | chosen)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, problem["loc"]))
        raise ConfigError(f"KAFKA__{field.upper()}: {problem['msg']}") from None
    create_topics(brokers, known)
    return KafkaSource(brokers, known, lookback), KafkaSink(brokers, known)
