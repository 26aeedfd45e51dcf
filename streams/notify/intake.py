"""Reads the alerts, and queues those that are to be sent before it goes on in the topic.

The place in the topic lies in Redis, beside the queues, and is moved when everything before it is
queued: put yesterday's Redis back, and what has come since is read again. The group's offset is
committed after it, for whoever watches the lag.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiokafka.errors import KafkaError

from features import MINUTE, Millis
from streams.cancelling import obey
from streams.membership import Assigned, leave
from streams.notify.counting import Counts
from streams.notify.delivery import Notice, NotSent, notice_of
from streams.notify.endpoint import Endpoint
from streams.notify.lane import AWAY
from streams.notify.queue import Queue
from streams.notify.roster import Roster

logger = logging.getLogger(__name__)

#: Records of one batch, and milliseconds to wait for it.
_BATCH: Final = 500
_WAIT: Final[Millis] = 500
#: Seconds until it is tried again when a server is away.
_PAUSE: Final = 1.0
#: Seconds that a consumer may take to leave its group.
_END: Final = 3.0
#: Seconds without a record after which it is looked whether that is as it should be.
_SILENT: Final = 3.0
#: The clocks of the broker and of whoever adds an endpoint may differ by that much.
_CLOCKS: Final = MINUTE


class Intake:
    """Queues alerts for the endpoints that want them.

    Parameters
    ----------
    make
        Makes a consumer of a group that commits nothing by itself; not yet subscribed.
    topic
        Full name of the topic of alerts.
    roster, queue, counts
        Who is to be told, where it waits, and what is counted.
    wall
        The clock, in milliseconds.
    queued
        Called after messages were queued, with the endpoints.
    ticks
        A steady clock's seconds.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        topic: str,
        roster: Roster,
        queue: Queue,
        counts: Counts,
        wall: Callable[[], Millis],
        queued: Callable[[Mapping[str, Endpoint]], None],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._topic = topic
        self._roster = roster
        self._queue = queue
        self._counts = counts
        self._wall = wall
        self._queued = queued
        self._ticks = ticks
        #: Why no alerts are read just now, in words; empty when they are.
        self.trouble = "not connected to Kafka yet"

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            obey()
            consumer = self._make()
            try:
                await consumer.start()
                await self._read(consumer)
            except (KafkaError, OSError) as error:
                self._say(f"waiting for Kafka: {str(error) or type(error).__name__}")
            finally:
                await leave(consumer, _END)
            await asyncio.sleep(_PAUSE)

    async def _read(self, consumer: Any) -> None:
        unplaced = Assigned(consumer)
        consumer.subscribe([self._topic], listener=unplaced)
        heard = -_SILENT
        while True:
            obey()
            found: Mapping[Any, Sequence[Any]] = {}
            try:
                if unplaced.waiting:
                    await self._place(consumer, unplaced)
                found = await consumer.getmany(timeout_ms=_WAIT, max_records=_BATCH)
                if found:
                    await self._take(consumer, found)
                    heard = self._ticks()
                elif self._ticks() - heard >= _SILENT:
                    self._say(await self._silence(consumer, joined=unplaced.joined))
                    heard = self._ticks()
            except AWAY as error:
                self._say(f"waiting for Redis: {type(error).__name__}")
                for part, records in found.items():
                    # Read again: nothing of it may be passed over.
                    consumer.seek(part, records[0].offset)
                await asyncio.sleep(_PAUSE)
                heard = -_SILENT

    async def _silence(self, consumer: Any, *, joined: bool) -> str:
        """Return why nothing comes, if it is for another reason than that there is nothing."""
        try:
            async with asyncio.timeout(_SILENT):
                topics = await consumer.topics()
        except (KafkaError, TimeoutError) as error:
            return f"Kafka does not answer: {str(error) or type(error).__name__}"
        if self._topic not in topics:
            return f"no topic {self._topic}; create it with: ebb topics create"
        return "" if joined else "it has not joined its group yet"

    async def _place(self, consumer: Any, unplaced: Assigned) -> None:
        """Go to the places that Redis knows; where it knows none, to the group's own."""
        places = await self._queue.positions(self._topic)
        for part in list(unplaced.waiting):
            if part.partition in places:
                consumer.seek(part, places[part.partition])
            unplaced.waiting.discard(part)
            consumer.resume(part)

    async def _take(self, consumer: Any, found: Mapping[Any, Sequence[Any]]) -> None:
        now = self._wall()
        endpoints = await self._roster.all()
        left: Counter[str] = Counter()
        notices = [
            (record.timestamp, notice)
            for records in found.values()
            for record in records
            if (notice := self._notice(record, now, left)) is not None
        ]
        for name, endpoint in endpoints.items():
            wanted = [
                notice
                for at, notice in notices
                if endpoint.wants(notice.kind) and at >= endpoint.created - _CLOCKS
            ]
            if wanted:
                await self._queue.add(name, wanted, now)
        places = {part.partition: records[-1].offset + 1 for part, records in found.items()}
        await self._queue.move(self._topic, places)
        left["queued"] = len(notices)
        for result, number in left.items():
            self._counts.read(result, number)
        if left["expired"]:
            logger.info("%d alerts are past their valid_until and are not sent", left["expired"])
        self._queued(endpoints)
        try:
            await consumer.commit({part: records[-1].offset + 1 for part, records in found.items()})
        except KafkaError as error:
            logger.info("the group's offset was not committed: %s", type(error).__name__)

    def _notice(self, record: Any, now: Millis, left: Counter[str]) -> Notice | None:
        if record.value is None:
            return None
        try:
            return notice_of(record.value, now)
        except NotSent as error:
            why = str(error).partition(":")[0]
            left[why] += 1
            if why == "invalid":
                # Where it lies, and not what it says: it may name a customer.
                logger.warning(
                    "%s-%d-%d is not an alert that can be sent",
                    record.topic,
                    record.partition,
                    record.offset,
                )
            return None

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            logger.log(logging.WARNING if trouble else logging.INFO, trouble or "reading alerts")
        self.trouble = trouble
