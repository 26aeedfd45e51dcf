"""Publishes what lies in the outbox, in order, and takes note when the broker has it.

A message leaves the outbox only after the broker's acknowledgement, so a crash can send one
twice, under the same id; it cannot lose one. Trimming is part of the next commit: one writer,
one fence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.cancelling import obey
from streams.live.held import Held
from streams.live.messages import unpack

logger = logging.getLogger(__name__)

#: Messages under way at once of one partition, and bytes of them of all.
_FLIGHT: Final = 1_000
_FLIGHT_BYTES: Final = 8 * 1024 * 1024
_BACKOFF: Final = (0.2, 5.0)
#: Seconds that a producer may take to end.
_END: Final = 2.0


def bare(value: tuple[bytes | None]) -> bytes | None:
    """Return the value of a message; the producer's serializer.

    aiokafka's producer refuses a message that has neither key nor value, which other clients
    send, and which then is a dead letter. In a tuple, nothing is something.
    """
    return value[0]


class Relay:
    """Publishes the outboxes of the partitions that this process holds.

    Parameters
    ----------
    producer
        Makes a producer that waits for all replicas, does not reorder, and takes values in a tuple
        of one (`bare`).
    topics
        Full name of each topic by its name in the settings.
    """

    def __init__(self, producer: Callable[[], AIOKafkaProducer], topics: Mapping[str, str]) -> None:
        self._make_producer = producer
        self._producer: Any = None
        self._topics = topics
        self._held: dict[int, Held] = {}
        #: What was let go, as it may come again unchanged.
        self._before: dict[int, Held] = {}
        #: Why nothing can be published just now, in words; empty when it can.
        self.trouble = ""
        self._work = asyncio.Event()

    def take(self, partition: int, held: Held) -> None:
        """Publish this partition's outbox from now on; an older hold of it is let go."""
        self.let_go(partition)
        self._held[partition] = held
        self._work.set()

    def let_go(self, partition: int) -> None:
        """Publish no more of a partition: somebody else may hold it now."""
        held = self._held.pop(partition, None)
        if held is not None:
            held.release()
            self._before[partition] = held

    def wake(self) -> None:
        """Look again: something was committed."""
        self._work.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        pause = _BACKOFF[0]
        try:
            while True:
                obey()
                await self._work.wait()
                self._work.clear()
                try:
                    if self._producer is None:
                        self._producer = self._make_producer()
                        await self._producer.start()
                    await self._publish_all()
                    # Nothing of these is under way now: what they published is all that counts.
                    for before in self._before.values():
                        before.unsent.clear()
                    pause = _BACKOFF[0]
                    self.trouble = ""
                except (KafkaError, OSError) as error:
                    self.trouble = f"waiting for Kafka to publish: {error}"
                    logger.warning("%s", self.trouble)
                    # What this one has still under way must not come after what is sent again.
                    await self._end_producer()
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _BACKOFF[1])
                    self._work.set()
        finally:
            await self._end_producer()

    async def finish(self) -> None:
        """Wait until all that was committed is published, and take it out of the outboxes.

        Whoever goes on with the partitions would otherwise send the last messages again.
        """
        for held in list(self._held.values()):
            while held.published < held.mark.head:
                held.changed.clear()
                self._work.set()
                await held.changed.wait()
            with suppress(ConnectionError):  # somebody else has it already
                await held.tidy()

    async def _end_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(_END):
                    await producer.stop()

    async def _publish_all(self) -> None:
        """Publish some of each partition, side by side: the broker takes a while for any of it.

        However much of one waits, the others have their turn.
        """
        if not self._held:
            return
        most = _FLIGHT_BYTES // len(self._held)
        flights = [self._publish(number, held, most) for number, held in self._held.items()]
        # All of them: on a failure, nothing may be under way any more.
        for answer in await asyncio.gather(*flights, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer
        if any(held.published < held.mark.head for held in self._held.values()):
            self._work.set()

    async def _publish(self, partition: int, held: Held, most: int) -> None:
        if self._held.get(partition) is not held:
            return
        before = self._before.pop(partition, None)
        if before is not None:
            held.inherit(before)
        if held.published >= held.mark.head:
            return
        answers: list[Any] = []
        upto, size = held.published, 0
        while upto < held.mark.head and len(answers) < _FLIGHT and size < most:
            data = held.unsent.get(upto)
            upto += 1
            if data is None:  # acknowledged and trimmed before a restart
                continue
            size += len(data)
            message = unpack(data)
            answers.append(
                await self._producer.send(
                    self._topics[message.topic],
                    key=message.key,
                    value=(message.value,),
                    headers=message.headers,
                )
            )
        # All of them, or those that fail after the first would complain that nobody asked.
        for answer in await asyncio.gather(*answers, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer
        held.acknowledge(upto)
