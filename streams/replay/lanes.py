"""Many partitions of a topic, read at once and each at its own pace, in bounded memory.

A replay takes from the partitions as event time goes on, which is not the order in which a broker
sends them. So one consumer goes from partition to partition, and takes a piece of the one of which
nothing waits any more.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, TypeAlias

from kafka import KafkaConsumer, TopicPartition

from features import SECOND, Millis
from streams.brokers import KafkaAway, open_consumer
from streams.ends import LogEnds
from streams.reading import PATIENCE
from streams.replay.span import Span
from streams.settings import Settings

_POLL: Final[Millis] = 500
#: Records that may wait in all partitions together, and the smallest piece that is worth going for.
_WAITING: Final = 60_000
_LEAST: Final = 100
_AT_ONCE: Final = 2_000
#: What the broker sends at once of a partition: more would be thrown away between the pieces.
_BYTES: Final = 1024 * 1024

_Offsets: TypeAlias = dict[TopicPartition, int]


class Lanes:
    """The partitions of a topic, from a time of arrival up to another.

    Parameters
    ----------
    settings
        How to reach Kafka.
    topic
        Full name of the topic.
    span
        Which of its records, by the time at which they arrived.
    waiting
        Records that may wait in all partitions together, about.

    Raises
    ------
    KafkaAway
        If no broker answers, now or while reading.
    TopicMissing
        If there is no such topic.
    """

    def __init__(
        self, settings: Settings, topic: str, span: Span, *, waiting: int = _WAITING
    ) -> None:
        self.topic = topic
        self._bootstrap = settings.kafka.bootstrap
        with closing(LogEnds(settings, topic)) as logs:
            self._open(settings, logs, span, waiting)

    def _open(self, settings: Settings, logs: LogEnds, span: Span, waiting: int) -> None:
        size = len(logs)
        self._enough = max(_LEAST, waiting // size)
        self._consumer: KafkaConsumer = open_consumer(
            settings,
            auto_offset_reset="earliest",
            max_poll_records=min(_AT_ONCE, self._enough),
            max_partition_fetch_bytes=_BYTES,
            receive_buffer_bytes=_BYTES,
            fetch_max_wait_ms=10,  # what is to be read is there already
            check_crcs=False,  # TCP has checked already
        )
        try:
            self._places = [TopicPartition(self.topic, number) for number in range(size)]
            self._consumer.assign(self._places)
            oldest = self._consumer.beginning_offsets(self._places)
            said = self._consumer.end_offsets(self._places)
            ends = logs.read({place.partition: end for place, end in said.items()})
            newest = {place: ends[place.partition] for place in self._places}
            self._starts = self._first_since(span.since, newest, oldest)
            self._ends = self._first_since(span.until, newest, newest)
            #: Whether there were records before the span, in the log as it is or was.
            self.begins_late = any(start > 0 for start in self._starts.values())
            #: Records that the topic holds, and that the span holds of them.
            self.held: int = sum(newest[place] - oldest[place] for place in self._places)
            self.total: int = sum(
                max(self._ends[place] - self._starts[place], 0) for place in self._places
            )
            self._waiting: dict[TopicPartition, deque[Any]] = {
                place: deque() for place in self._places
            }
            self._next = dict(self._starts)
            self._at: TopicPartition | None = None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Lanes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Return the number of partitions."""
        return len(self._places)

    @property
    def waiting(self) -> int:
        """How many records were read, and wait to be taken."""
        return sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close(autocommit=False)

    def oldest(self) -> Millis | None:
        """Return when the first record that the topic still holds arrived; None if it is empty."""
        found = self._consumer.offsets_for_times(dict.fromkeys(self._places, 0))
        return min((first.timestamp for first in found.values() if first is not None), default=None)

    def lane(self, partition: int) -> Iterator[Any]:
        """Yield the client's own records of one partition, in their order; to be asked for once."""
        place = self._places[partition]
        waiting = self._waiting[place]
        while waiting or self._fill(place, waiting):
            yield waiting.popleft()

    def _first_since(self, moment: Millis | None, newest: _Offsets, unbound: _Offsets) -> _Offsets:
        """Return the offsets of the first records that arrived at a time, or later."""
        if moment is None:
            return unbound
        found = self._consumer.offsets_for_times(dict.fromkeys(self._places, max(moment, 0)))
        return {
            place: newest[place] if found[place] is None else int(found[place].offset)
            for place in self._places
        }

    def _fill(self, place: TopicPartition, waiting: deque[Any]) -> bool:
        """Read a piece of a partition; return whether there was anything left."""
        end = self._ends[place]
        if self._next[place] >= end:
            return False
        if place != self._at:
            self._consumer.assign([place])
            self._consumer.seek(place, self._next[place])
            self._at = place
        heard = time.monotonic()
        while len(waiting) < self._enough and self._next[place] < end:
            records = self._consumer.poll(timeout_ms=_POLL).get(place, ())
            waiting.extend(record for record in records if record.offset < end)
            # The position, not the last record, says how far we are: compaction leaves holes.
            self._next[place] = self._consumer.position(place)
            if records:
                heard = time.monotonic()
                continue
            high = self._consumer.highwater(place)
            if high is not None and high <= self._next[place]:
                self._next[place] = end  # what was there at the beginning has been deleted since
            elif time.monotonic() - heard > PATIENCE / SECOND:
                raise KafkaAway(self._bootstrap, reason="it stopped answering")
        return bool(waiting)
