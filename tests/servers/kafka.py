"""Where a Kafka for the tests may come from, the realest first."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from streams.demo import EmbeddedError, EmbeddedServers
from tests.servers import apache_kafka, containers
from tests.servers.backend import Server, ServerError, Source


def kafka_sources(environ: Mapping[str, str] = os.environ) -> list[Source]:
    """Return the sources in the order in which they are tried."""
    given = environ.get("EBB_TEST_KAFKA")
    if given:
        # Whoever names a server wants that one: if it is away, another would only hide it.
        return [Source("EBB_TEST_KAFKA", lambda _: at(given))]
    return [
        Source("testcontainers", lambda _: containers.kafka()),
        Source("Maven artifacts", apache_kafka.start),
        Source("embedded broker", _embedded),
    ]


def at(bootstrap: str) -> Server:
    """Return the Kafka that already runs at ``bootstrap``."""
    try:
        features = _features(bootstrap)
    except (KafkaError, OSError, ValueError) as error:
        raise ServerError(f"no Kafka answers at {bootstrap}: {error}") from None
    # Only Apache Kafka itself keeps the version of its own metadata as a feature.
    real = "metadata.version" in features
    product = "Apache Kafka" if real else "a broker that is not Apache Kafka"
    return Server(bootstrap, f"{product} (EBB_TEST_KAFKA, {bootstrap})", real=real)


def _features(bootstrap: str) -> Mapping[str, Any]:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=5_000)
    try:
        found: Mapping[str, Any] = admin.describe_features()
        return found
    finally:
        admin.close()


def _embedded(folder: Path) -> Server:
    try:
        servers = EmbeddedServers(folder / "embedded-kafka")
    except EmbeddedError as error:
        raise ServerError(str(error)) from None
    warnings.warn(
        "THE TESTS RUN ON THE EMBEDDED BROKER, which is not Apache Kafka: install a JDK 17 and "
        "Maven, or name one in EBB_TEST_KAFKA",
        stacklevel=2,
    )
    return Server(
        servers.bootstrap, "embedded broker (NOT Apache Kafka)", real=False, stop=servers.stop
    )
