"""What the live room speaks to, without a broker: records, a producer, a relay that takes note."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from features import Event, Millis, encode_event
from streams.live.cursor import Chunk, Cursor, Log, offsets_after
from streams.live.held import Held

HERE = TP("clickstream", 0)


@dataclass(frozen=True)
class Record:
    """A record as aiokafka hands it over."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    timestamp: Millis = 0
    topic: str = HERE.topic
    partition: int = HERE.partition
    headers: tuple[tuple[str, bytes], ...] = ()


def recorded(events: Sequence[Event], first: int = 0) -> list[Record]:
    """Return events as they lie in the log, each arriving when it happened."""
    return [
        Record(first + number, encode_event(event), event.user_id.encode(), event.at)
        for number, event in enumerate(events)
    ]


def chunk_of(cursor: Cursor, records: Sequence[Any] = (), *, caught_up: bool = True) -> Chunk:
    """Return the next chunk that the cursor's partition would deliver."""
    start = dict(cursor.next)
    cursor.next = offsets_after(start, records)
    return Chunk(cursor, start, dict(cursor.next), tuple(records), caught_up)


def logs(*topics: str, first: int = 0, last: int = 1_000, topic_id: str = "") -> dict[str, Log]:
    """Return what a broker says whose logs hold everything from ``first`` up to ``last``."""

    async def holds(offset: int) -> bool:
        return first <= offset < last

    return {topic: Log(first, last, topic_id, holds) for topic in topics}


@dataclass
class Taken:
    """Stands in for the relay where nothing is to be published: knows what it was given."""

    held: dict[Any, Held] = field(default_factory=dict)
    woken: int = 0

    def take(self, partition: int, held: Held) -> None:
        self.held[partition] = held

    def let_go(self, partition: int) -> None:
        self.held.pop(partition, None)

    async def finish(self) -> None:
        for held in self.held.values():
            await held.tidy()

    def wake(self) -> None:
        self.woken += 1


class Producer:
    """A producer whose broker answers when it is told to, or not at all.

    ``failures`` of the first sends are refused; while ``answers`` is cleared, nothing is
    acknowledged.
    """

    def __init__(self, failures: int = 0) -> None:
        self.sent: list[tuple[str, bytes | None, bytes | None]] = []
        self.headers: list[Any] = []
        self.failures = failures
        self.answers = asyncio.Event()
        self.answers.set()
        self.started = False

    async def start(self) -> None:
        self.started = True

    async def stop(self) -> None:
        self.started = False

    async def send(
        self, topic: str, *, key: bytes | None, value: tuple[bytes | None], headers: Any
    ) -> asyncio.Future[None]:
        assert self.started
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("the broker is away")
        self.sent.append((topic, key, value[0]))
        self.headers.append(headers)
        return asyncio.ensure_future(self._acknowledged())

    async def _acknowledged(self) -> None:
        await self.answers.wait()


async def eventually(what: str, holds: Any) -> None:
    """Let other tasks work until ``holds()``; fail with ``what`` after five seconds."""

    async def wait() -> None:
        while not holds():
            await asyncio.sleep(0.001)

    try:
        await asyncio.wait_for(wait(), 5)
    except TimeoutError:
        raise AssertionError(f"not within 5 s: {what}") from None
