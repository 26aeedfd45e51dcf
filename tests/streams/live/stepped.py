"""Kafka and Redis as one process sees them, which may be stopped between any two steps."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from aiokafka.errors import KafkaConnectionError

from features import Millis
from features.store import Commit, MemoryStore, Page, StoreAway
from features.store import Record as Stored
from streams.live.cursor import Log
from streams.live.relay import bare
from streams.topics import partition_of
from tests.streams.live.fakes import Record

PARTITIONS: Final = 2
CLICKSTREAM, REKEYED, TRAINING = "clickstream", "clickstream-rekeyed", "training"
#: Full name of each topic by its name in the settings, and how many partitions it has here.
TOPICS: Final = {
    "interventions": "interventions",
    "training": TRAINING,
    "models": "models",
    "model_events": "model-events",
    "dead_letters": "dead-letters",
    "rekeyed": REKEYED,
}
SPREAD: Final = (CLICKSTREAM, REKEYED)


class Stepper(Protocol):
    """A process, as far as Kafka and Redis have to do with it.

    ``dead``: it does nothing any more. ``sends``: how many messages the broker still takes from
    it, None for any number; ``answers``: whether it says so. ``producer``: its last one.
    ``torn``: whether the store dies in the middle of its next commit; True: after the mark.
    """

    dead: bool
    sends: int | None
    answers: bool
    producer: FlightProducer | None
    torn: bool | None

    async def step(self) -> None:
        """Take a step, or wait until one may be taken."""
        ...


class Broker:
    """Topics as lists; what was written stays."""

    def __init__(self) -> None:
        self.logs: defaultdict[tuple[str, int], list[Record]] = defaultdict(list)
        #: What the consumer groups would remember; nobody should ask.
        self.group: dict[tuple[str, int], int] = {}
        self.now: Millis = 0

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        if partition is None:
            partition = partition_of(key or b"", PARTITIONS) if topic in SPREAD else 0
        log = self.logs[topic, partition]
        log.append(Record(len(log), value, key, self.now, topic, partition, tuple(headers)))

    def all_of(self, topic: str) -> list[Record]:
        return [r for n in range(PARTITIONS) for r in self.logs[topic, n]]

    def log(self, topic: str, partition: int) -> Log:
        log = self.logs[topic, partition]

        async def holds(offset: int) -> bool:
            return offset < len(log)

        return Log(0, len(log), f"id of {topic}", holds)


class FlightProducer:
    """A producer of one process: the broker takes and answers what the process's luck allows."""

    def __init__(self, broker: Broker, process: Stepper) -> None:
        self._broker, self._process = broker, process
        self._sent: list[tuple[Any, ...]] = []
        self._flights: list[asyncio.Future[None]] = []
        self._taken = 0

    async def start(self) -> None:
        self._process.producer = self

    async def stop(self) -> None:
        """End: what the broker has not taken by now, it never gets."""
        for flight in self._flights:
            flight.cancel()
        self._sent, self._flights, self._taken = [], [], 0

    async def send(
        self, topic: str, *, key: bytes | None, value: tuple[bytes | None], headers: Any
    ) -> asyncio.Future[None]:
        flight: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._process.dead:
            return flight
        self._sent.append((topic, key, bare(value), headers))
        self._flights.append(flight)
        self.go_on()
        return flight

    def go_on(self) -> None:
        """Have the broker take what it may, and answer if it may."""
        process = self._process
        while self._taken < len(self._sent) and process.sends != 0:
            self._broker.append(*self._sent[self._taken])
            self._taken += 1
            if process.sends is not None:
                process.sends -= 1
        if process.answers:
            for flight in self._flights[: self._taken]:
                flight.set_result(None)
            del self._flights[: self._taken], self._sent[: self._taken]
            self._taken = 0

    def fail(self) -> None:
        """Have the broker fail whatever is under way; what it has taken, it keeps."""
        for flight in self._flights:
            flight.set_exception(KafkaConnectionError("the broker is away"))
        self._sent, self._flights, self._taken = [], [], 0


class SteppedStore:
    """One process's way to the store."""

    def __init__(self, stores: Mapping[str, MemoryStore], role: str, process: Stepper) -> None:
        self._stores, self._role, self._process = stores, role, process

    async def _call(self, name: str, *values: Any) -> Any:
        await self._process.step()
        answer = await getattr(self._stores[self._role], name)(*values)
        await self._process.step()
        return answer

    async def mark(self, partition: int) -> bytes | None:
        answer: bytes | None = await self._call("mark", partition)
        return answer

    async def read(
        self, partition: int, customers: Iterable[str], due_by: Millis, limit: int
    ) -> Page:
        answer: Page = await self._call("read", partition, customers, due_by, limit)
        return answer

    async def commit(self, partition: int, commit: Commit) -> bool:
        torn, self._process.torn = self._process.torn, None
        if torn is None:
            answer: bool = await self._call("commit", partition, commit)
            return answer
        # The server's log of commands ends within the script. What the script writes first (the
        # outbox) is there; then come, in one command, records and mark; then the timers.
        if torn:
            await self._call("commit", partition, replace(commit, timers={}, stamp=None))
        elif (mark := commit.expected) is not None:
            outbox = Commit(mark, mark, outbox=commit.outbox, trim=commit.trim)
            await self._call("commit", partition, outbox)
        raise StoreAway("torn")

    async def stamp(self, partition: int) -> int | None:
        answer: int | None = await self._call("stamp", partition)
        return answer

    async def customers(self, partition: int) -> AsyncIterator[tuple[str, Stored]]:
        async for customer in self._stores[self._role].customers(partition):
            await self._process.step()
            yield customer

    async def outbox(self, partition: int, sequence: range) -> dict[int, bytes]:
        answer: dict[int, bytes] = await self._call("outbox", partition, sequence)
        return answer
