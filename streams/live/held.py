"""What a worker holds of one partition: its mark, and the messages that wait to be published.

The mark is the position of the log that the store reflects, with the watermark, the outbox's
ends and the counts. It is what a commit is fenced on: it changes with every commit, so whoever
read an older one cannot write.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from features import Millis
from features.store import Commit, Record, Store
from streams.live.cursor import Log, Offsets, place_in
from streams.live.messages import Message, pack
from streams.live.stopping import NewerVersion, ShapeChanged
from streams.pipeline import NO_WATERMARK

logger = logging.getLogger(__name__)

MARK_VERSION: Final = 2
#: Messages, and bytes of them, that may wait for the broker before the handler waits, too.
OUTBOX_BOUND: Final = 20_000
OUTBOX_BYTES: Final = 64 * 1024 * 1024
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
    rekeyed
        Offset in the second topic of the partition, the one of events that were moved here; -1
        before the first.
    topics
        Kafka's ids of the topics that the offsets belong to, by full name.
    holder
        Who wrote it: drawn anew by each hold of a partition. After a restore from an older copy,
        two who went on from there differently would else write the same bytes.
    recent
        How many of the last messages could be used, and how many could not.
    """

    offset: int = -1
    epoch: int = 0
    watermark: Millis = NO_WATERMARK
    tail: int = 0
    head: int = 0
    counts: dict[str, int] = {}
    shape: str = ""
    partitions: int = 0
    rekeyed: int = -1
    topics: dict[str, str] = {}
    recent: tuple[int, int] = (0, 0)
    holder: str = ""
    v: Annotated[int, Meta(ge=1, le=MARK_VERSION)] = MARK_VERSION


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Mark)


