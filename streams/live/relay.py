"""Publishes what lies in the outbox, in order, and takes note when the broker has it.

A message leaves the outbox only after the broker's acknowledgement, so a crash can send one
twice, under the same id; it cannot lose one. Trimming is part of the next commit: one writer,
one fence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.live.held import Held
from streams.live.messages import unpack

logger = logging.getLogger(__name__)

#: Messages under way at once, of one partition.
_FLIGHT: Final = 1_000
_BACKOFF: Final = (0.2, 5.0)


class Relay:
    """Publishes the outboxes of the partitions that this process holds.

    Parameters
    ----------
    producer
        Makes a producer that waits for all replicas and does not reorder.
    topics
        Full name of each topic by its name in the settings.
    """

    def __init__(self, producer: Callable[[], AIOKafkaProducer], topics: Mapping[str, str]) -> None:
        self._make_producer = producer
        self._producer: Any = None
        self._topics = topics
        self._held: dict[Any, Held] = {}
        self._work = asyncio.Event()

    def take(self, tp: Any, held: Held) -> None:
        """Publish this partition's outbox from now on; an older hold of it is let go."""
        self._held[tp] = held
        self._work.set()

    def let_go(self, tp: Any) -> None:
        """Publish no more of a partition: somebody else may hold it now."""
        self._held.pop(tp, None)

    def wake(self) -> None:
        """Look again: something was committed."""
        self._work.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        pause = _BACKOFF[0]
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                try:
                    if self._producer is None:
                        producer = self._make_producer()
                        await producer.start()
                        self._producer = producer
                    for tp, held in list(self._held.items()):
                        await self._publish(tp, held)
                    pause = _BACKOFF[0]
                except (KafkaError, OSError) as error:
                    logger.warning("waiting for Kafka to publish: %s", error)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _BACKOFF[1])
                    self._work.set()
        finally:
            if self._producer is not None:
                await self._producer.stop()

    async def _publish(self, tp: Any, held: Held) -> None:
        while self._held.get(tp) is held and held.published < held.mark.head:
            upto = min(held.published + _FLIGHT, held.mark.head)
            flights = []
            for number in range(held.published, upto):
                data = held.unsent.get(number)
                if data is None:  # acknowledged and trimmed before a restart
                    continue
                message = unpack(data)
                flights.append(
                    await self._producer.send(
                        self._topics[message.topic],
                        key=message.key,
                        value=message.value,
                        headers=message.headers,
                    )
                )
            await asyncio.gather(*flights)
            held.acknowledge(upto)
