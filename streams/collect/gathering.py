"""What requests bring, gathered for each partition, and sent there one batch at a time.

While a batch is on its way, what comes for the same partition is gathered for the next one; and
while there is any on its way, some milliseconds pass before the next ones follow, so that they hold
more. So nobody waits for company when there is none, and the more is to be done, the less a record
costs: futures, calls and checks are those of a batch. And a customer's events stay in the order
in which they came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from aiokafka.errors import MessageSizeTooLargeError

#: Seconds to wait for company, when others are under way.
_COMPANY: Final = 0.003


class Record(NamedTuple):
    """A record to be published.

    Parameters
    ----------
    topic
        Name of the topic in the settings: ``clickstream``, ``outcomes`` or ``dead_letters``.
    key, value, headers
        As on the wire.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Parcel:
    """What one request brought, until Kafka has said of all of it what became of it.

    Parameters
    ----------
    ended
        Called then, whether or not anybody still waits.
    """

    __slots__ = ("_ended", "_left", "answer", "error")

    def __init__(self, ended: Callable[[Parcel], None]) -> None:
        self._ended = ended
        self._left = 0
        #: Done when all of it has ended. Whoever waits for it may stop waiting.
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: Why some of it was not taken.
        self.error: BaseException | None = None

    async def wait(self, seconds: float) -> bool:
        """Return whether all of it has ended before so many seconds.

        The request that waits may be cancelled; what it brought goes its way.
        """
        alarm = self.answer.get_loop().call_later(seconds, self._late)
        try:
            await self.answer
        finally:
            alarm.cancel()
        return self._left == 0

    def _late(self) -> None:
        if not self.answer.done():
            self.answer.set_result(None)

    def divide(self) -> None:
        """Count one part more."""
        self._left += 1

    def part_ended(self, error: BaseException | None) -> None:
        """Take note of what became of a part."""
        self.error = self.error or error
        self._left -= 1
        if not self._left:
            self._end()

    def give_up(self, error: BaseException) -> None:
        """Take it that nothing more will be heard of it."""
        if self._left > 0:
            self.error = self.error or error
            self._left = 0
            self._end()

    def _end(self) -> None:
        self._ended(self)
        if not self.answer.done():
            self.answer.set_result(None)


class _Lane:
    """The way to one partition."""

    __slots__ = ("busy", "partition", "queue", "topic")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.queue: deque[tuple[Parcel, Sequence[Record]]] = deque()
        #: Whether a batch is on its way, or about to be.
        self.busy = False


class Lanes:
    """The ways to all partitions, by one producer.

    Parameters
    ----------
    producer
        Makes batches and sends them, as aiokafka's does.
    heard
        Told of every batch that Kafka has answered: why it was not taken, or None.
    company
        Seconds to wait for company, when others are under way.
    """

    def __init__(
        self,
        producer: Any,
        heard: Callable[[BaseException | None], None],
        company: float = _COMPANY,
    ) -> None:
        self._producer = producer
        self._heard = heard
        self._company = company
        #: Batches on their way.
        self._flying = 0
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._ready: deque[_Lane] = deque()
        self._driving: asyncio.Task[None] | None = None

    def put(self, parcel: Parcel, topic: str, partition: int, records: Sequence[Record]) -> None:
        """Send a part of a parcel, after whatever was put for the same partition before.

        Parameters
        ----------
        parcel
            Is told what becomes of it.
        topic
            Full name.
        partition
            Of the topic.
        records
            All of them for this partition, in their order.
        """
        parcel.divide()
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = _Lane(topic, partition)
        lane.queue.append((parcel, records))
        if not lane.busy:
            self._start(lane)

    def _start(self, lane: _Lane) -> None:
        lane.busy = True
        self._ready.append(lane)
        if self._driving is None or self._driving.done():
            self._driving = asyncio.create_task(self._drive())

    async def _drive(self) -> None:
        if self._flying:
            await asyncio.sleep(self._company)
        while self._ready:
            lane = self._ready.popleft()
            carried: list[Parcel] = []
            try:
                batch = self._load(lane, carried)
                flight = await self._producer.send_batch(
                    batch, lane.topic, partition=lane.partition
                )
            # Whatever it is, those who wait are told, and the other partitions go on.
            except Exception as error:
                self._landed(lane, carried, error)
            else:
                self._flying += 1
                flight.add_done_callback(self._landing(lane, carried))

    def _load(self, lane: _Lane, carried: list[Parcel]) -> Any:
        """Return a batch of as much as one holds; say whose it is."""
        batch = self._producer.create_batch()
        queue = lane.queue
        while queue:
            parcel, records = queue.popleft()
            carried.append(parcel)
            for place, (_, key, value, headers) in enumerate(records):
                if batch.append(timestamp=None, key=key, value=value, headers=headers) is not None:
                    continue
                if place == 0 and len(carried) == 1:
                    raise MessageSizeTooLargeError("a record is larger than a batch")
                if place == 0:
                    carried.pop()
                else:
                    parcel.divide()
                queue.appendleft((parcel, records[place:]))
                return batch
        return batch

    def _landing(
        self, lane: _Lane, carried: Sequence[Parcel]
    ) -> Callable[[asyncio.Future[Any]], None]:
        def landed(flight: asyncio.Future[Any]) -> None:
            cancelled = flight.cancelled()
            error = asyncio.CancelledError() if cancelled else flight.exception()
            self._flying -= 1
            self._landed(lane, carried, error)

        return landed

    def _landed(self, lane: _Lane, carried: Sequence[Parcel], error: BaseException | None) -> None:
        self._heard(error)
        lane.busy = False
        for parcel in carried:
            parcel.part_ended(error)
        if lane.queue:
            self._start(lane)
