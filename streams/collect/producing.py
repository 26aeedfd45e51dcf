"""Events on their way to Kafka: taken when the broker has them, refused at once when it has not.

There is no buffer to speak of. What a request brought is handed to the producer, and the request
waits for the broker's word. When the oldest of what is under way has waited too long, the door
is shut: whoever comes then is told to come back, until Kafka answers again. What was refused may
still arrive, if Kafka wakes up; its sender sends it again under the same id, which is counted
once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from features import SECOND, Millis
from streams.cancelling import obey
from streams.collect.gathering import Lanes, Parcel, Record
from streams.topics import partition_of

logger = logging.getLogger(__name__)

#: Seconds between looks whether all is well, and of silence until a broker is asked.
_LOOK: Final = 1.0
_SILENT: Final = 3.0
#: Seconds that a producer may take to connect, or to end.
_CONNECT: Final = 10.0
_END: Final = 5.0


#: A customer who is here sends many events, and the hash takes long.
_home: Final = lru_cache(maxsize=65_536)(partition_of)


class NotTaken(Exception):
    """Kafka has not acknowledged; the sender should come back."""


class _Line:
    """One producer, and what is under way on it."""

    def __init__(self, producer: Any, heard: Callable[[_Line, BaseException | None], None]) -> None:
        self.producer = producer
        self.lanes = Lanes(producer, lambda error: heard(self, error))
        #: When each began, oldest first.
        self.under_way: dict[Parcel, float] = {}
        self.heard = 0.0
        #: How many the topics have, as last seen.
        self.partitions: dict[str, int] = {}
        self._turn = 0

    def waiting(self, now: float) -> float:
        """Return how long the oldest of what is under way has waited, in seconds."""
        return now - next(iter(self.under_way.values()), now)

    def parts(
        self, records: Sequence[Record], topics: Mapping[str, str]
    ) -> dict[tuple[str, int], list[Record]]:
        """Return records by the topic and partition that they belong to, in their order.

        A record without a key goes to wherever it is the turn of.

        Raises
        ------
        NotTaken
            If Kafka has told nothing of a topic.
        """
        found: dict[tuple[str, int], list[Record]] = {}
        name, full, partitions = "", "", 0
        for record in records:
            # Nearly always they are all for one topic.
            if record.topic != name:
                name = record.topic
                full = topics[name]
                partitions = self.partitions.get(full, 0)
                if not partitions:
                    raise NotTaken
            key = record.key
            if key is None:
                self._turn += 1
                place = full, self._turn % partitions
            else:
                place = full, _home(key, partitions)
            part = found.get(place)
            if part is None:
                found[place] = [record]
            else:
                part.append(record)
        return found


class Publishing:
    """Hands records to Kafka, and knows whether Kafka takes them.

    Parameters
    ----------
    make
        Makes a producer that waits for all replicas and does not reorder.
    topics
        Full name of each topic by its name in the settings.
    slow
        After that long without an acknowledgement, whoever comes is turned away.
    wait
        How long whoever is inside waits for theirs.
    ticks
        A steady clock's seconds.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        topics: Mapping[str, str],
        slow: Millis,
        wait: Millis,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._topics = topics
        self._slow = slow / SECOND
        self._wait = wait / SECOND
        self._ticks = ticks
        self._line: _Line | None = None
        self._trouble = "not connected to Kafka yet"
        self._suspect = asyncio.Event()
        self._ending: set[asyncio.Task[None]] = set()
        #: Told how long each request's records took, in seconds.
        self.took: Callable[[float], None] = lambda seconds: None

    @property
    def trouble(self) -> str:
        """Why nothing can be taken just now, in words; empty when it can."""
        if self._line is not None:
            waiting = self._line.waiting(self._ticks())
            if waiting > self._slow:
                return f"Kafka has not acknowledged for {waiting:.0f} s"
        return self._trouble

    @property
    def under_way(self) -> int:
        """Requests that wait for Kafka's word, answered or not."""
        return 0 if self._line is None else len(self._line.under_way)

    async def publish(self, records: Sequence[Record], done: Callable[[], None]) -> None:
        """Return when Kafka has acknowledged all records.

        Parameters
        ----------
        records
            Handed over in this order.
        done
            Called when nothing of them is in memory any more: perhaps long after this returned.

        Raises
        ------
        NotTaken
            If it has not, or not within the time.
        """
        line = self._line
        try:
            if line is None:
                raise NotTaken
            parts = line.parts(records, self._topics)
        except NotTaken:
            done()
            raise
        began = self._ticks()

        def ended(parcel: Parcel) -> None:
            del line.under_way[parcel]
            done()

        parcel = Parcel(ended)
        line.under_way[parcel] = began
        for (topic, partition), part in parts.items():
            line.lanes.put(parcel, topic, partition, part)
        if not await parcel.wait(self._wait) or parcel.error is not None:
            raise NotTaken
        self.took(self._ticks() - began)

    def _heard(self, line: _Line, error: BaseException | None) -> None:
        if error is None:
            line.heard = self._ticks()
        else:
            self._doubt(error)

    def _doubt(self, error: BaseException) -> None:
        """Take note that a producer failed: some failures are its last."""
        # No names and no values: what an error of Kafka's says is about topics and brokers.
        logger.warning("Kafka did not take a batch of events: %s", type(error).__name__)
        if not isinstance(error, MessageSizeTooLargeError):
            self._suspect.set()

    async def run(self) -> None:
        """Keep a producer, and look after it, until cancelled; then let what is under way end."""
        try:
            while True:
                obey()
                if self._line is None or self._suspect.is_set():
                    await self._connect()
                elif self._trouble or self._ticks() - self._line.heard >= _SILENT:
                    await self._look(self._line)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):
                        await self._suspect.wait()
        finally:
            self._trouble = "the collector is stopping"
            if self._line is not None:
                await _end(self._line)
            for task in list(self._ending):
                await task

    async def _connect(self) -> None:
        self._suspect.clear()
        producer = self._make()
        try:
            async with asyncio.timeout(_CONNECT):
                await producer.start()
                line = _Line(producer, self._heard)
                self._trouble = await self._missing(line)
        except (KafkaError, OSError, TimeoutError) as error:
            self._trouble = f"waiting for Kafka: {str(error) or type(error).__name__}"
            logger.warning("%s", self._trouble)
            await _stop(producer)
            if self._line is not None:
                # What is there may yet recover; if it does not, another one is tried again.
                asyncio.get_running_loop().call_later(_LOOK, self._suspect.set)
            return
        old, self._line = self._line, line
        logger.info("connected to Kafka")
        if self._trouble:
            logger.warning("%s", self._trouble)
        if old is not None:
            ending = asyncio.create_task(_end(old))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def _look(self, line: _Line) -> None:
        """Ask a broker for the topics, so that the door is shut before the next one comes."""
        before = self._trouble
        try:
            async with asyncio.timeout(self._slow):
                self._trouble = await self._missing(line)
            line.heard = self._ticks()
        except (KafkaError, OSError, TimeoutError) as error:
            self._trouble = f"Kafka does not answer: {str(error) or type(error).__name__}"
        if self._trouble != before:
            logger.warning("%s", self._trouble or "Kafka answers again")

    async def _missing(self, line: _Line) -> str:
        known = await line.producer.client.fetch_all_metadata()
        line.partitions = {
            name: len(known.partitions_for_topic(name) or ()) for name in self._topics.values()
        }
        lacking = sorted(name for name, count in line.partitions.items() if not count)
        if not lacking:
            return ""
        return f"no topic {', '.join(lacking)}; create it with: ebb topics create"


async def _end(line: _Line) -> None:
    """Let what is under way arrive, for a while; then let go of it."""
    if waiting := [parcel.answer for parcel in line.under_way]:
        await asyncio.wait(waiting, timeout=_END)
    await _stop(line.producer)
    for parcel in list(line.under_way):
        parcel.give_up(NotTaken())


async def _stop(producer: Any) -> None:
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_END):
            await producer.stop()
        return
    # aiokafka would try for ever to deliver what it still holds.
    task = getattr(getattr(producer, "_sender", None), "sender_task", None)
    if task is not None:
        task.cancel()
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_END):
            await producer.client.close()
