"""How records reach an agent: in chunks, from the place that the store remembers.

Stock Faust hands an agent one record at a time, which costs four tasks a record, and resumes
from the consumer group's offset, which knows nothing of what was stored. Here an ordinary
``@app.agent`` receives a `Chunk`: the raw records of one partition, in order, with the `Cursor`
that they were read by. Only the drain loop seeks. Group offsets are published for lag monitors
only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from time import monotonic, time
from typing import Any, Final, Protocol

from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import (
    Consumer,
    ensure_aiokafka_TP,
)
from faust.types import TP, ConsumerMessage

from streams.live.connecting import ConsumerThread
from streams.live.cursor import Chunk, Cursor, Log, Reader, in_turn, offsets_after, pieces
from streams.live.stopping import CannotGoOn

logger = logging.getLogger(__name__)

#: Chunks of one partition that may wait for the agent.
_QUEUED: Final = 6
#: Seconds between looks at a partition in which nothing happens: its timers and its outbox.
_TICK: Final = 0.25
#: Seconds to wait for records; short while a full partition may soon have room again.
_FETCH: Final = 0.2
_FETCH_BUSY: Final = 0.01
#: Seconds after which what failed is tried again; each failure in a row doubles it.
_BACKOFF: Final = (0.1, 5.0)
#: Seconds to wait for a record that must be there.
_PROBE: Final = 3.0
#: Seconds from one fetch to the next where records come one by one: to handle each by itself
#: costs ten times as much as together with those of a moment, and a busy machine falls behind.
_PACE: Final = 0.02
#: Seconds after the last records for which more are expected soon.
_NEWS: Final = 2.0
#: Seconds that publishing offsets for lag monitors may take.
_COMMIT: Final = 2.0
#: Seconds for which the broker's last word on the end of the log counts.
_FRESH: Final = 5.0


def pause_after(since: float, *, few: bool) -> float:
    """Return the seconds to wait before the next fetch.

    Parameters
    ----------
    since
        Seconds since records were fetched.
    few
        Whether these were less than a batch.

    Examples
    --------
    >>> pause_after(0.005, few=True), pause_after(0.005, few=False), pause_after(9.0, few=True)
    (0.015, 0.0, 0.0)
    """
    return max(_PACE - since, 0.0) if few else 0.0


class Host(Protocol):
    """The app, as far as its consumer asks something of it."""

    reader: Reader
    #: Asks Kafka for the ids of the reader's topics, by their full names.
    topic_ids: Callable[[], Awaitable[Mapping[str, str]]]
    rebalancing: bool
    consumer_generation_id: int
    should_stop: bool

    @property
    def trouble(self) -> dict[str, str]:
        """What is wrong just now, in words, by what it is about."""
        ...

    async def give_up(self, error: CannotGoOn) -> None:
        """Stop the process: going on would be wrong."""
        ...


class ChunkConsumer(Consumer):
    """Faust's aiokafka consumer, delivering chunks from the store's position."""

    app: Host
    #: When records were last fetched.
    _last_news = 0.0
    #: Whether these were few: then more are not waiting, but come one by one.
    _few = False

    def _new_consumer_thread(self) -> Any:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def _reader(self) -> Reader:
        return self.app.reader

    @property
    def cursors(self) -> dict[int, Cursor]:
        """The current cursor of each partition."""
        cursors: dict[int, Cursor] = self.__dict__.setdefault("_cursors", {})
        return cursors

    @property
    def _resting(self) -> dict[int, tuple[float, float]]:
        """Partitions that failed: until when they rest, and for how long next time."""
        resting: dict[int, tuple[float, float]] = self.__dict__.setdefault("_rest", {})
        return resting

    @property
    def _room(self) -> asyncio.Event:
        room: asyncio.Event = self.__dict__.setdefault("_room_event", asyncio.Event())
        return room

    def partitions(self) -> set[int]:
        """Return the partitions of which all topics are assigned to this process."""
        assigned = self.assignment()
        numbers = {tp.partition for tp in assigned}
        return {
            number
            for number in numbers
            if all(TP(topic, number) in assigned for topic in self._reader.topics)
        }

    def torn(self) -> bool:
        """Whether some topics of a partition are assigned and others not: one does not exist."""
        return {tp.partition for tp in self.assignment()} != self.partitions()

    def drop(self, cursor: Cursor) -> None:
        """Forget a cursor; the drain loop will read the place again."""
        if self.cursors.get(cursor.partition) is cursor:
            del self.cursors[cursor.partition]
            self._reader.let_go(cursor.partition)

    def rest(self, partition: int) -> None:
        """Leave a partition alone for a moment: something failed there."""
        _, pause = self._resting.get(partition, (0.0, _BACKOFF[0]))
        self._resting[partition] = (monotonic() + pause, min(pause * 2, _BACKOFF[1]))

    def works(self, partition: int) -> None:
        """Take note that a partition was written: whatever failed there is over."""
        self._resting.pop(partition, None)

    def _drop_all(self) -> None:
        for cursor in list(self.cursors.values()):
            self.drop(cursor)

    def done(self, cursor: Cursor) -> None:
        """Make room for another chunk of a partition."""
        cursor.queued -= 1
        self._room.set()

    def heard(self) -> float | None:
        """Return how many seconds ago the broker last answered a fetch; None before the first."""
        answers = [
            state.timestamp
            for cursor in self.cursors.values()
            for topic in cursor.next
            if (state := self._state(topic, cursor.partition)) and state.timestamp is not None
        ]
        return time() - max(answers) / 1_000 if answers else None

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
        # What was wrong there is somebody else's business now.
        self.app.trouble.clear()
        self._resting.clear()
        await super().on_partitions_revoked(revoked)

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Publish the positions for lag monitors; nothing depends on it."""
        offsets = {
            ensure_aiokafka_TP(TP(topic, cursor.partition)): offset
            for cursor in self.cursors.values()
            for topic, offset in cursor.committed.items()
        }
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
                self.app.trouble.pop("store", None)
            except self.consumer_stopped_errors:
                return
            except asyncio.CancelledError:
                # The thread that was asked ends, and cancels its answer: no crash in a stop.
                if self.should_stop or fetcher.should_stop or self.app.should_stop:
                    return
                raise
            except CannotGoOn as error:
                await self.app.give_up(error)
                return
            except (TimeoutError, ConnectionError, OSError) as error:
                self.app.trouble["store"] = f"waiting for Redis or Kafka: {error}"
                logger.warning("waiting for the store: %s", error)
                await self.sleep(pause)
                pause = min(pause * 2, _BACKOFF[1])

    # -- reading --------------------------------------------------------------------------

    async def _open_missing(self) -> None:
        mine = self.partitions()
        for cursor in [each for number, each in self.cursors.items() if number not in mine]:
            self.drop(cursor)
        now = monotonic()
        missing = [
            number
            for number in sorted(mine - self.cursors.keys())
            if self._resting.get(number, (0.0, 0.0))[0] <= now
        ]
        if not missing:
            return
        logs = await self._logs(missing)
        for number in missing:
            try:
                offsets, held = await self._reader.open(number, logs[number])
                for topic, offset in offsets.items():
                    await self._seek_to(TP(topic, number), offset)
            except IllegalStateError:
                # A rebalance has taken it away since it was asked whose it is.
                self._reader.let_go(number)
                return
            if not self.flow_active or number not in self.partitions():
                self._reader.let_go(number)
                return
            self.cursors[number] = Cursor(number, offsets, held)

    async def _logs(self, numbers: Iterable[int]) -> dict[int, dict[str, Log]]:
        """Ask the broker for the ends of the logs, and which topics they are."""
        topics = self._reader.topics
        wheres = [ensure_aiokafka_TP(TP(topic, n)) for n in numbers for topic in topics]
        # All at once: on a quiet topic, each question waits behind a fetch that waits for records.
        firsts, lasts, ids = await asyncio.gather(
            self._thread.earliest_offsets(*wheres),
            self._thread.highwaters(*wheres),
            self.app.topic_ids(),
        )
        logs: dict[int, dict[str, Log]] = {}
        for where in wheres:
            logs.setdefault(where.partition, {})[where.topic] = Log(
                firsts[where],
                lasts[where],
                ids.get(where.topic, ""),
                partial(self._holds, TP(where.topic, where.partition)),
            )
        return logs

    async def _seek_to(self, tp: TP, offset: int) -> None:
        thread, where = self._thread, ensure_aiokafka_TP(tp)

        async def seek() -> None:
            thread._ensure_consumer().seek(where, offset)

        await thread.call_thread(seek)

    async def _holds(self, tp: TP, offset: int) -> bool:
        """Whether the log holds a record: not every broker tells its end rightly when asked."""
        await self._seek_to(tp, offset)
        where = ensure_aiokafka_TP(tp)
        fetched = await self._getmany({where}, _PROBE)
        return any(record.offset >= offset for record in fetched.get(where, ()))

    async def _deliver(self) -> None:
        cursors = self.cursors
        ready = {
            TP(topic, cursor.partition)
            for cursor in cursors.values()
            if cursor.queued < _QUEUED
            for topic, waiting in cursor.waiting.items()
            # What is ahead of the other topics waits for them.
            if not waiting
        }
        if not ready:
            self._room.clear()
            await self.wait_first(self._room.wait(), self.sleep(_FETCH))
        else:
            busy = any(cursor.queued >= _QUEUED for cursor in cursors.values())
            since = monotonic() - self._last_news
            if pause := pause_after(since, few=self._few):
                await asyncio.sleep(pause)
            self._thread.hurry(busy=since < _NEWS)
            try:
                fetched = await self._getmany(ready, _FETCH_BUSY if busy else _FETCH)
            except Exception:
                # What it had in hand will not come again unless the places are read again.
                self._drop_all()
                raise
            if fetched:
                self._last_news = monotonic()
                self._few = sum(map(len, fetched.values())) < self._reader.batch
            for tp, records in fetched.items():
                cursor = cursors.get(tp.partition)
                if cursor is not None:
                    await self._take_or_drop(cursor, tp, records)
        for cursor in list(cursors.values()):
            await self._put_ready(cursor)

    async def _take_or_drop(self, cursor: Cursor, tp: TP, records: Any) -> None:
        """Take what was fetched; it will not come again unless the place is read again."""
        if not self.flow_active:
            self.drop(cursor)
            return
        try:
            await self._take(cursor, tp, records)
        except (TimeoutError, ConnectionError, OSError) as error:
            # Of this partition only: what was fetched of the others is still to be taken.
            logger.warning("%s; reading the place again", error)
            self.rest(tp.partition)
            self.drop(cursor)

    async def _take(self, cursor: Cursor, tp: TP, records: Any) -> None:
        """Add fetched records to those that wait."""
        expected = cursor.fetched(tp.topic)
        if records[-1].offset < expected:
            # aiokafka went back by itself: the log no longer holds the place.
            raise ConnectionError(f"{tp.topic}-{tp.partition} does not go on at {expected}")
        fresh = [record for record in records if record.offset >= expected]
        if fresh[0].offset > expected:
            await self._check_gap(cursor, tp, expected, fresh[0].offset)
        cursor.waiting[tp.topic].extend(fresh)

    async def _put_ready(self, cursor: Cursor) -> None:
        """Deliver what waits, as far as it is its turn."""
        batch = self._reader.batch
        at_end = partial(self._at_end, cursor)
        while cursor.queued < _QUEUED and any(cursor.waiting.values()):
            records = in_turn(cursor.waiting, at_end, batch)
            if not records:
                break
            for piece in pieces(records):
                await self._put(cursor, piece)
        if not cursor.queued and monotonic() - cursor.seen >= _TICK:
            await self._put(cursor, ())

    async def _check_gap(self, cursor: Cursor, tp: TP, expected: int, found: int) -> None:
        """Tell a legal gap (a transaction's marker) from records that were deleted unread."""
        where = ensure_aiokafka_TP(tp)
        first = (await self._thread.earliest_offsets(where))[where]
        if first <= expected:
            logger.debug("%s: offsets %d to %d hold no records", tp, expected, found)
            return
        # Opened again, the place is found to be gone, and what is to be done about it decided.
        raise ConnectionError(
            f"{tp.topic}-{tp.partition}: {first - expected} records from offset {expected} on "
            "were deleted before they were read; lengthen the topic's retention"
        )

    def _state(self, topic: str, partition: int) -> Any:
        """Return what aiokafka knows of a topic's partition; None if it is not assigned."""
        subscription = self._thread._ensure_consumer()._subscription.subscription
        if subscription is None or subscription.assignment is None:
            return None
        return subscription.assignment.state_value(ensure_aiokafka_TP(TP(topic, partition)))

    def _at_end(self, cursor: Cursor, topic: str) -> bool:
        """Whether a topic is fetched to its end, as the broker told it last."""
        state = self._state(topic, cursor.partition)
        if state is None or state.highwater is None or not state.has_valid_position:
            return False
        # The position passes what holds no record, such as the marker of a transaction.
        return bool(max(state.position, cursor.fetched(topic)) >= state.highwater)

    def _caught_up(self, cursor: Cursor) -> bool:
        """Whether the broker has lately said that there is nothing more.

        While it is away nobody knows: what has arrived there meanwhile must not find that time
        has passed it by.
        """
        for topic, waiting in cursor.waiting.items():
            state = self._state(topic, cursor.partition)
            if waiting or not self._at_end(cursor, topic) or state.timestamp is None:
                return False
            if time() - state.timestamp / 1_000 >= _FRESH:
                return False
        return True

    def _past_markers(self, cursor: Cursor) -> dict[str, int]:
        """Return where a quiet partition's logs end, past what holds no record."""
        end = dict(cursor.next)
        for topic, waiting in cursor.waiting.items():
            state = self._state(topic, cursor.partition)
            if not waiting and state is not None and state.has_valid_position:
                end[topic] = max(end[topic], state.position)
        return end

    async def _put(self, cursor: Cursor, records: tuple[Any, ...]) -> None:
        if self.cursors.get(cursor.partition) is not cursor:
            return
        if not self.flow_active:
            self.drop(cursor)
            return
        start = dict(cursor.next)
        end = offsets_after(start, records) if records else self._past_markers(cursor)
        cursor.next = dict(end)
        cursor.queued += 1
        cursor.seen = monotonic()
        chunk = Chunk(cursor, start, end, records, caught_up=self._caught_up(cursor))
        tp = TP(self._reader.topics[0], cursor.partition)
        message = ConsumerMessage(
            tp.topic,
            tp.partition,
            end[tp.topic] - 1,
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
