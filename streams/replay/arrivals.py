"""Events that were recorded, as they would arrive: those of a file, and those of a topic.

What a worker could not use is counted here as the worker would have counted it, and left out.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from features import Event, InvalidEvent, Millis, decode_event
from streams.brokers import TopicMissing
from streams.pipeline import Arrival
from streams.recorded import Mapping, Tally, read_events
from streams.replay.lanes import Lanes
from streams.replay.span import Span
from streams.settings import Settings
from streams.topics import partition_of
from streams.verify import moved_from

#: Customers of one partition whose place is remembered; asking again costs little.
_REMEMBERED: Final = 100_000


def recorded_file(
    path: str | Path,
    mapping: Mapping,
    tally: Tally,
    on_rows: Callable[[int, int], None] | None = None,
) -> Iterator[Arrival]:
    r"""Yield the events of a file in the order of their time, each arriving at that time.

    A file does not say when an event arrived, so none is late, and none is from the future.

    Parameters
    ----------
    path, mapping, on_rows
        As of `read_events`, which tells the errors too.
    tally
        Counts the events and the rejected rows; the latter are all counted before the first
        event comes.

    Examples
    --------
    >>> import tempfile
    >>> from streams.recorded import load_mapping
    >>> tally = Tally()
    >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    ...     _ = file.write("customer_id date number_of_cds dollar_value\n"
    ...                    "2 19970112 1 12.00\n1 19970101 1 11.77\n3 19970105 1 much\n")
    ...     file.flush()
    ...     for arrival in recorded_file(file.name, load_mapping("cdnow"), tally):
    ...         print(arrival.offset, arrival.event.user_id, arrival.timestamp == arrival.event.at)
    0 1 True
    1 2 True
    >>> tally.rejected
    1
    """
    for found in read_events(path, mapping, on_rows=on_rows):
        if isinstance(found, Event):
            yield Arrival(tally.events, found.at, found)
        tally.add(found)


class RecordedTopic:
    """A stretch of a clickstream as its workers have it; used in a ``with`` statement.

    ``clickstream`` and ``clickstream-rekeyed``, to which workers move what came on the partition
    of somebody else, are merged by their arrival. Another topic than the settings' clickstream
    stands by itself.

    Parameters
    ----------
    settings
        How to reach Kafka, and the names of the topics.
    span
        Which stretch: its topic is the full name, or ``clickstream``.

    Attributes
    ----------
    counts
        ``events`` that can be used, among them ``rekeyed`` ones, and those that were visitors' and
        ``handed_over`` to the customers who these are; ``invalid``, which are no events
        and go to the dead letters; ``forwarded``, which are not on their customer's partition,
        and count only where a worker has moved them.

    Raises
    ------
    KafkaAway
        If no broker answers, now or while reading.
    TopicMissing
        If there is no such topic.
    """

    def __init__(self, settings: Settings, span: Span) -> None:
        self.counts: Counter[str] = Counter()
        clickstream = settings.topic("clickstream")
        own = span.topic in ("clickstream", clickstream)
        self.topic = clickstream if own else span.topic
        self._open = ExitStack()
        try:
            self._first = self._open.enter_context(Lanes(settings, self.topic, span))
            self._second: Lanes | None = None
            if own:
                self._second = self._rekeyed(settings, span)
        except BaseException:
            self._open.close()
            raise

    def _rekeyed(self, settings: Settings, span: Span) -> Lanes | None:
        try:
            lanes = Lanes(settings, settings.topic("rekeyed"), span)
        except TopicMissing:
            return None  # nobody has ever moved an event
        return self._open.enter_context(lanes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def __len__(self) -> int:
        """Return the number of partitions."""
        return len(self._first)

    @property
    def total(self) -> int:
        """How many records there are to read, about."""
        return self._first.total + (self._second.total if self._second else 0)

    @property
    def held(self) -> int:
        """How many records the topic holds in all, about."""
        return self._first.held

    @property
    def begins_late(self) -> bool:
        """Whether there were records before the stretch: then nobody's history is whole."""
        return self._first.begins_late

    @property
    def unmoved(self) -> int:
        """How many events lie on a wrong partition, and were moved to the right one by nobody."""
        return max(self.counts["forwarded"] - self.counts["rekeyed"], 0)

    def oldest(self) -> Millis | None:
        """Return when the first record that the topic still holds arrived; None if it is empty."""
        return self._first.oldest()

    def arrivals(self) -> list[Iterator[Arrival]]:
        """Return the events of each partition, in the order of their arrival; to be read once."""
        return [self._partition(number) for number in range(len(self))]

    def _records(self, partition: int) -> Iterator[tuple[bool, Any]]:
        first = ((False, record) for record in self._first.lane(partition))
        if self._second is None or partition >= len(self._second):
            return first
        second = ((True, record) for record in self._second.lane(partition))
        return heapq.merge(first, second, key=_when)

    def _partition(self, partition: int) -> Iterator[Arrival]:
        counts, partitions = self.counts, len(self)
        known: dict[str, bool] = {}
        for moved, record in self._records(partition):
            try:
                event = decode_event(record.value)
            except InvalidEvent:
                counts["invalid"] += 1
                continue
            name = event.user_id
            home = known.get(name)
            if home is None:
                home = partition_of(name.encode(), partitions) == partition
                if len(known) >= _REMEMBERED:
                    known.clear()
                known[name] = home
            if not home:
                counts["invalid" if moved else "forwarded"] += 1
                continue
            counts["events"] += 1
            timestamp, history, promised = record.timestamp, None, None
            if moved:
                timestamp, history, promised = moved_from(record.headers, timestamp)
                counts["rekeyed" if history is None else "handed_over"] += 1
            yield Arrival(record.offset, timestamp, event, history, promised)


def _when(found: tuple[bool, Any]) -> Millis:
    timestamp: Millis = found[1].timestamp
    return timestamp
