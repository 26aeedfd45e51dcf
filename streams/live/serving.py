"""The Faust app whose agent is served chunks: what goes wrong, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import faust
from faust.app.base import BootStrategy
from faust.tables import TableManager

from streams.live.attendance import Presence
from streams.live.chunks import ChunkConsumer
from streams.live.clock import Clock
from streams.live.cursor import Chunk, Cursor, Reader, joined
from streams.live.relay import Relay
from streams.live.rules import CurrentRules
from streams.live.stopping import GIVE_UP, CannotGoOn, leave_within

logger = logging.getLogger(__name__)

#: Seconds that the batch under way, and then its messages, may take when the process is to end.
_FINISH: Final = 3.0


def _news(record: logging.LogRecord) -> bool:
    """Tell whether a log record says more than `ChunkApp.give_up` has said in words."""
    return not (record.exc_info and isinstance(record.exc_info[1], CannotGoOn))


# Faust's services log a crash with its traceback, under the module of their class.
logger.addFilter(_news)
logging.getLogger("streams.live.chunks").addFilter(_news)


class _Boot(BootStrategy):
    """Faust's services without its producer: everything leaves through the outbox."""

    enable_kafka_producer = False


class NoTables(TableManager):
    """Faust's tables, of which there are none: nobody waits a second for more of them."""

    async def on_start(self) -> None:
        """Say that all tables are there, and let events come."""
        await self._update_channels()
        await self.recovery.start()


class ChunkApp(faust.App):
    """A Faust app whose agent is served chunks by a `Reader`."""

    BootStrategy = _Boot

    reader: Reader
    #: Asks Kafka for the ids of the reader's topics, by their full names.
    topic_ids: Callable[[], Awaitable[Mapping[str, str]]]
    relay: Relay
    #: The worker's; the learner has none.
    clock: Clock | None = None
    #: By which the worker decides; the learner decides nothing.
    rules: CurrentRules | None = None
    #: The worker's, which says of itself that it runs.
    presence: Presence | None = None
    #: Why the app gave up, for whoever started it.
    gave_up: CannotGoOn | None = None
    #: Of the group; Faust sets it. Some brokers count from 0, which Faust begins with.
    consumer_generation_id = -1

    @property
    def in_group(self) -> bool:
        """Whether it has joined its group; before that it cannot be asked what it holds."""
        return self.consumer_generation_id >= 0

    @property
    def trouble(self) -> dict[str, str]:
        """What is wrong just now, in words, by what it is about."""
        trouble: dict[str, str] = self.__dict__.setdefault("_trouble", {})
        return trouble

    @property
    def _lanes(self) -> dict[int, deque[Chunk]]:
        """The chunks that wait, of each partition on which somebody works."""
        lanes: dict[int, deque[Chunk]] = self.__dict__.setdefault("_chunks_in_lanes", {})
        return lanes

    @property
    def _at_work(self) -> set[asyncio.Task[None]]:
        at_work: set[asyncio.Task[None]] = self.__dict__.setdefault("_tasks_of_lanes", set())
        return at_work

    async def give_up(self, error: CannotGoOn) -> None:
        """Stop the process: going on would be wrong."""
        if self.gave_up is None:
            self.gave_up = error
            logger.critical("%s", error)
            leave_within(1, GIVE_UP, f"Error: {error}")
            # Whoever starts again, and stops again, must not send the last messages each time.
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(_FINISH):
                    await self.reader.finish()
            await self.crash(error)

    async def serve(self, chunk: Chunk) -> None:
        """Have the reader handle a chunk, after those of its partition that came before.

        Partitions do not wait for each other: while one's batch is with the store, another's is
        computed. How many chunks wait is the consumer's business, which delivers only so many of
        a partition before one of them is done.
        """
        partition = chunk.cursor.partition
        if partition in self._lanes:
            self._lanes[partition].append(chunk)
            return
        lane = self._lanes[partition] = deque([chunk])
        task = asyncio.create_task(self._serve_lane(partition, lane))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def batches_done(self) -> None:
        """Wait until no batch is under way."""
        while self._at_work:
            await asyncio.wait(self._at_work)

    async def _serve_lane(self, partition: int, lane: deque[Chunk]) -> None:
        try:
            while lane:
                chunk, count = joined(lane, self.reader.batch)
                for _ in range(count - 1):
                    self.consumer.done(chunk.cursor)
                await self._serve_one(chunk)
        finally:
            del self._lanes[partition]

    async def _serve_one(self, chunk: Chunk) -> None:
        """Have the reader handle a chunk; whatever goes wrong, drop the cursor and go on.

        Nothing is lost by dropping: what was not committed is read again from the place that
        the store remembers.
        """
        consumer: ChunkConsumer = self.consumer
        cursor = chunk.cursor
        name = f"partition {cursor.partition}"
        try:
            if consumer.cursors.get(cursor.partition) is not cursor or self.should_stop:
                return
            if chunk.start != cursor.committed:
                # Faust skips a message of another generation without a word.
                raise ConnectionError(f"what lies after {cursor.committed} was skipped")
            await self.reader.handle(chunk)
            cursor.committed = chunk.end
            consumer.works(cursor.partition)
            self.trouble.pop(name, None)
        except CannotGoOn as error:
            await self.give_up(error)
            consumer.drop(cursor)
        except ConnectionError as error:
            logger.warning("%s: %s; reading the place again", name, error)
            self._fail(cursor, name, error)
        except Exception as error:
            logger.exception("%s: dropped a batch; reading the place again", name)
            self._fail(cursor, name, error)
        finally:
            consumer.done(cursor)

    def _fail(self, cursor: Cursor, name: str, error: Exception) -> None:
        if self.consumer.cursors.get(cursor.partition) is not cursor:
            # It was taken away while the batch was under way: not our trouble any more, and
            # nobody would ever take that back.
            return
        self.trouble[name] = str(error) or type(error).__name__
        self.consumer.rest(cursor.partition)
        self.consumer.drop(cursor)

    async def check_topics(self) -> None:
        """Give up when a topic was deleted and created anew under the running process."""
        try:
            ids = await self.topic_ids()
        except ConnectionError:
            return
        before: dict[str, str] = self.__dict__.setdefault("_topic_ids", {})
        for name, topic_id in ids.items():
            if topic_id and before.setdefault(name, topic_id) != topic_id:
                before[name] = topic_id
                # Opened again, every partition finds that its position is of another topic.
                logger.warning("%s was deleted and created anew", name)
                for cursor in list(self.consumer.cursors.values()):
                    self.consumer.drop(cursor)

    async def on_stop(self) -> None:
        """Finish the batch under way and publish its messages; then leave."""
        if self.gave_up is None:
            try:
                async with asyncio.timeout(_FINISH):
                    await self.batches_done()
                    await self.reader.finish()
                    if self.presence is not None:
                        await self.presence.leave()
            except TimeoutError:
                logger.warning("left a batch unfinished: it will be done again")
        await super().on_stop()


class ChunkSchema(faust.Schema):
    """Passes chunks on as they are: decoding is the handler's business."""

    def compile(self, app: Any, **kwargs: Any) -> Any:
        """Return a decoder that decodes nothing."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return create_event(None, message.value, (), message)

        return decode
