"""What a worker holds of one partition: its mark, and the messages that wait to be published.

The mark is the position of the log that the store reflects, with the watermark, the outbox's
ends and the counts. It is what a commit is fenced on: it changes with every commit, so whoever
read an older one cannot write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from features import Millis
from features.store import Commit, Record, Store
from streams.live.messages import Message, pack
from streams.live.stopping import ShapeChanged
from streams.pipeline import NO_WATERMARK

MARK_VERSION: Final = 1
#: Messages that may wait for the broker before a partition's handler waits, too.
OUTBOX_BOUND: Final = 20_000
_READ: Final = 1_000


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Which position of the log a partition's state reflects.

    Parameters
    ----------
    offset
        Of the next record to apply; -1 before the first.
    epoch
        Number of commits, of timers too.
    watermark
        Event time up to which the partition is complete, in milliseconds.
    tail, head
        Sequence numbers of the oldest message in the outbox, and of the next one.
    counts
        What happened so far.
    shape
        Fingerprint of what shapes the stored state.
    partitions
        How many the topic had: with it, a customer's partition is known without Kafka.
    """

    offset: int = -1
    epoch: int = 0
    watermark: Millis = NO_WATERMARK
    tail: int = 0
    head: int = 0
    counts: dict[str, int] = {}
    shape: str = ""
    partitions: int = 0
    v: Annotated[int, Meta(ge=1, le=MARK_VERSION)] = MARK_VERSION


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Mark)


def read_mark(data: bytes | None) -> Mark:
    """Return a mark from the store; a fresh one for a partition never written."""
    return Mark() if data is None else _decoder.decode(data)


class FencedOut(ConnectionError):
    """Another worker has written this partition since: what was computed is worth nothing."""


class Held:
    """One partition in hand.

    Parameters
    ----------
    store
        Where it is kept.
    partition
        Its number.
    data
        The mark as it was read.
    shape
        Fingerprint of the settings that shape the state; another one is refused.

    Raises
    ------
    ShapeChanged
        If the stored state was shaped by other settings.
    """

    def __init__(self, store: Store, partition: int, data: bytes | None, shape: str) -> None:
        self.store = store
        self.partition = partition
        self._data = data
        self.mark = read_mark(data)
        self._shape = shape
        if data is not None and self.mark.shape != shape:
            raise ShapeChanged(
                f"the state in Redis was built with other settings of churn, silence or features "
                f"(partition {partition}: {self.mark.shape}, now {shape}). Set them back, or build "
                "it anew from the topic under another redis.namespace"
            )
        #: Messages not yet acknowledged by the broker, by sequence number.
        self.unsent: dict[int, bytes] = {}
        #: Sequence number after the last message that the broker has acknowledged.
        self.published = self.mark.tail
        self.changed = asyncio.Event()

    async def recover_outbox(self) -> None:
        """Take up the messages that were committed and never acknowledged."""
        for first in range(self.mark.tail, self.mark.head, _READ):
            wanted = range(first, min(first + _READ, self.mark.head))
            self.unsent.update(await self.store.outbox(self.partition, wanted))

    async def commit(
        self,
        *,
        offset: int,
        watermark: Millis,
        partitions: int,
        records: Mapping[str, Record],
        timers: Mapping[str, Millis],
        messages: Sequence[Message],
        counts: Mapping[str, int],
    ) -> None:
        """Write a batch, or raise and have written nothing.

        Raises
        ------
        FencedOut
            If somebody else has written the partition since.
        StoreAway
            If the outcome is not known.
        """
        mark = self.mark
        packed = {mark.head + place: pack(message) for place, message in enumerate(messages)}
        totals = dict(mark.counts)
        for name, count in counts.items():
            totals[name] = totals.get(name, 0) + count
        new = Mark(
            offset=offset,
            epoch=mark.epoch + 1,
            watermark=watermark,
            tail=self.published,
            head=mark.head + len(packed),
            counts=totals,
            shape=self._shape,
            partitions=partitions,
        )
        data = _encoder.encode(new)
        commit = Commit(
            expected=self._data,
            mark=data,
            records=records,
            timers=timers,
            outbox=packed,
            trim=range(mark.tail, self.published),
        )
        if not await self.store.commit(self.partition, commit):
            raise FencedOut(f"partition {self.partition} was written by another worker")
        self._data = data
        self.mark = new
        if packed:
            self.unsent.update(packed)
            self.changed.set()

    @property
    def untrimmed(self) -> int:
        """How many acknowledged messages still lie in the store."""
        return self.published - self.mark.tail

    def acknowledge(self, upto: int) -> None:
        """Take note that the broker has acknowledged every message before ``upto``."""
        for number in range(self.published, upto):
            self.unsent.pop(number, None)
        self.published = upto
        self.changed.set()

    async def wait_for_room(self) -> None:
        """Wait while too many messages wait for the broker."""
        while len(self.unsent) > OUTBOX_BOUND:
            self.changed.clear()
            await self.changed.wait()
