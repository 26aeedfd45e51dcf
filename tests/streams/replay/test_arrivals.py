"""Events of a file and of a stretch of a topic, as a replay takes them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features import Event, encode_event
from streams.brokers import TopicMissing, open_admin, open_producer
from streams.pipeline import Arrival
from streams.recorded import Tally, load_mapping, parse_mapping
from streams.replay.arrivals import RecordedTopic, recorded_file
from streams.replay.lanes import Lanes
from streams.replay.span import Span
from streams.settings import Settings, load_settings
from streams.topics import partition_of
from tests.conftest import Kafka
from tests.streams.recorded.cdnow import CUSTOMERS, EVENTS, cdnow_file

MAPPING = 'customer = "who"\ntime = "at"\ntype = { constant = "purchase" }\namount = "paid"\n'
PARTITIONS = 3
#: When the first record of a test arrives.
START = 1_767_225_600_000


# -- files ------------------------------------------------------------------------------------


def test_events_of_a_file_arrive_in_the_order_and_at_the_time_of_the_events(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text(
        "who,at,paid\nada,2026-01-02,2.5\n,2026-01-01,1\ngrace,2026-01-01,[red]\n"
        "zoe,2026-01-01,1\nada,2026-01-01,7\n"
    )
    tally, read = Tally(), []
    mapping = parse_mapping(MAPPING, "test")
    arrivals = list(
        recorded_file(tmp_path / "shop.csv", mapping, tally, lambda rows, _: read.append(rows))
    )
    assert [(arrival.offset, arrival.event.user_id) for arrival in arrivals] == [
        (0, "zoe"),
        (1, "ada"),
        (2, "ada"),
    ]
    assert all(arrival.timestamp == arrival.event.at for arrival in arrivals)
    assert [(row.line, row.reason) for row in tally.rejections] == [
        (3, "no customer"),
        (4, "amount is not a number: '[red]'"),
    ]
    assert (tally.rows, read[-1]) == (5, 5)


def test_all_of_cdnow_comes_in_order() -> None:
    tally = Tally()
    latest = 0
    for arrival in recorded_file(cdnow_file(), load_mapping("cdnow"), tally):
        assert arrival.timestamp >= latest
        latest = arrival.timestamp
    assert (tally.events, tally.customers.count) == (EVENTS, CUSTOMERS)


# -- topics -----------------------------------------------------------------------------------


class Topic:
    """Topics of which the test says when each record arrived."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clickstream = settings.topic("clickstream")
        self.rekeyed = settings.topic("rekeyed")

    def create(self, *names: str) -> None:
        """Create topics, of PARTITIONS each, whose records keep the producer's timestamp."""
        admin = open_admin(self.settings)
        admin.create_topics(
            {
                name: {
                    "num_partitions": PARTITIONS,
                    "replication_factor": 1,
                    "configs": {"message.timestamp.type": "CreateTime"},
                }
                for name in names
            }
        )
        admin.close()

    def delete(self) -> None:
        """Delete what was created."""
        admin = open_admin(self.settings)
        names = admin.list_topics()
        own = [name for name in names if name.startswith(self.settings.topics.prefix)]
        if own:
            admin.delete_topics(own)
        admin.close()

    def send(self, records: list[tuple[str, int, int, bytes | None]], **words: Any) -> None:
        """Send (topic, partition, arrival, value)."""
        with open_producer(self.settings) as producer:
            for topic, partition, at, value in records:
                producer.send(
                    topic, key=b"", value=value, partition=partition, timestamp_ms=at, **words
                )


@pytest.fixture
def topic(kafka: Kafka, topic_prefix: str) -> Iterator[Topic]:
    environ = {"EBB_KAFKA": kafka.bootstrap, "EBB_TOPICS_PREFIX": topic_prefix}
    made = Topic(load_settings(environ=environ).settings)
    yield made
    made.delete()


def _home(name: str) -> int:
    return partition_of(name.encode(), PARTITIONS)


def _customers(partition: int) -> Iterator[str]:
    return (name for n in itertools.count() if _home(name := f"shopper-{n}") == partition)


def _event(name: str, number: int) -> bytes:
    return encode_event(
        Event(event_id=f"{name}-{number}", user_id=name, type="visit", time=START + number)
    )


def _ids(arrivals: Iterator[Arrival]) -> list[str]:
    return [arrival.event.event_id for arrival in arrivals]


def test_every_partition_is_read_whole_in_its_order_whoever_takes_first(topic: Topic) -> None:
    topic.create(topic.clickstream)
    each = 2_500
    topic.send([(topic.clickstream, n % 3, START + n, b"%d" % n) for n in range(each * PARTITIONS)])
    dice = random.Random(5)
    with Lanes(topic.settings, topic.clickstream, Span(""), waiting=300) as lanes:
        assert (len(lanes), lanes.total, lanes.held) == (3, each * 3, each * 3)
        reading = [lanes.lane(number) for number in range(PARTITIONS)]
        found: list[list[int]] = [[], [], []]
        for number in range(PARTITIONS):
            found[number].append(int(next(reading[number]).value))
        assert 0 < lanes.waiting <= 300 + PARTITIONS * 100
        # Two are left alone until the other one is through: nothing of them may be lost.
        found[1] += [int(record.value) for record in reading[1]]
        open_ones = [0, 2]
        while open_ones:
            number = dice.choice(open_ones)
            some = list(itertools.islice(reading[number], dice.randint(1, 400)))
            found[number] += [int(record.value) for record in some]
            if not some:
                open_ones.remove(number)
    assert found == [list(range(number, each * 3, 3)) for number in range(3)]


