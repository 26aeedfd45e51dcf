"""How records reach an agent: in chunks, from the place that the store remembers.

Stock Faust hands an agent one record at a time, which costs four tasks a record, and resumes
from the consumer group's offset, which knows nothing of what was stored. Here an ordinary
``@app.agent`` receives a `Chunk`: the raw records of one partition, in order, with the `Cursor`
that they were read by.

A cursor is one assignment of a partition, from the moment its place was read from the store.
Dropping it is the one reaction to a fence, an error, a revoke or a doubt: its queued chunks are
skipped by the agent, its cache goes with it, and the drain loop, which alone seeks, reads the
place again. Group offsets are published for lag monitors only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any, Final, Protocol

import faust
from faust.transport.drivers.aiokafka import Consumer, ensure_aiokafka_TP
from faust.types import TP, ConsumerMessage

from streams.live.stopping import CannotGoOn, EventsMissing

logger = logging.getLogger(__name__)


def _news(record: logging.LogRecord) -> bool:
    """Tell whether a log record says more than `ChunkApp.give_up` has said in words."""
    return not (record.exc_info and isinstance(record.exc_info[1], CannotGoOn))


# Faust's services log a crash with its traceback, under the module of their class.
logger.addFilter(_news)

#: Chunks of one partition that may wait for the agent.
_QUEUED: Final = 6
#: Seconds between looks at a partition in which nothing happens: its timers and its outbox.
TICK: Final = 0.25
#: Seconds to wait for records; short while a full partition may soon have room again.
_FETCH: Final = 0.2
_FETCH_BUSY: Final = 0.01
_BACKOFF: Final = (0.2, 5.0)
#: Seconds to wait for a record that must be there.
_PROBE: Final = 3.0
#: Seconds that publishing offsets for lag monitors may take.
_COMMIT: Final = 2.0
#: Seconds for which the broker's last word on the end of the log counts.
_FRESH: Final = 5.0


@dataclass(eq=False)
class Cursor:
    """One assignment of a partition: where reading goes on, and what the handler holds for it.

    Parameters
    ----------
    tp
        Topic and partition.
    committed
        Offset after the last record whose effects are stored.
    held
        The handler's own: mark, cache, outbox.
    """

    tp: TP
    committed: int
    held: Any
    next: int = field(init=False)
    queued: int = 0
    seen: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.next = self.committed


@dataclass(frozen=True, eq=False)
class Chunk:
    """Records of one partition, in order; none of them when it is only time to look around.

    Parameters
    ----------
    cursor
        Skip the chunk when this is no longer the partition's cursor.
    start
        Offset from which it follows on: where the chunk before it ended.
    records
        aiokafka's records.
    caught_up
        Whether the log held nothing more when the chunk was read.
    """

    cursor: Cursor
    start: int
    records: tuple[Any, ...]
    caught_up: bool


class Reader(Protocol):
    """Who handles chunks, and remembers the place in each partition."""

    #: Most records in one chunk.
    batch: int

    async def open(self, tp: TP) -> tuple[int | None, Any]:
        """Return the offset to go on from (None: the log's start), and what to hold."""
        ...

    async def handle(self, chunk: Chunk) -> int:
        """Handle a chunk and store its effects; return the offset after it."""
        ...

    def let_go(self, tp: TP) -> None:
        """Stop publishing for a partition: its cursor was dropped."""
        ...


class ChunkConsumer(Consumer):
    """Faust's aiokafka consumer, delivering chunks from the store's position."""

    app: ChunkApp

    @property
    def _reader(self) -> Reader:
        reader: Reader = self.app.reader
        return reader

    @property
    def cursors(self) -> dict[TP, Cursor]:
        """The current cursor of each partition."""
        cursors: dict[TP, Cursor] = self.__dict__.setdefault("_cursors", {})
        return cursors

    @property
    def _room(self) -> asyncio.Event:
        room: asyncio.Event = self.__dict__.setdefault("_room_event", asyncio.Event())
        return room

    def drop(self, cursor: Cursor) -> None:
        """Forget a cursor; the drain loop will read the place again."""
        if self.cursors.get(cursor.tp) is cursor:
            del self.cursors[cursor.tp]
            self._reader.let_go(cursor.tp)

    def _drop_all(self) -> None:
        for cursor in list(self.cursors.values()):
            self.drop(cursor)

    def done(self, cursor: Cursor) -> None:
        """Make room for another chunk of a partition."""
        cursor.queued -= 1
        self._room.set()

    # -- what Faust calls -----------------------------------------------------------------

    async def perform_seek(self) -> None:
        """Drop every cursor instead of seeking: this races with a fetch under way."""
        self._drop_all()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Drop every cursor instead of seeking."""
        self._drop_all()
        return {}

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Drop the cursors, their caches and their queued chunks with them."""
        self._drop_all()
        await super().on_partitions_revoked(revoked)

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Publish the positions for lag monitors; nothing depends on it."""
        offsets = {ensure_aiokafka_TP(tp): cursor.committed for tp, cursor in self.cursors.items()}
        if not offsets or self.app.rebalancing:
            return False
        thread = self._thread

        async def publish() -> bool:
            # Bounded inside the thread: its queue has two workers, and fetching needs one.
            await asyncio.wait_for(thread._ensure_consumer().commit(offsets), _COMMIT)
            return True

        try:
            return bool(await thread.call_thread(publish))
        except Exception as error:
            logger.debug("offsets not published: %s", error)
            return False

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Not Faust's business: positions and lag are in the store, see ``ebb status``."""

    async def _drain_messages(self, fetcher: Any) -> None:
        pause = _BACKOFF[0]
        while not (self.should_stop or fetcher.should_stop):
            if not self.flow_active:
                await self.wait(self.can_resume_flow)
                continue
            try:
                await self._open_missing()
                await self._deliver()
                pause = _BACKOFF[0]
            except self.consumer_stopped_errors:
                return
            except CannotGoOn as error:
                await self.app.give_up(error)
                return
            except (TimeoutError, ConnectionError, OSError) as error:
                logger.warning("waiting for the store: %s", error)
                await self.sleep(pause)
                pause = min(pause * 2, _BACKOFF[1])

    # -- reading --------------------------------------------------------------------------

    async def _open_missing(self) -> None:
        assigned = self.assignment()
        for cursor in [cursor for tp, cursor in self.cursors.items() if tp not in assigned]:
            self.drop(cursor)
        missing = {tp: ensure_aiokafka_TP(tp) for tp in assigned - self.cursors.keys()}
        if not missing:
            return
        # All at once: on a quiet topic, each question waits behind a fetch that waits for records.
        firsts, lasts = await asyncio.gather(
            self._thread.earliest_offsets(*missing.values()),
            self._thread.highwaters(*missing.values()),
        )
        for tp, where in missing.items():
            cursor = await self._open(tp, where, firsts[where], lasts[where])
            if not self.flow_active or tp not in self.assignment():
                return
            self.cursors[tp] = cursor

    async def _open(self, tp: TP, where: Any, first: int, last: int) -> Cursor:
        position, held = await self._reader.open(tp)
        if position is None:
            position = first
        if position < first:
            raise EventsMissing(
                f"{tp.topic}-{tp.partition}: the state is at offset {position}, but the log now "
                f"starts at {first}: {first - position} records are missing. Restore them, or "
                "start afresh with another redis.namespace"
            )
        if position > last and not await self._holds(where, position - 1):
            raise EventsMissing(
                f"{tp.topic}-{tp.partition}: the state is at offset {position}, but the log ends "
                f"at {last}: the topic was created anew. Start afresh with another redis.namespace"
            )
        await self._seek_to(where, position)
        return Cursor(tp, position, held)

    async def _seek_to(self, where: Any, offset: int) -> None:
        thread = self._thread

        async def seek() -> None:
            thread._ensure_consumer().seek(where, offset)

        await thread.call_thread(seek)

    async def _holds(self, where: Any, offset: int) -> bool:
        """Whether the log holds a record: not every broker tells its end rightly when asked."""
        await self._seek_to(where, offset)
        fetched = await self._getmany({where}, _PROBE)
        return any(record.offset >= offset for record in fetched.get(where, ()))

    async def _deliver(self) -> None:
        ready = {tp for tp, cursor in self.cursors.items() if cursor.queued < _QUEUED}
        if not ready:
            self._room.clear()
            await self.wait_first(self._room.wait(), self.sleep(_FETCH))
            return
        busy = len(ready) < len(self.cursors)
        fetched = await self._getmany(ready, _FETCH_BUSY if busy else _FETCH)
        batch = self._reader.batch
        for tp, records in fetched.items():
            cursor = self.cursors.get(tp)
            if cursor is None or not self.flow_active:
                continue
            fresh = [record for record in records if record.offset >= cursor.next]
            if fresh and fresh[0].offset > cursor.next:
                await self._check_gap(cursor, fresh[0].offset)
            for start in range(0, len(fresh), batch):
                await self._put(cursor, tuple(fresh[start : start + batch]))
        now = monotonic()
        for cursor in list(self.cursors.values()):
            if not cursor.queued and now - cursor.seen >= TICK:
                await self._put(cursor, ())

    async def _check_gap(self, cursor: Cursor, found: int) -> None:
        """Tell a legal gap (a transaction's marker) from records that were deleted unread."""
        where = ensure_aiokafka_TP(cursor.tp)
        first = (await self._thread.earliest_offsets(where))[where]
        if first > cursor.next:
            raise EventsMissing(
                f"{cursor.tp.topic}-{cursor.tp.partition}: {first - cursor.next} records from "
                f"offset {cursor.next} on were deleted before they were read; lengthen the "
                "topic's retention"
            )
        logger.debug("%s: offsets %d to %d hold no records", cursor.tp, cursor.next, found)

    def _caught_up(self, cursor: Cursor) -> bool:
        """Whether the broker has lately said that there is nothing more.

        While it is away nobody knows: what has arrived there meanwhile must not find that time
        has passed it by.
        """
        assignment = self._thread._ensure_consumer()._subscription.subscription.assignment
        if assignment is None:
            return False
        fetched = assignment.state_value(ensure_aiokafka_TP(cursor.tp))
        if fetched is None or fetched.highwater is None or fetched.timestamp is None:
            return False
        fresh = time() - fetched.timestamp / 1_000 < _FRESH
        return bool(fresh and cursor.next >= fetched.highwater)

    async def _put(self, cursor: Cursor, records: tuple[Any, ...]) -> None:
        tp = cursor.tp
        if self.cursors.get(tp) is not cursor or not self.flow_active:
            return
        start = cursor.next
        if records:
            cursor.next = records[-1].offset + 1
        cursor.queued += 1
        cursor.seen = monotonic()
        chunk = Chunk(cursor, start, records, caught_up=self._caught_up(cursor))
        message = ConsumerMessage(
            tp.topic,
            tp.partition,
            cursor.next - 1,
            timestamp=0.0,
            timestamp_type=0,
            headers=(),
            key=None,
            value=chunk,
            checksum=None,
            tp=tp,
            # A stream silently skips messages of another generation.
            generation_id=self.app.consumer_generation_id,
        )
        await self.wait_first(self.callback(message), self.suspend_flow.wait())


class ChunkApp(faust.App):
    """A Faust app whose agent is served chunks by a `Reader`."""

    reader: Reader
    #: Why the app gave up, for whoever started it.
    gave_up: CannotGoOn | None = None

    async def give_up(self, error: CannotGoOn) -> None:
        """Stop the process: going on would be wrong."""
        self.gave_up = error
        logger.critical("%s", error)
        await self.crash(error)

    async def serve(self, chunk: Chunk) -> None:
        """Have the reader handle a chunk; whatever goes wrong, drop the cursor and go on.

        Nothing is lost by dropping: what was not committed is read again from the place that
        the store remembers.
        """
        consumer: ChunkConsumer = self.consumer
        cursor = chunk.cursor
        try:
            if consumer.cursors.get(cursor.tp) is not cursor:
                return
            if chunk.start != cursor.committed:
                # Faust skips a message of another generation without a word.
                raise ConnectionError(f"what lies from offset {cursor.committed} on was skipped")
            cursor.committed = await self.reader.handle(chunk)
        except CannotGoOn as error:
            consumer.drop(cursor)
            await self.give_up(error)
        except ConnectionError as error:
            logger.warning("%s-%d: %s; reading the place again", *cursor.tp, error)
            consumer.drop(cursor)
        except Exception:
            logger.exception("%s-%d: dropped a batch; reading the place again", *cursor.tp)
            consumer.drop(cursor)
            await asyncio.sleep(1.0)
        finally:
            consumer.done(cursor)


class ChunkSchema(faust.Schema):
    """Passes chunks on as they are: decoding is the handler's business."""

    def compile(self, app: Any, **kwargs: Any) -> Any:
        """Return a decoder that decodes nothing."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return create_event(None, message.value, (), message)

        return decode