def read_mark(data: bytes | None) -> Mark:
    """Return a mark from the store; a fresh one for a partition never written.

    Raises
    ------
    NewerVersion
        If a newer Ebbtide wrote it.
    """
    if data is None:
        return Mark()
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise NewerVersion(
            f"the position in Redis was written by a newer Ebbtide ({error}; this one knows "
            f"version {MARK_VERSION}): run that one, or build the state anew from the topics "
            "under another redis.namespace"
        ) from None


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
        self._holder = secrets.token_hex(4)
        if data is not None and self.mark.shape != shape:
            raise ShapeChanged(
                f"the state in Redis was built with other settings of churn, silence or features "
                f"(partition {partition}: {self.mark.shape}, now {shape}). Set them back, or build "
                "it anew from the topic under another redis.namespace"
            )
        #: Kafka's ids of the topics read, and records that are gone unread, for the next mark.
        self.topics: Mapping[str, str] = self.mark.topics
        self.missing = 0
        #: Messages not yet acknowledged by the broker, by sequence number.
        self.unsent: dict[int, bytes] = {}
        self._unsent_bytes = 0
        self._released = False
        #: Sequence number after the last message that the broker has acknowledged.
        self.published = self.mark.tail
        self.changed = asyncio.Event()

    async def recover_outbox(self) -> None:
        """Take up the messages that were committed and never acknowledged."""
        for first in range(self.mark.tail, self.mark.head, _READ):
            wanted = range(first, min(first + _READ, self.mark.head))
            self._wait(await self.store.outbox(self.partition, wanted))

    def expect_partitions(self, partitions: int) -> None:
        """Refuse a topic that has another number of partitions than it had.

        Raises
        ------
        ShapeChanged
            If it has: a customer's events would go where the customer's state is not.
        """
        if self.mark.partitions not in (0, partitions):
            raise ShapeChanged(
                f"the topic has {partitions} partitions, and had {self.mark.partitions} when the "
                "state in Redis was built: customers would be split. Build the state anew from "
                "the topic under another redis.namespace"
            )

    async def places(
        self, positions: Mapping[str, int], logs: Mapping[str, Log], *, accept_gap: bool
    ) -> Offsets:
        """Return where to go on in each topic.

        Parameters
        ----------
        positions
            Offset of the next record to apply by topic; -1 before the first.
        logs
            What the broker says of each topic.
        accept_gap
            Whether to go on when records are missing: they are counted.

        Raises
        ------
        EventsMissing
            If records are missing, and that is not accepted.
        """
        offsets = {}
        for topic, position in positions.items():
            name = f"{topic}-{self.partition}"
            place = await place_in(
                name,
                logs[topic],
                position,
                self.mark.topics.get(topic, ""),
                accept_gap=accept_gap,
            )
            offsets[topic] = place.offset
            if position >= 0 and place.offset != position:
                logger.warning(
                    "%s: went on at %d instead of %d, as accepted; %d records are missing",
                    *(name, place.offset, position, place.missing),
                )
            self.missing += place.missing
        self.topics = {topic: logs[topic].topic_id for topic in positions}
        return offsets

    async def commit(
        self,
        *,
        offset: int,
        watermark: Millis,
        partitions: int,
        rekeyed: int = -1,
        recent: tuple[int, int] = (0, 0),
        whole: bool = True,
        records: Mapping[str, Record],
        timers: Mapping[str, Millis],
        messages: Sequence[Message],
        counts: Mapping[str, int],
    ) -> None:
        """Write a batch, or raise and have written nothing.

        Unless ``whole``, the partition's timers need more commits until they are all there.

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
        if self.missing:
            totals["missing"] = totals.get("missing", 0) + self.missing
        new = Mark(
            offset=offset,
            epoch=mark.epoch + 1,
            watermark=watermark,
            tail=self.published,
            head=mark.head + len(packed),
            counts=totals,
            shape=self._shape,
            partitions=partitions,
            rekeyed=rekeyed,
            topics=dict(self.topics),
            recent=recent,
            holder=self._holder,
        )
        data = _encoder.encode(new)
        commit = Commit(
            expected=self._data,
            mark=data,
            records=records,
            timers=timers,
            outbox=packed,
            trim=range(mark.tail, self.published),
            stamp=new.epoch if whole else None,
        )
        if not await self.store.commit(self.partition, commit):
            raise FencedOut(f"partition {self.partition} was written by another worker")
        self._data = data
        self.mark = new
        self.missing = 0
        if packed:
            self._wait(packed)
            self.changed.set()

    async def check(self) -> None:
        """Ask whether the store still holds what this hold wrote, for somebody who writes seldom.

        Raises
        ------
        FencedOut
            If it does not: somebody else has written, or an older copy was put back.
        """
        if await self.store.mark(self.partition) != self._data:
            raise FencedOut(f"partition {self.partition} was written by another worker")

    async def has_its_timers(self) -> bool:
        """Whether the timers in the store are those of the mark."""
        return self._data is None or await self.store.stamp(self.partition) == self.mark.epoch

    async def rearm(self, timers: Mapping[str, Millis]) -> None:
        """Set all timers of the partition anew: a crash of the store has torn them off.

        Parameters
        ----------
        timers
            When each customer is next due, as their states say.
        """
        logger.warning("partition %d: set %d timers anew", self.partition, len(timers))
        left = iter(timers.items())
        while some := dict(islice(left, _READ)):
            await self._touch(some, whole=False)
        await self._touch({}, whole=True)

    async def tidy(self) -> None:
        """Take the messages that the broker has acknowledged out of the store."""
        if self.untrimmed:
            await self._touch({}, whole=True)

    async def _touch(self, timers: Mapping[str, Millis], *, whole: bool) -> None:
        mark = self.mark
        await self.commit(
            offset=mark.offset,
            rekeyed=mark.rekeyed,
            watermark=mark.watermark,
            partitions=mark.partitions,
            recent=mark.recent,
            whole=whole,
            records={},
            timers=timers,
            messages=[],
            counts={},
        )

    @property
    def untrimmed(self) -> int:
        """How many acknowledged messages still lie in the store."""
        return self.published - self.mark.tail

    def acknowledge(self, upto: int) -> None:
        """Take note that the broker has acknowledged every message before ``upto``."""
        for number in range(self.published, upto):
            self._unsent_bytes -= len(self.unsent.pop(number, b""))
        self.published = upto
        self.changed.set()

    def _wait(self, messages: Mapping[int, bytes]) -> None:
        self.unsent.update(messages)
        self._unsent_bytes += sum(map(len, messages.values()))

    def inherit(self, before: Held) -> None:
        """Take over what the broker has acknowledged of the same messages.

        A commit that fails has the place read again; its messages need not be sent again.
        """
        if before._data == self._data and before.published > self.published:
            self.acknowledge(before.published)

    def release(self) -> None:
        """Take note that nobody publishes for this hold of the partition any more."""
        self._released = True
        self.changed.set()

    async def wait_for_room(self) -> None:
        """Wait while too many messages wait for the broker.

        Raises
        ------
        FencedOut
            If the partition was let go: nobody would ever make room.
        """
        while len(self.unsent) > OUTBOX_BOUND or self._unsent_bytes > OUTBOX_BYTES:
            if self._released:
                raise FencedOut(f"partition {self.partition} was let go")
            self.changed.clear()
            await self.changed.wait()
