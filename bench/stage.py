"""The servers that a measurement runs on, and each measurement's own corner of them."""

from __future__ import annotations

import asyncio
import itertools
import logging
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from aiokafka import AIOKafkaProducer
from rich.console import Console

from bench.shopping import Message
from streams.demo import Child
from streams.settings import Settings, load_settings
from streams.topics import create_topics, open_admin, topic_plan
from tests.servers import (
    ROOT,
    ServerError,
    clean_environment,
    first_that_answers,
    kafka_sources,
    redis_sources,
)

console = Console(stderr=True)
_corners = itertools.count()
#: Bytes of a batch; the broker takes at most a million.
_BATCH = 512 * 1024
# It tells that a topic which was just made has no leader yet, and tries again.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Servers:
    """A Kafka and a Redis, and what they are."""

    kafka: str
    redis: str
    backends: str
    folder: Path


@contextmanager
def servers() -> Iterator[Servers]:
    """Bring up a Kafka and a Redis, the realest that this machine has; stop them at the end.

    The same sources as for the tests: ``EBB_TEST_KAFKA`` and ``EBB_TEST_REDIS`` name others.
    """
    folder = Path(tempfile.mkdtemp(prefix="ebb-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        console.print("starting Kafka and Redis ...")
        try:
            kafka = first_that_answers("Kafka", kafka_sources(), folder)
            stack.callback(kafka.stop)
            store = first_that_answers("Redis", redis_sources(), folder)
            stack.callback(store.stop)
        except ServerError as error:
            sys.exit(str(error))
        backends = f"Kafka = {kafka.backend}   Redis = {store.backend}"
        console.print(backends)
        yield Servers(kafka.address, store.address, backends, folder)


class Corner:
    """A namespace of one's own, and topics; what was written to Redis goes at the end.

    With the ``prefix`` of another corner, its topics are used, and read anew from the start.
    """

    def __init__(
        self, servers: Servers, partitions: int, prefix: str = "", **settings: str
    ) -> None:
        self.name = f"bench-{uuid.uuid4().hex[:8]}"
        self.servers = servers
        self.partitions = partitions
        self.folder = servers.folder / f"{next(_corners)}-{self.name}"
        self.folder.mkdir(parents=True)
        self.environment = {
            "EBB_KAFKA": servers.kafka,
            "EBB_REDIS": servers.redis,
            "EBB_REDIS_NAMESPACE": self.name,
            "EBB_TOPICS_PREFIX": prefix or f"{self.name}.",
            "EBB_TOPICS_PARTITIONS": str(partitions),
            "EBB_CLOCK": "events",
            **settings,
        }
        self.redis = redis.Redis.from_url(servers.redis)
        self._children: list[Child] = []
        self._own_topics = not prefix
        create_topics(self.settings)

    @property
    def settings(self) -> Settings:
        """The settings that lead here."""
        return load_settings(environ=self.environment).settings

    def topic(self, name: str) -> str:
        """Return a topic's full name."""
        return self.settings.topic(name)

    def start(self, name: str, command: list[str], env: Mapping[str, str] | None = None) -> Child:
        """Start a process in this corner; it ends with it."""
        log = self.folder / f"{name}-{len(self._children)}.log"
        environment = clean_environment({**self.environment, **(env or {})})
        child = Child(name, command, log, env=environment, cwd=self.folder)
        self._children.append(child)
        return child

    def ebb(self, *arguments: str) -> Child:
        """Start ``ebb ARGUMENTS``, a worker for instance, as a user would."""
        return self.start(arguments[0], [sys.executable, "-m", "streams.cli", *arguments])

    def stop(self) -> None:
        """End what was started here."""
        for child in self._children:
            if child.running:
                child.terminate()
        for child in self._children:
            child.stop()
        self._children.clear()

    def __enter__(self) -> Corner:
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()
        for key in self.redis.scan_iter(f"{self.name}*", count=10_000):
            self.redis.unlink(key)
        self.redis.close()
        if self._own_topics:
            with open_admin(self.settings) as admin:
                admin.delete_topics([plan.name for plan in topic_plan(self.settings)])
        shutil.rmtree(self.folder, ignore_errors=True)


def fill(kafka: str, topic: str, messages: Iterable[Message], partitions: int) -> int:
    """Send all messages as fast as the broker takes them; return how many."""
    return asyncio.run(_fill(kafka, topic, messages, partitions))


async def _fill(kafka: str, topic: str, messages: Iterable[Message], partitions: int) -> int:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, enable_idempotence=True, max_batch_size=_BATCH
    )
    await producer.start()
    count = 0
    try:
        batches = [producer.create_batch() for _ in range(partitions)]
        for message in messages:
            home = message.partition
            added = batches[home].append(key=message.key, value=message.value, timestamp=None)
            if added is None:
                await producer.send_batch(batches[home], topic, partition=home)
                batches[home] = producer.create_batch()
                batches[home].append(key=message.key, value=message.value, timestamp=None)
            count += 1
        for home, batch in enumerate(batches):
            if batch.record_count():
                await producer.send_batch(batch, topic, partition=home)
        await producer.flush()
    finally:
        await producer.stop()
    return count


__all__ = ["ROOT", "Corner", "Servers", "console", "fill", "servers"]
