"""Clients of kafka-python as the transport opens them, and which of their errors pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quant_core.errors import StoreError, UnavailableError
from resources.kafka._confluent_consumer import ConfluentConsumer
from resources.kafka._confluent_producer import ConfluentProducer
from resources.kafka._listener import Partitions, listener
from resources.kafka._partitions import partitioner

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer

    from resources.kafka._settings import KafkaSettings

__all__ = ["create_topics", "group_consumer", "kafka_error", "lone_consumer", "passing", "producer"]

BOOTSTRAP_SECONDS = 15.0
_MEBIBYTE = 2**20


def group_consumer(
    brokers: str, settings: KafkaSettings, holder: Partitions
) -> KafkaConsumer | ConfluentConsumer:
    """Return a member of the group that tells ``holder`` of partitions that come and go."""
    if settings.client == "confluent":
        member = ConfluentConsumer(brokers, settings, member=True)
        member.subscribe([settings.ticks], holder)
        return member
    consumer = _consumer(
        brokers,
        settings,
        group_id=settings.group,
        session_timeout_ms=int(settings.session_seconds * 1000),
        heartbeat_interval_ms=int(settings.session_seconds * 1000 / 4),
    )
    consumer.subscribe([settings.ticks], listener=listener(holder))
    return consumer


def lone_consumer(brokers: str, settings: KafkaSettings) -> KafkaConsumer | ConfluentConsumer:
    """Return a consumer outside of every group, to read again what was committed."""
    if settings.client == "confluent":
        return ConfluentConsumer(brokers, settings, member=False)
    return _consumer(brokers, settings, group_id=None)


def producer(brokers: str, settings: KafkaSettings) -> KafkaProducer | ConfluentProducer:
    """Return an idempotent producer that waits for every replica in sync."""
    if settings.client == "confluent":
        return ConfluentProducer(brokers, settings)
    from kafka import KafkaProducer

    return _opened(
        KafkaProducer,
        brokers,
        settings,
        acks="all",
        enable_idempotence=True,
        batch_size=_MEBIBYTE // 2,
        linger_ms=3,
        partitioner=partitioner(),
        max_block_ms=int(settings.delivery_seconds * 1000),
        delivery_timeout_ms=int(settings.delivery_seconds * 1000),
        request_timeout_ms=int(min(30.0, settings.delivery_seconds / 2) * 1000),
    )


def create_topics(brokers: str, settings: KafkaSettings) -> None:
    """Create the topics that are missing, with the brokers' default of partitions and replicas.

    Raises
    ------
    StoreError
        If the brokers refuse, or cannot be reached.
    """
    from kafka.admin import KafkaAdminClient

    wanted = [settings.ticks, settings.signals, settings.dead_letters]
    admin = _opened(KafkaAdminClient, brokers, settings)
    try:
        known = set(admin.list_topics())
        missing = [name for name in wanted if name not in known]
        if missing:
            admin.create_topics(missing, raise_errors=False)
            admin.wait_for_topics(missing)
    except kafka_error() as error:
        raise _unreachable(brokers, error) from error
    finally:
        admin.close()


def passing(error: Exception) -> bool:
    """Return whether an error of kafka-python passes when the brokers are back."""
    from kafka.errors import CommitFailedError, IllegalGenerationError, UnknownMemberIdError

    rebalanced = (CommitFailedError, IllegalGenerationError, UnknownMemberIdError)
    return bool(getattr(error, "retriable", False)) or isinstance(error, (rebalanced, OSError))


def _unreachable(brokers: str, error: Exception) -> StoreError:
    """Return the error that says so."""
    return StoreError(
        f"kafka: expected brokers at {brokers}, found {error}; check the address, the access "
        "settings KAFKA__* and that the brokers run"
    )


def _consumer(brokers: str, settings: KafkaSettings, **configuration: Any) -> KafkaConsumer:
    from kafka import KafkaConsumer

    return _opened(
        KafkaConsumer,
        brokers,
        settings,
        enable_auto_commit=False,
        # Where a group starts is decided by the source; this is for offsets that retention removed.
        auto_offset_reset="earliest",
        fetch_max_bytes=8 * _MEBIBYTE,
        # Requests cost both ends their processors: brokers collect ticks for a moment.
        fetch_min_bytes=_MEBIBYTE // 16,
        fetch_max_wait_ms=5,
        **configuration,
    )


def _opened(kind: type, brokers: str, settings: KafkaSettings, **configuration: Any) -> Any:
    known = kind.DEFAULT_CONFIG.keys()  # type: ignore[attr-defined] # of every client of kafka-python
    access = {key: value for key, value in settings.access(brokers).items() if key in known}
    try:
        return kind(**access, **configuration, bootstrap_timeout_ms=int(BOOTSTRAP_SECONDS * 1000))
    except kafka_error() as error:
        raise _unreachable(brokers, error) from error


def kafka_error() -> type[Exception]:
    try:
        from kafka.errors import KafkaError
    except ImportError as error:
        raise UnavailableError(
            "kafka: kafka-python is not installed; install quant-assets[live]"
        ) from error
    found: type[Exception] = KafkaError
    return found
