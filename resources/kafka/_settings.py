"""Settings of the Kafka transport, from ``KAFKA__*`` in the environment."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["KafkaSettings"]

type Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]


class KafkaSettings(BaseSettings):
    """Topics, group and access; each field is an environment variable ``KAFKA__<FIELD>``.

    Parameters
    ----------
    client : {"kafka-python", "confluent"}
        Which library speaks to the brokers: kafka-python, or librdkafka, written in C, which needs
        a fraction of the processor time.
    group : str
        Consumer group: runners that share it split the partitions.
    ticks, signals, dead_letters : str
        Topics to read and to write.
    start : {"latest", "earliest"}
        Where a group starts that has committed nothing yet.
    history_limit : int
        Records of one partition that are read again at most, when it is assigned, to fill the
        history of its instruments.
    session_seconds : float
        Silence after which the broker gives the partitions of a runner to others.
    delivery_seconds : float
        How long a signal may wait for its acknowledgement before the runner stops; an outage of
        the broker that is shorter loses nothing.
    buffer_limit : int
        Messages that may wait for their acknowledgement; more wait for these.
    security_protocol, sasl_mechanism, sasl_plain_username, sasl_plain_password, ssl_cafile
        Access to the brokers, as kafka-python names them.
    """

    model_config = SettingsConfigDict(env_prefix="KAFKA__", frozen=True, extra="forbid")

    client: Literal["kafka-python", "confluent"] = "kafka-python"
    group: Annotated[str, Field(min_length=1)] = "quant-runner"
    ticks: Topic = "market.ticks"
    signals: Topic = "strategy.signals"
    dead_letters: Topic = "strategy.dlq"
    start: Literal["latest", "earliest"] = "latest"
    history_limit: Annotated[int, Field(ge=0)] = 1_000_000
    session_seconds: Annotated[float, Field(ge=1)] = 10.0
    delivery_seconds: Annotated[float, Field(ge=2)] = 120.0
    buffer_limit: Annotated[int, Field(ge=1)] = 10_000
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_plain_username: str | None = None
    sasl_plain_password: SecretStr | None = None
    ssl_cafile: str | None = None

    def access(self, brokers: str) -> dict[str, Any]:
        """Return the arguments that every client of kafka-python takes."""
        password = self.sasl_plain_password
        return {
            "bootstrap_servers": brokers.split(","),
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_plain_username,
            "sasl_plain_password": password.get_secret_value() if password else None,
            "ssl_cafile": self.ssl_cafile,
            "reconnect_backoff_max_ms": 1000,
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
        }
