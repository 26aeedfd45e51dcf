"""What somebody has to decide about: the process stops with one line, and has written nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import redis
from kafka import TopicPartition

from features import DAY, MINUTE, Event
from streams.brokers import open_admin
from streams.demo import Child, free_port
from streams.topics import partition_of
from tests.e2e.conftest import NewCorner
from tests.e2e.corner import Corner, ended, health
from tests.e2e.test_starting import one_line
from tests.servers import wait_for

pytestmark = pytest.mark.e2e

START = 1_700_000_000_000
PARTITIONS = 4
#: Where everything happens when a test is about one partition.
PLACE = 2
SHOPPERS = [
    name
    for name in (f"shopper-{number}" for number in range(200))
    if partition_of(name.encode(), PARTITIONS) == PLACE
]


def visits(first: int, last: int, names: list[str] = SHOPPERS) -> list[Event]:
    """Return visits by number: the same number is the same event."""
    return [
        Event(
            event_id=f"visit-{number}",
            user_id=names[number % len(names)],
            type="visit",
            time=START + number * MINUTE,
        )
        for number in range(first, last)
    ]


def refusal(child: Child) -> str:
    """Return the one line with which a process ended itself."""
    code, said = ended(child, 40)
    line = one_line(said)
    assert code == 1, said
    return line


def accepting(corner: Corner) -> Child:
    return corner.processes.ebb("worker", "--accept-gap")


def applied_then_stopped(corner: Corner, events: list[Event]) -> None:
    corner.publish(events)
    corner.worker()
    corner.drain(len(events), 40)
    corner.stop()


# -- the log is not what it was ---------------------------------------------------------------


def test_records_that_were_deleted_unread_are_counted_and_must_be_accepted(corner: Corner) -> None:
    corner.publish(visits(0, 40))
    worker = corner.worker()
    corner.drain(40, 40)
    worker.send_signal(signal.SIGSTOP)
    # The fetch that is under way brings the first of them, and not the others.
    corner.publish(visits(40, 41))
    corner.publish(visits(41, 100))
    topic = TopicPartition(corner.settings.topic("clickstream"), PLACE)
    with open_admin(corner.settings) as admin:
        admin.delete_records({topic: 75})
    worker.send_signal(signal.SIGCONT)

    # Under a running worker, and when it starts.
    for when in ("running", "starting"):
        line = refusal(worker if when == "running" else corner.worker())
        place = corner.marks()[PLACE].offset
        assert place in (40, 41)
        assert f"{topic.topic}-{PLACE}: the state is at offset {place}" in line
        assert f"starts at 75: {75 - place} records are missing" in line
        assert "--accept-gap" in line

    accepting(corner)
    wait_for("it goes on", lambda: corner.marks()[PLACE].offset == 100, 40, 0.1)
    counts = corner.counts()
    assert counts["missing"] == 75 - place
    assert counts["applied"] == 100 - counts["missing"]


def delete_topic(corner: Corner) -> None:
    name = corner.settings.topic("clickstream")
    with open_admin(corner.settings) as admin:
        admin.delete_topics([name])
        wait_for("the topic is gone", lambda: name not in admin.list_topics(), 20, 0.1)


def assert_created_anew(corner: Corner, child: Child) -> None:
    line = refusal(child)
    assert f"{corner.settings.topic('clickstream')}-" in line
    assert "deleted and created anew" in line
    assert "--accept-gap" in line


@pytest.mark.parametrize("when", ["at once", "after a while"])
def test_a_topic_that_was_created_anew_under_a_worker_is_refused(corner: Corner, when: str) -> None:
    corner.publish(visits(0, 40))
    port = free_port()
    worker = corner.worker(EBB_WORKER_PORT=str(port))
    corner.drain(40, 40)
    before = corner.stored()
    delete_topic(corner)
    if when == "after a while":
        wait_for("the worker knows", lambda: not health(port)[1].get("held"), 20, 0.1)
        code, body = health(port)
        assert code in (0, 503), f"it works without a topic: {body}"
    corner.create_topics()
    # It has grown past the old position when the worker looks again.
    corner.publish(visits(1_000, 1_090))
    assert_created_anew(corner, worker)
    assert corner.stored() == before


def test_a_topic_that_was_created_anew_while_none_ran_must_be_accepted(corner: Corner) -> None:
    applied_then_stopped(corner, visits(0, 40))
    before = corner.stored()
    delete_topic(corner)
    corner.create_topics()
    # While it is empty, and when it has grown past the old position.
    for events in ([], visits(1_000, 1_090)):
        corner.publish(events)
        assert_created_anew(corner, corner.worker())
        assert corner.stored() == before

    accepting(corner)
    wait_for("it goes on", lambda: corner.marks()[PLACE].offset == 90, 40, 0.1)
    assert corner.counts()["applied"] == 40 + 90


def test_a_topic_with_more_partitions_than_the_state_was_built_with_is_refused(
    corner: Corner,
) -> None:
    applied_then_stopped(corner, visits(0, 40))
    before = corner.stored()
    for name in ("clickstream", "rekeyed"):
        topic = corner.settings.topic(name)
        with open_admin(corner.settings) as admin:
            admin.create_partitions({topic: PARTITIONS + 2})
        corner.publish(visits(40, 80))
        line = refusal(corner.worker())
        assert "6 partitions" in line
        assert corner.stored() == before
    assert "has 6 partitions, and had 4" in line
    assert "redis.namespace" in line


# -- the store is not what this version writes ------------------------------------------------


@pytest.fixture(scope="module")
def written(new_corner: NewCorner) -> Corner:
    """A corner whose worker has ended, with events that wait for the next one.

    All of them are of one partition: they come in one batch.
    """
    corner = new_corner()
    corner.create_topics()
    applied_then_stopped(corner, visits(0, 40, SHOPPERS[:4]))
    # Long after: a decision is due, and so the ledger is read and written, too.
    day = Event(event_id="late", user_id=SHOPPERS[0], type="visit", time=START + 20 * DAY)
    corner.publish([day, *visits(40, 80, SHOPPERS[:4])])
    return corner


class Page:
    """The hash of one partition, of which a field is changed for a while."""

    def __init__(self, corner: Corner) -> None:
        self._client: Any = redis.Redis.from_url(corner.settings.redis.url)
        topic = corner.settings.topic("clickstream")
        self._key = f"{corner.settings.redis.namespace}:{{{topic}-{PLACE}}}:state"
        self._before: dict[str, bytes | None] = {}

    def __getitem__(self, field: str) -> bytes:
        value = self._client.hget(self._key, field)
        assert isinstance(value, bytes), f"there is no field {field}"
        return value

    def __setitem__(self, field: str, value: bytes) -> None:
        self._before.setdefault(field, self._client.hget(self._key, field))
        self._client.hset(self._key, field, value)

    def mend(self) -> None:
        for field, value in self._before.items():
            if value is None:
                self._client.hdel(self._key, field)
            else:
                self._client.hset(self._key, field, value)
        self._client.close()


@pytest.fixture
def page(written: Corner) -> Iterator[Page]:
    """What Redis holds of the partition, put right again after the test."""
    made = Page(written)
    yield made
    made.mend()


def refused(corner: Corner) -> str:
    """Start a worker that has to refuse what it finds; return why it does."""
    before = corner.stored()
    child = corner.worker()
    line = refusal(child)
    assert corner.stored() == before
    return line


def of_version_99(packed: bytes) -> bytes:
    fields = msgspec.msgpack.decode(packed)
    return msgspec.msgpack.encode([99, *fields[1:], "and what a newer version adds"])


def test_a_state_of_a_newer_version_is_refused(written: Corner, page: Page) -> None:
    field = f"s:{SHOPPERS[1]}"
    page[field] = of_version_99(page[field])
    line = refused(written)
    assert "version 99 was not written by this Ebbtide" in line
    assert SHOPPERS[1] not in line


def test_a_ledger_of_a_newer_version_is_refused(written: Corner, page: Page) -> None:
    page[f"l:{SHOPPERS[1]}"] = msgspec.msgpack.encode([99, False, 0, [], [], "more"])
    line = refused(written)
    assert "version 99 was not written by this Ebbtide" in line
    assert SHOPPERS[1] not in line


def test_a_position_of_a_newer_version_is_refused(written: Corner, page: Page) -> None:
    fields = msgspec.json.decode(page["@"])
    page["@"] = msgspec.json.encode({**fields, "v": 99, "more": [1]})
    client: Any = redis.Redis.from_url(written.settings.redis.url)
    topic = written.settings.topic("clickstream")
    key = f"{written.settings.redis.namespace}:{{{topic}-{PLACE}}}:state"
    before = client.hgetall(key)
    line = refusal(written.worker())
    assert "written by a newer Ebbtide" in line
    assert client.hgetall(key) == before
    client.close()


def test_a_state_that_nobody_can_read_is_refused_without_a_name(
    written: Corner, page: Page
) -> None:
    page[f"s:{SHOPPERS[1]}"] = os.urandom(40)
    line = refused(written)
    assert "cannot be read" in line
    assert "ebb verify" in line
    [*_, worker] = written.processes.children
    assert SHOPPERS[1] not in worker.log.read_text(encoding="utf-8")
