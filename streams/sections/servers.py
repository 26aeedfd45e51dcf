"""How to reach Kafka and Redis, and what the topics are called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import SecretStr

from streams.sections.section import Section, setting
from streams.written import Bootstrap, Duration, RedisUrl, TopicName, named


class KafkaSettings(Section):
    """How to reach Kafka."""

    bootstrap: Bootstrap = setting(
        "localhost:9092", "bootstrap servers, separated by commas", env="EBB_KAFKA"
    )
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = setting(
        "PLAINTEXT", "security protocol"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = setting(
        "PLAIN", "SASL mechanism"
    )
    username: str = setting("", "SASL user name")
    password: SecretStr = setting(SecretStr(""), "SASL password; from the environment only")
    ca_file: Path | None = setting(None, "file of the certificate authorities to trust")
    idempotence: bool = setting(
        True, "publish idempotently; false for a broker that cannot, as the embedded one"
    )
    session_timeout: Duration = setting(6_000, "a worker silent for that long loses its partitions")


class RedisSettings(Section):
    """How to reach Redis."""

    url: RedisUrl = setting(
        "redis://localhost:6379/0", "redis://, rediss:// or redis+cluster://", env="EBB_REDIS"
    )
    namespace: Annotated[str, named(40)] = setting("ebb", "first part of every key")


class TopicSettings(Section):
    """Names and partitions of the topics."""

    prefix: Annotated[str, named(40, 0)] = setting("", "put before every topic's name")
    clickstream: TopicName = setting("clickstream", "events in, keyed by customer")
    outcomes: TopicName = setting("outcomes", "what the CRM says happened to an alert")
    interventions: TopicName = setting("interventions", "alerts out")
    training: TopicName = setting("training", "matured examples; one partition")
    models: TopicName = setting("models", "model snapshots; compacted")
    model_events: TopicName = setting("model-events", "drift, and news of challengers")
    dead_letters: TopicName = setting("dead-letters", "messages that could not be used")
    rekeyed: TopicName = setting("clickstream-rekeyed", "events moved to their key's partition")
    partitions: int = setting(12, "partitions of clickstream, the unit of capacity", ge=1, le=4096)
    replication: int = setting(1, "replicas of each partition", ge=1, le=7)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the keys that hold a topic's name."""
        return tuple(
            name
            for name, field in cls.model_fields.items()
            if field.annotation is str and name != "prefix"
        )


__all__ = ["KafkaSettings", "RedisSettings", "TopicSettings"]
