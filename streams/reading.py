"""Reading a topic for people: to its end as of now, in no group, committing nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition

from features import SECOND, Millis
from streams.brokers import KafkaAway, TopicMissing, open_consumer
from streams.settings import Settings

#: A broker that sends nothing for that long, though there is something, is away.
PATIENCE: Final[Millis] = 10 * SECOND
_POLL: Final[Millis] = 500
#: How a long log is read: in large pieces, and without checking again what TCP has checked.
_IN_BULK: Final = {
    "max_poll_records": 5_000,
    "max_partition_fetch_bytes": 8 * 1024 * 1024,
    "receive_buffer_bytes": 1024 * 1024,
    "fetch_max_wait_ms": 100,
    "check_crcs": False,
}


@dataclass(frozen=True)
class Message:
    """One message of a topic, as it lies there."""

    topic: str
    partition: int
    offset: int
    timestamp: Millis
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Topic, partition and offset, for people."""
        return f"{self.topic}/{self.partition}@{self.offset}"


class LogEndsBefore(LookupError):
    """The log ends before an offset that was there once: the topic was created anew."""

    def __init__(self, topic: str, partition: int, end: int, wanted: int) -> None:
        super().__init__(
            f"{topic}/{partition} ends at offset {end}, but was read up to {wanted} before: the "
            "topic was created anew, or is not the one that the state was built from"
        )


class Reading:
    """A topic, read once by somebody who only looks.

    Parameters
    ----------
    settings
        How to reach Kafka.
    topic
        Full name of the topic.
    beside
        Full names of topics that are read along with it, by `past` and `coming`.
    in_bulk
        Whether much of it is to be read, for `stretch`.

    Raises
    ------
    KafkaAway
        If no broker answers, now or while reading.
    TopicMissing
        If there is no such topic.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        *,
        beside: Sequence[str] = (),
        in_bulk: bool = False,
    ) -> None:
        self.topic = topic
        self._bootstrap = settings.kafka.bootstrap
        self._consumer: KafkaConsumer = open_consumer(
            settings, auto_offset_reset="earliest", **(_IN_BULK if in_bulk else {})
        )
        try:
            self._partitions = [
                TopicPartition(name, number)
                for name in (topic, *beside)
                for number in self._numbers(name)
            ]
            self._consumer.assign(self._partitions)
            self._starts = self._consumer.beginning_offsets(self._partitions)
            self._ends = self._consumer.end_offsets(self._partitions)
        except BaseException:
            self.close()
            raise

    def _numbers(self, topic: str) -> list[int]:
        numbers = self._consumer.partitions_for_topic(topic)
        if not numbers:
            raise TopicMissing(topic)
        return sorted(numbers)

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close(autocommit=False)

    def past(self, last: int | None = None) -> Iterator[Message]:
        """Yield what lay in the topic when the reading began, in order within a partition.

        Parameters
        ----------
        last
            At most that many of the newest messages of each partition; all when None.
        """
        unread = set()
        self._consumer.assign(self._partitions)
        for partition in self._partitions:
            start, end = self._starts[partition], self._ends[partition]
            self._consumer.seek(partition, start if last is None else max(start, end - last))
            if self._consumer.position(partition) < end:
                unread.add(partition)
            else:
                self._consumer.pause(partition)
        heard = time.monotonic()
        while unread:
            batches = self._consumer.poll(timeout_ms=_POLL)
            for partition, records in batches.items():
                end = self._ends[partition]
                yield from (_message(record) for record in records if record.offset < end)
            for partition in list(unread):
                # The position, not the last record, says how far we are: compaction leaves holes.
                if self._consumer.position(partition) >= self._ends[partition]:
                    self._consumer.pause(partition)
                    unread.discard(partition)
            if batches:
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE / SECOND:
                raise KafkaAway(self._bootstrap, reason="it stopped answering")

    def coming(self) -> Iterator[Message]:
        """Yield what comes after `past`, for ever."""
        self._consumer.assign(self._partitions)
        for partition in self._partitions:
            self._consumer.seek(partition, self._ends[partition])
        self._consumer.resume(*self._partitions)
        while True:
            for records in self._consumer.poll(timeout_ms=_POLL).values():
                yield from map(_message, records)

    def __len__(self) -> int:
        """Return the number of partitions."""
        return len(self._partitions)

    @property
    def held(self) -> int:
        """How many records there were when the reading began, about."""
        return sum(self._ends[each] - self._starts[each] for each in self._partitions)

    def start(self, partition: int) -> int:
        """Return the offset of the oldest record that a partition still holds, as of now."""
        where = TopicPartition(self.topic, partition)
        return int(self._consumer.beginning_offsets([where])[where])

    def stretch(self, partition: int, start: int, until: int) -> Iterator[Any]:
        """Yield the client's own records of one partition, the quickest way there is.

        Parameters
        ----------
        partition
            Its number.
        start
            Offset of the first; where the log no longer holds it, the oldest that it holds.
        until
            Offset after the last.

        Raises
        ------
        LogEndsBefore
            If the log ends before ``until``.
        KafkaAway
            If the broker stops answering.
        """
        where = TopicPartition(self.topic, partition)
        self._consumer.assign([where])
        self._consumer.seek(where, start)
        heard = time.monotonic()
        while start < until:
            records = self._consumer.poll(timeout_ms=_POLL).get(where, ())
            if records and records[-1].offset >= until:
                yield from (record for record in records if record.offset < until)
                return
            yield from records
            start = self._consumer.position(where)
            if records:
                heard = time.monotonic()
                continue
            # Only a fetch tells the end: not every broker tells it rightly when asked.
            end = self._consumer.highwater(where)
            if end is not None and end <= start < until:
                raise LogEndsBefore(self.topic, partition, end, until)
            if time.monotonic() - heard > PATIENCE / SECOND:
                raise KafkaAway(self._bootstrap, reason="it stopped answering")


def _message(record: Any) -> Message:
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        key=record.key,
        value=record.value,
        headers=dict(record.headers),
    )
