"""Apache Kafka and Redis in containers, where a Docker engine answers."""

from __future__ import annotations

from streams.demo import free_port
from tests.servers.backend import Server, ServerError

KAFKA_IMAGE = "apache/kafka:4.1.0"
REDIS_IMAGE = "redis:7"
_DATABASES = 1_024


def kafka() -> Server:
    """Start Apache Kafka."""
    _engine()
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    # The broker tells its clients where it is, so the port must be the same inside and outside.
    port = free_port()
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port)
    for name, value in {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://localhost:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://localhost:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    }.items():
        container = container.with_env(name, value)
    container.waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    return _started(container, f"localhost:{port}", "Apache Kafka 4.1.0 (container)")


def redis() -> Server:
    """Start Redis."""
    _engine()
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    port = free_port()
    container = DockerContainer(REDIS_IMAGE).with_bind_ports(6379, port)
    container.with_command(f"redis-server --databases {_DATABASES} --save ''")
    container.waiting_for(LogMessageWaitStrategy("Ready to accept connections"))
    return _started(container, f"redis://localhost:{port}/0", "Redis 7 (container)")


def _started(container: object, address: str, backend: str) -> Server:
    try:
        container.start()  # type: ignore[attr-defined]  # imported only where an engine answers
    except Exception as error:  # docker, requests and testcontainers each raise their own
        raise ServerError(f"the container did not start: {error}") from None
    return Server(address, backend, real=True, stop=container.stop)  # type: ignore[attr-defined]


def _engine() -> None:
    try:
        import docker
        import testcontainers.core.container  # noqa: F401  # absent without the extra
    except ImportError as error:
        raise ServerError(f"testcontainers is not installed ({error})") from None
    try:
        client = docker.from_env(timeout=5)
        try:
            client.ping()
        finally:
            client.close()
    except Exception as error:  # docker and requests each raise their own
        raise ServerError(f"no Docker engine answers ({type(error).__name__})") from None
