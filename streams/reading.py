"""Reading a topic for people: to its end as of now, in no group, committing nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition

from features import SECOND, Millis
from streams.brokers import KafkaAway, TopicMissing, open_consumer
from streams.settings import Settings

#: A broker that sends nothing for that long, though there is something, is away.
PATIENCE: Final[Millis] = 10 * SECOND
_POLL: Final[Millis] = 500


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


class Reading:
    """A topic, read once by somebody who only looks.

    Parameters
    ----------
    settings
        How to reach Kafka.
    topic
        Full name of the topic.

    Raises
    ------
    KafkaAway
        If no broker answers, now or while reading.
    TopicMissing
        If there is no such topic.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._bootstrap = settings.kafka.bootstrap
        self._consumer: KafkaConsumer = open_consumer(settings, auto_offset_reset="earliest")
        try:
            numbers = self._consumer.partitions_for_topic(topic)
            if not numbers:
                raise TopicMissing(topic)
            self._partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
            self._consumer.assign(self._partitions)
            self._starts = self._consumer.beginning_offsets(self._partitions)
            self._ends = self._consumer.end_offsets(self._partitions)
        except BaseException:
            self.close()
            raise

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
        for partition in self._partitions:
            self._consumer.seek(partition, self._ends[partition])
        self._consumer.resume(*self._partitions)
        while True:
            for records in self._consumer.poll(timeout_ms=_POLL).values():
                yield from map(_message, records)


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
