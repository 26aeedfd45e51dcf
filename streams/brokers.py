"""How to reach Kafka, with the settings' addresses and credentials: mostly through kafka-python."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, errors

from features import Millis
from streams.settings import Settings

#: After that long without an answer, Kafka is away.
PATIENCE: Final[Millis] = 8_000


class Acknowledgement(Protocol):
    """What a producer gives for a sent record."""

    def get(self, timeout: float | None = None) -> Any:
        """Wait for the broker's word, an object with ``partition`` and ``offset``, or its error."""


class Producer(Protocol):
    """The part of kafka-python's `KafkaProducer` that is used."""

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: list[tuple[str, bytes]] | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> Acknowledgement:
        """Hand over a record; it is sent in the background, in order."""

    def flush(self, timeout: float | None = None) -> object:
        """Wait until everything is sent."""


class KafkaAway(ConnectionError):
    """No broker answers, or none that lets us in.

    Parameters
    ----------
    bootstrap
        The addresses that were tried.
    source
        Where they were read, if that is known.
    reason
        What the client said, where it says more than "no answer".
    """

    def __init__(self, bootstrap: str, source: str = "", reason: str = "") -> None:
        origin = f" ({source})" if source else ""
        super().__init__(
            f"no broker answers at {bootstrap}{origin}{f': {reason}' if reason else ''}"
        )
        self.bootstrap = bootstrap
        self.source = source
        self.reason = reason


class TopicMissing(LookupError):
    """A topic that is needed is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(f"topic {name} is not there; create it with: ebb topics create")
        self.name = name


#: Less than that is not even one attempt to connect.
_ATTEMPT: Final[Millis] = 1_000


def connection(settings: Settings) -> dict[str, Any]:
    """Return what every client of kafka-python must be told to reach Kafka.

    Parameters
    ----------
    settings
        Of which the section ``kafka`` counts.

    Returns
    -------
    dict
        Keyword arguments of `KafkaProducer`, `KafkaConsumer` and `KafkaAdminClient`. An absent
        broker is reported after `PATIENCE`.

    Examples
    --------
    >>> connection(Settings())["bootstrap_servers"]
    ['localhost:9092']
    """
    kafka = settings.kafka
    words: dict[str, Any] = {
        "bootstrap_servers": [part.strip() for part in kafka.bootstrap.split(",")],
        "client_id": "ebb",
        "security_protocol": kafka.security,
        "bootstrap_timeout_ms": PATIENCE,
        "reconnect_backoff_max_ms": 1_000,
    }
    if kafka.security.startswith("SASL"):
        words |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.username,
            "sasl_plain_password": kafka.password.get_secret_value(),
        }
    if kafka.ca_file is not None:
        words["ssl_cafile"] = str(kafka.ca_file)
    return words


def asynchronous(settings: Settings) -> dict[str, Any]:
    """Return what a producer of aiokafka must be told to reach Kafka.

    Parameters
    ----------
    settings
        Of which the section ``kafka`` counts.

    Examples
    --------
    >>> asynchronous(Settings())["bootstrap_servers"]
    ['localhost:9092']
    """
    kafka = settings.kafka
    words: dict[str, Any] = {
        "bootstrap_servers": [part.strip() for part in kafka.bootstrap.split(",")],
        "security_protocol": kafka.security,
        "enable_idempotence": kafka.idempotence,
    }
    if kafka.security.startswith("SASL"):
        words |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.username,
            "sasl_plain_password": kafka.password.get_secret_value(),
        }
    if kafka.security.endswith("SSL"):
        words["ssl_context"] = trusted(settings)
    return words


def group_consumers(settings: Settings, role: str) -> Callable[[], Any]:
    """Return what makes consumers of one group, with aiokafka; they commit nothing by themselves.

    Parameters
    ----------
    settings
        How to reach Kafka, and what the shop is called.
    role
        What the group does.
    """
    from aiokafka import AIOKafkaConsumer

    words = asynchronous(settings)
    del words["enable_idempotence"]

    def make() -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            group_id=f"{settings.topics.prefix}{settings.redis.namespace}-{role}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=settings.kafka.session_timeout,
            heartbeat_interval_ms=max(settings.kafka.session_timeout // 4, 1),
            metadata_max_age_ms=30_000,
            **words,
        )

    return make


def trusted(settings: Settings) -> ssl.SSLContext:
    """Return whom to trust when speaking TLS."""
    ca_file = settings.kafka.ca_file
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))


def open_producer(settings: Settings, **overrides: Any) -> KafkaProducer:
    """Connect a producer; raises `KafkaAway`."""
    return _open(KafkaProducer, settings, {"max_block_ms": 10_000, **overrides})


def open_consumer(settings: Settings, **overrides: Any) -> KafkaConsumer:
    """Connect a consumer that belongs to no group and creates no topics; raises `KafkaAway`."""
    defaults = {
        "group_id": None,
        "enable_auto_commit": False,
        "allow_auto_create_topics": False,
    }
    return _open(KafkaConsumer, settings, {**defaults, **overrides})


def open_admin(settings: Settings, wait: Millis = PATIENCE) -> KafkaAdminClient:
    """Connect an administrator, waiting up to `wait` for a broker; raises `KafkaAway`."""
    return _open(KafkaAdminClient, settings, {"bootstrap_timeout_ms": max(wait, _ATTEMPT)})


def _open(client: Any, settings: Settings, words: Mapping[str, Any]) -> Any:
    try:
        return client(**{**connection(settings), **words})
    except (errors.KafkaTimeoutError, errors.KafkaConnectionError):
        raise KafkaAway(settings.kafka.bootstrap) from None
    except (errors.SaslAuthenticationFailedError, errors.UnsupportedSaslMechanismError) as error:
        raise KafkaAway(
            settings.kafka.bootstrap,
            reason=f"it refuses kafka.username and EBB_KAFKA_PASSWORD: {error}",
        ) from None
    except FileNotFoundError as error:
        if settings.kafka.ca_file is None:
            raise
        raise KafkaAway(
            settings.kafka.bootstrap, reason=f"kafka.ca_file {settings.kafka.ca_file}: {error}"
        ) from None
