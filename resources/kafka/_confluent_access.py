"""What the clients of librdkafka share: their configuration, and their errors as kafka-python's."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from quant_core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.kafka._settings import KafkaSettings

__all__ = ["access", "as_known", "confluent", "failure"]

_FINAL = (
    "CLUSTER_AUTHORIZATION_FAILED",
    "GROUP_AUTHORIZATION_FAILED",
    "SASL_AUTHENTICATION_FAILED",
    "TOPIC_AUTHORIZATION_FAILED",
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    "_AUTHENTICATION",
    "_FATAL",
)


@cache
def confluent() -> Any:
    """Return the module of the client.

    Raises
    ------
    UnavailableError
        If it is not installed.
    """
    try:
        import confluent_kafka
    except ImportError as error:
        raise UnavailableError(
            "kafka: KAFKA__CLIENT is confluent, and confluent-kafka is not installed; install "
            "quant-assets[confluent], or use the client kafka-python"
        ) from error
    return confluent_kafka


def access(brokers: str, settings: KafkaSettings) -> dict[str, Any]:
    """Return the configuration that every client of librdkafka takes."""
    password = settings.sasl_plain_password
    given = {
        "bootstrap.servers": brokers,
        "security.protocol": settings.security_protocol,
        "sasl.mechanism": settings.sasl_mechanism,
        "sasl.username": settings.sasl_plain_username,
        "sasl.password": password.get_secret_value() if password else None,
        "ssl.ca.location": settings.ssl_cafile,
        "reconnect.backoff.max.ms": 1000,
        "allow.auto.create.topics": False,
        # Lost connections come as errors of calls; lines on the console of a service help nobody.
        "log_level": 0,
    }
    return {name: value for name, value in given.items() if value is not None}


@cache
def _final_codes() -> frozenset[int]:
    kinds = confluent().KafkaError
    return frozenset(getattr(kinds, name) for name in _FINAL)


@cache
def _known() -> type[Exception]:
    from kafka.errors import KafkaError

    class ClientError(KafkaError):  # type: ignore[misc] # kafka-python is untyped
        """An error of librdkafka, as one of kafka-python."""

        def __init__(self, text: str, *, retriable: bool) -> None:
            super().__init__(text)
            self.retriable = retriable

    return ClientError


def failure(error: Any) -> Exception:
    """Return an error of librdkafka as one of kafka-python that says whether it passes."""
    passes = error.code() not in _final_codes() and not error.fatal()
    known: Any = _known()
    found: Exception = known(f"{error.name()}: {error.str()}", retriable=passes)
    return found


@contextmanager
def as_known() -> Iterator[None]:
    """Raise what librdkafka raises as an error of kafka-python."""
    try:
        yield
    except confluent().KafkaException as error:
        raise failure(error.args[0]) from error