def test_from_is_the_first_arrival_and_to_the_one_before_which_it_ends(topic: Topic) -> None:
    topic.create(topic.clickstream)
    names = [next(_customers(number)) for number in range(2)]
    topic.send(
        [
            (topic.clickstream, number, START + minute, _event(name, minute))
            for minute in range(10)
            for number, name in enumerate(names)
        ]
    )
    with RecordedTopic(topic.settings, Span("clickstream", START + 3, START + 7)) as recorded:
        assert (recorded.total, recorded.held, recorded.begins_late) == (8, 20, True)
        assert recorded.oldest() == START
        first, second, third = map(_ids, recorded.arrivals())
    assert first == [f"{names[0]}-{minute}" for minute in range(3, 7)]
    assert second == [f"{names[1]}-{minute}" for minute in range(3, 7)]
    assert third == []
    with RecordedTopic(topic.settings, Span(topic.clickstream, until=START + 2)) as recorded:
        assert (recorded.total, recorded.begins_late) == (4, False)
        assert sum(len(_ids(lane)) for lane in recorded.arrivals()) == 4
    with RecordedTopic(topic.settings, Span("clickstream", since=START + 10)) as recorded:
        assert recorded.total == 0
        assert sum(len(_ids(lane)) for lane in recorded.arrivals()) == 0


def test_a_moved_event_comes_when_it_was_moved_and_arrived_when_it_first_did(topic: Topic) -> None:
    topic.create(topic.clickstream, topic.rekeyed)
    customers = _customers(1)
    stays, moved = next(customers), next(customers)
    topic.send(
        [
            (topic.clickstream, 1, START, _event(stays, 1)),
            (topic.clickstream, 0, START + 1, _event(moved, 1)),
            (topic.clickstream, 1, START + 2, _event(stays, 2)),
            (topic.clickstream, 1, START + 4, _event(stays, 3)),
        ]
    )
    origin = b'{"topic":"%s","partition":0,"offset":0,"timestamp":%d}'
    header = ("ebb_origin", origin % (topic.clickstream.encode(), START + 1))
    topic.send([(topic.rekeyed, 1, START + 3, _event(moved, 1))], headers=[header])
    with RecordedTopic(topic.settings, Span("clickstream")) as recorded:
        assert recorded.total == 5
        lanes = [list(lane) for lane in recorded.arrivals()]
        assert recorded.counts == {"events": 4, "forwarded": 1, "rekeyed": 1}
        assert recorded.unmoved == 0
    assert _ids(iter(lanes[1])) == [f"{stays}-1", f"{stays}-2", f"{moved}-1", f"{stays}-3"]
    assert [arrival.timestamp - START for arrival in lanes[1]] == [0, 2, 1, 4]
    assert lanes[0] == lanes[2] == []


def test_what_no_worker_could_use_is_counted_and_left_out(topic: Topic) -> None:
    topic.create(topic.clickstream, topic.rekeyed)
    ada, grace = next(_customers(0)), next(_customers(1))
    topic.send(
        [
            (topic.clickstream, 0, START, _event(ada, 1)),
            (topic.clickstream, 0, START + 1, b"no event"),
            (topic.clickstream, 0, START + 2, None),
            (topic.clickstream, 2, START + 3, _event(grace, 1)),
            (topic.rekeyed, 0, START + 4, _event(grace, 1)),
            (topic.clickstream, 0, START + 5, _event(ada, 2)),
        ]
    )
    with RecordedTopic(topic.settings, Span("clickstream")) as recorded:
        assert [_ids(lane) for lane in recorded.arrivals()] == [[f"{ada}-1", f"{ada}-2"], [], []]
        assert recorded.counts == {"events": 2, "invalid": 3, "forwarded": 1}
        assert recorded.unmoved == 1


def test_another_topic_stands_by_itself(topic: Topic) -> None:
    other = f"{topic.settings.topics.prefix}others"
    topic.create(other, topic.rekeyed)
    ada = next(_customers(0))
    topic.send(
        [(other, 0, START, _event(ada, 1)), (topic.rekeyed, 0, START, _event(ada, 2))],
    )
    with RecordedTopic(topic.settings, Span(other)) as recorded:
        assert [_ids(lane) for lane in recorded.arrivals()] == [[f"{ada}-1"], [], []]
    with pytest.raises(TopicMissing):
        RecordedTopic(topic.settings, Span("clickstream"))
