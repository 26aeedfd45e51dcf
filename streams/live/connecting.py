"""The thread that speaks to Kafka for a worker: Faust's, where Faust's own would not do."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final

from aiokafka.errors import KafkaConnectionError, KafkaError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

logger = logging.getLogger(__name__)

#: Seconds between attempts to connect.
_CONNECT: Final = 1.0
#: Milliseconds that the broker may wait for news, and bytes of them from which on it does not:
#: while a partition is busy, and while none is.
_BUSY: Final = (20, 64 * 1024)
_IDLE: Final = (500, 1)


class ConsumerThread(AIOKafkaConsumerThread):
    """Faust's consumer thread, which reads what was committed, and waits for a broker."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust offers this with exactly-once processing only. An event of a transaction that was
        # rolled back never happened.
        consumer._isolation_level = "read_committed"
        return consumer

    def hurry(self, *, busy: bool) -> None:
        """Have the broker answer soon while a partition is busy, and with much at once.

        While records of a busy partition are at hand, only the quiet ones are asked for; and for as
        long as the broker then waits for news of these, none of the busy one can be had. With the
        second and a half that Faust sets, a full partition stood still half of the time.

        What comes one by one is to be handled together with what comes in the same moment, and
        waits for that with the broker. Here it would lie while what came after it waits for
        another fetch.
        """
        fetcher = None if self._consumer is None else self._consumer._fetcher
        if fetcher is not None:
            fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes = _BUSY if busy else _IDLE

    async def on_start(self) -> None:
        """Connect; Faust would end the process when no broker answers just now."""
        while not self.should_stop:
            try:
                await super().on_start()
            except KafkaConnectionError as error:
                logger.warning("waiting for Kafka: %s", error)
                with suppress(KafkaError):
                    await self._consumer.stop()
                await asyncio.sleep(_CONNECT)
            else:
                return

    async def on_thread_stop(self) -> None:
        """Disconnect; aiokafka lets a cancellation out when Kafka is away."""
        with suppress(asyncio.CancelledError):
            await super().on_thread_stop()

    def _stopped_set(self) -> None:
        """Tell the thread to stop; after a crash it may have ended by itself, and its loop too."""
        try:
            super()._stopped_set()
        except RuntimeError:
            if not self.thread_loop.is_closed():
                raise
            self._stopped.set()  # nobody is left to be woken
