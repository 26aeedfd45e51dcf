"""A collector on loopback, with a Kafka and keys that do as they are told."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import random
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from aiokafka.errors import KafkaConnectionError

from features import Millis
from streams.collect.admitting import Admitting
from streams.collect.connection import Connection
from streams.collect.limits import Limits
from streams.collect.producing import Publishing
from streams.collect.serving import Door, Parts, collector
from streams.keys import WriteKey, digest_of
from tests.servers import wait_for
from tests.streams.collect.speech import SEGMENT

SECRET = "ebb_secret"
WEB = WriteKey(name="web", digest=digest_of(SECRET))
TOPICS = {"clickstream": "clickstream", "dead_letters": "dead-letters", "outcomes": "outcomes"}


@dataclass
class Sent:
    """A record as the broker has it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int | None


class Metadata:
    """What a broker tells of its topics."""

    def __init__(self, topics: set[str]) -> None:
        self._topics = topics

    def partitions_for_topic(self, name: str) -> set[int] | None:
        return {0, 1, 2, 3} if name in self._topics else None


@dataclass
class Broker:
    """A Kafka: ``away`` refuses, ``held`` does not answer until it is let go."""

    away: bool = False
    held: bool = False
    topics: set[str] = field(default_factory=lambda: set(TOPICS.values()))
    records: list[Sent] = field(default_factory=list)
    waiting: list[tuple[asyncio.Future[None], list[Sent]]] = field(default_factory=list)
    producers: int = 0
    batches: int = 0
    #: Records of one batch.
    holds: int = 1_000
    #: Raised for the next batch, as aiokafka raises it for one that cannot be sent.
    failure: Exception | None = None

    def let_go(self) -> None:
        """Answer again; call it in the loop of the producers."""
        self.held = False
        for future, sent in self.waiting:
            if not future.done():
                self.records += sent
                future.set_result(None)
        self.waiting.clear()

    def producer(self) -> Producer:
        return Producer(self)


class Producer:
    """The part of aiokafka's producer that is used."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.client = self

    async def start(self) -> None:
        if self._broker.away:
            raise KafkaConnectionError("nobody there")
        self._broker.producers += 1

    async def stop(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def fetch_all_metadata(self) -> Metadata:
        if self._broker.away:
            raise KafkaConnectionError("nobody there")
        return Metadata(self._broker.topics)

    def create_batch(self) -> Batch:
        return Batch(self._broker.holds)

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[None]:
        broker = self._broker
        broker.batches += 1
        failure, broker.failure = broker.failure, None
        if failure is not None:
            raise failure
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent = [Sent(topic, *record, partition) for record in batch.records]
        if broker.held or broker.away:
            broker.waiting.append((future, sent))
        else:
            broker.records += sent
            future.set_result(None)
        return future


class Batch:
    """Records for one partition, as many as it holds."""

    def __init__(self, holds: int) -> None:
        self._holds = holds
        self.records: list[tuple[Any, Any, Any]] = []

    def append(self, *, timestamp: None, key: Any, value: Any, headers: Any) -> object:
        if len(self.records) >= self._holds:
            return None
        self.records.append((key, value, headers))
        return self


@dataclass
class Keys:
    """The keys in Redis."""

    known: list[WriteKey] = field(default_factory=lambda: [WEB])
    away: bool = False
    looks: int = 0

    async def all(self) -> list[WriteKey]:
        self.looks += 1
        if self.away:
            raise ConnectionError("nobody there")
        return list(self.known)


@dataclass
class Answer:
    """What a sender is told."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a refusal, which has words, too."""
        assert self.said["message"]
        return str(self.said["code"])


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def wall(self) -> Millis:
        return round(self.now * 1_000)

    def ticks(self) -> float:
        return self.now


class Collector:
    """A running collector, and what stands behind it."""

    def __init__(self, limits: Limits, broker: Broker, keys: Keys) -> None:
        self.broker, self.keys, self.clock = broker, keys, Clock()
        self.publishing = Publishing(
            broker.producer, TOPICS, slow=2_000, wait=300, ticks=self.clock.ticks
        )
        self.admitting = Admitting(
            keys.all, open=limits.open, wall=self.clock.wall, ticks=self.clock.ticks
        )
        self.door = Door(
            Parts(
                limits,
                SEGMENT,
                self.admitting,
                self.publishing,
                self.clock.wall,
                random.Random(7),
            )
        )
        self.loop: Any = None
        config = uvicorn.Config(
            collector(self.door, limits, self._lifespan),
            http=Connection,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
        )
        self.server = uvicorn.Server(config)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])

    @asynccontextmanager
    async def _lifespan(self, app: object) -> AsyncIterator[None]:
        self.loop = asyncio.get_running_loop()
        await self.admitting.look()
        task = asyncio.create_task(self.publishing.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def call(self, work: Any) -> None:
        """Run something in the collector's loop."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (work(), done.set()))
        assert done.wait(10)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        key: str | None = SECRET,
        **headers: str,
    ) -> Answer:
        """Send a request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None and "authorization" not in named:
            named["authorization"] = basic(key)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def post(self, path: str, said: Any, **words: Any) -> Answer:
        """Send something as JSON."""
        return self.ask("POST", path, json.dumps(said).encode(), **words)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that the broker has."""
        return [
            json.loads(sent.value or b"")
            for sent in self.broker.records
            if sent.topic == "clickstream"
        ]

    @property
    def letters(self) -> list[Sent]:
        """The dead letters that the broker has."""
        return [sent for sent in self.broker.records if sent.topic == "dead-letters"]


def basic(key: str) -> str:
    return f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"


@contextmanager
def running(
    limits: Limits | None = None,
    broker: Broker | None = None,
    keys: Keys | None = None,
    ready: bool = True,
) -> Iterator[Collector]:
    """Run a collector in a thread of its own."""
    made = Collector(limits or Limits(), broker or Broker(), keys or Keys())
    thread = threading.Thread(
        target=lambda: made.server.run(sockets=[made.socket]), name="collector"
    )
    thread.start()
    try:
        wait_for("it listens", lambda: made.server.started, 10, 0.01)
        if ready:
            wait_for("it is ready", lambda: not made.publishing.trouble, 10, 0.01)
        yield made
    finally:
        made.server.should_exit = True
        made.call(lambda: made.broker.let_go())
        thread.join(30)
        assert not thread.is_alive()
        made.socket.close()


def event(number: int = 1, **more: Any) -> dict[str, Any]:
    """Return an event in our own schema."""
    return {"event_id": f"e{number}", "user_id": "ada", "type": "visit", "time": 0, **more}
