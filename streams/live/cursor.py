"""A partition in the hand of a worker: where reading goes on, and what waits to be handled.

A cursor is one assignment of a partition, from the moment its place was read from the store.
Dropping it is the one reaction to a fence, an error, a revoke or a doubt: its queued chunks are
skipped, its cache goes with it, and the place is read again.

A partition may be fed by several topics with the same number of partitions: partition N of
``clickstream`` and of ``clickstream-rekeyed`` are one stream, and one state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Final, NamedTuple, Protocol

from streams.live.stopping import EventsMissing

#: Bytes of the records in one chunk; a single one may be larger.
CHUNK_BYTES: Final = 4 * 1024 * 1024

#: Offsets by full name of the topic.
Offsets = Mapping[str, int]


@dataclass(eq=False)
class Cursor:
    """One assignment of a partition.

    Parameters
    ----------
    partition
        Its number, in every topic.
    committed
        Offset after the last record whose effects are stored, in each topic.
    held
        The handler's own: mark, cache, outbox.
    """

    partition: int
    committed: Offsets
    held: Any
    #: Offset after the last record that was put into a chunk.
    next: dict[str, int] = field(init=False)
    #: Records that were fetched and wait for their turn among those of other topics.
    waiting: dict[str, deque[Any]] = field(init=False)
    queued: int = 0
    seen: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.next = dict(self.committed)
        self.waiting = {topic: deque() for topic in self.committed}

    def fetched(self, topic: str) -> int:
        """Return the offset after the last record that was fetched."""
        waiting = self.waiting[topic]
        return waiting[-1].offset + 1 if waiting else self.next[topic]


@dataclass(frozen=True, eq=False)
class Chunk:
    """Records of one partition, in order; none of them when it is only time to look around.

    Parameters
    ----------
    cursor
        Skip the chunk when this is no longer the partition's cursor.
    start, end
        Offsets from which it follows on (where the chunk before it ended), and where it ends.
    records
        aiokafka's records; each topic's in the order of its offsets.
    caught_up
        Whether the logs held nothing more when the chunk was made.
    """

    cursor: Cursor
    start: Offsets
    end: Offsets
    records: tuple[Any, ...]
    caught_up: bool


class Log(NamedTuple):
    """What the broker says of one topic's partition.

    Parameters
    ----------
    first, last
        Offsets of the first record, and after the last one.
    topic_id
        Kafka's id of the topic; empty when the broker does not tell.
    holds
        Asks whether there is a record at or after an offset: not every broker tells its end
        rightly.
    """

    first: int
    last: int
    topic_id: str
    holds: Callable[[int], Awaitable[bool]]


class Reader(Protocol):
    """Who handles chunks, and remembers the place in each partition."""

    #: Most records in one chunk.
    batch: int
    #: Full names of the topics that it reads, of equal numbers of partitions.
    topics: tuple[str, ...]

    async def open(self, partition: int, logs: Mapping[str, Log]) -> tuple[Offsets, Any]:
        """Return the offsets to go on from, and what to hold."""
        ...

    async def handle(self, chunk: Chunk) -> None:
        """Handle a chunk and store its effects."""
        ...

    def let_go(self, partition: int) -> None:
        """Stop publishing for a partition: its cursor was dropped."""
        ...

    async def finish(self) -> None:
        """Publish what waits, before the process ends."""
        ...


class Place(NamedTuple):
    """Where reading goes on in a topic, and how many records before it are gone for ever."""

    offset: int
    missing: int = 0


async def place_in(name: str, log: Log, position: int, topic_id: str, *, accept_gap: bool) -> Place:
    """Return where to go on in a log, given what the state says.

    Parameters
    ----------
    name
        Topic and partition, for people.
    log
        What the broker has.
    position
        Offset of the next record to apply; negative before the first.
    topic_id
        Id of the topic that the position belongs to; empty when not known.
    accept_gap
        Whether to go on when records are missing.

    Raises
    ------
    EventsMissing
        If the log no longer holds what comes next, and that is not accepted.
    """
    if position < 0:
        return Place(log.first)
    mend = "Restore it, or go on without them: ebb worker --accept-gap"
    if topic_id and log.topic_id and topic_id != log.topic_id:
        if accept_gap:
            return Place(log.first, log.first)
        raise EventsMissing(
            f"{name}: the topic was deleted and created anew; the state reflects the old one up to "
            f"offset {position}, and what came after that is gone. {mend}"
        )
    if position < log.first:
        if accept_gap:
            return Place(log.first, log.first - position)
        raise EventsMissing(
            f"{name}: the state is at offset {position}, but the log now starts at {log.first}: "
            f"{log.first - position} records are missing. {mend}"
        )
    if position > log.last and not await log.holds(position - 1):
        if accept_gap:
            # Of a topic that is another one, nothing was applied. What was, is known by its id.
            return Place(log.last if topic_id and topic_id == log.topic_id else log.first)
        raise EventsMissing(
            f"{name}: the state is at offset {position}, but the log ends at {log.last}: it has "
            f"lost records, or is another one. {mend}"
        )
    return Place(position)


def in_turn(
    waiting: Mapping[str, deque[Any]], caught_up: Callable[[str], bool], most: int
) -> list[Any]:
    """Take records out of what waits, in the order in which they arrived in their logs.

    A topic of which nothing waits stops the others unless it is known to be read to its end:
    what comes from there may have arrived earlier. So a rebuild from the logs sees the topics in
    the order in which they grew.

    Parameters
    ----------
    waiting
        Fetched records by topic; the first topic goes first when two arrived at once.
    caught_up
        Whether a topic is known to be read to its end.
    most
        How many to take at most.
    """
    full = [queue for queue in waiting.values() if queue]
    if any(not queue and not caught_up(topic) for topic, queue in waiting.items()):
        return []
    if len(full) == 1:
        [queue] = full
        return [queue.popleft() for _ in range(min(most, len(queue)))]
    taken: list[Any] = []
    while full and len(taken) < most:
        first = min(full, key=_arrival)
        taken.append(first.popleft())
        if not first:
            full.remove(first)
            topic = next(topic for topic, queue in waiting.items() if queue is first)
            if not caught_up(topic):
                break
    return taken


def _arrival(queue: deque[Any]) -> int:
    arrived: int = queue[0].timestamp
    return arrived


def offsets_after(offsets: Offsets, records: Sequence[Any]) -> dict[str, int]:
    """Return the offsets after the records."""
    after = dict(offsets)
    for record in records:
        after[record.topic] = record.offset + 1
    return after


def pieces(records: Sequence[Any], most: int = CHUNK_BYTES) -> Iterator[tuple[Any, ...]]:
    """Cut records into chunks that are not too large to be handled, and stored, at once."""
    start, size = 0, 0
    for place, record in enumerate(records):
        size += len(record.value or b"")
        if size > most and place > start:
            yield tuple(records[start:place])
            start, size = place, len(record.value or b"")
    yield tuple(records[start:])


def joined(chunks: deque[Chunk], batch: int, most: int = CHUNK_BYTES) -> tuple[Chunk, int]:
    """Take the next chunk, and with it those that follow on and fit in the same batch.

    What comes a few records at a time would else be stored a few records at a time, each time with
    the timers that are due.

    Parameters
    ----------
    chunks
        What waits, of one partition; at least one. What is taken is removed.
    batch
        Most records in one batch.
    most
        Most bytes of their values.

    Returns
    -------
    tuple
        The chunk, and how many it was.
    """
    first = last = chunks.popleft()
    if not chunks or len(first.records) >= batch:
        return first, 1
    records, count = list(first.records), 1
    size = _size(first)
    while chunks and chunks[0].cursor is first.cursor and chunks[0].start == last.end:
        size += _size(chunks[0])
        if size > most or len(records) + len(chunks[0].records) > batch:
            break
        last = chunks.popleft()
        records += last.records
        count += 1
    return replace(last, start=first.start, records=tuple(records)), count


def _size(chunk: Chunk) -> int:
    return sum(len(record.value or b"") for record in chunk.records)
