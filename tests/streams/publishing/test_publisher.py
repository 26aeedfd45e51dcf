"""A publisher on a real Kafka, and on one that does as it is told."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError
from kafka.future import Future

from features import Event, decode_event, encode_event
from streams.brokers import open_consumer
from streams.demo import EmbeddedServers, free_port
from streams.publishing import (
    InvalidEvent,
    KafkaAway,
    NotPublished,
    Published,
    Publisher,
    TopicMissing,
    publisher,
)
from streams.settings import Settings, load_settings
from streams.topics import create_topics, partition_of
from tests.conftest import Kafka
from tests.servers import ROOT, Processes

PARTITIONS = 4
#: Seconds that are too short for anything to happen in between.
SHORT = 0.02


def configured(bootstrap: str, prefix: str) -> Settings:
    environ = {"EBB_KAFKA": bootstrap, "EBB_TOPICS_PREFIX": prefix}
    return load_settings(environ=environ, options={"topics.partitions": PARTITIONS}).settings


def everything(settings: Settings) -> dict[int, list[tuple[bytes, bytes]]]:
    """Return the key and the value of all that lies in ``clickstream``, by partition."""
    places = [TopicPartition(settings.topic("clickstream"), n) for n in range(PARTITIONS)]
    found: dict[int, list[tuple[bytes, bytes]]] = {n: [] for n in range(PARTITIONS)}
    with open_consumer(settings) as consumer:
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        while any(consumer.position(place) < ends[place] for place in places):
            for place, records in consumer.poll(1_000).items():
                found[place.partition] += [(record.key, record.value) for record in records]
    return found


# -- on a real Kafka ------------------------------------------------------------------------


def test_events_lie_where_their_customers_belong_in_order(kafka: Kafka, topic_prefix: str) -> None:
    settings = configured(kafka.bootstrap, topic_prefix)
    create_topics(settings)
    users = [f"zoë-{number}" for number in range(40)]
    with Publisher(settings) as open_one:
        futures = [
            open_one.publish(
                user_id=user, type="purchase", time=at, order_id=f"{user}-{at}", amount=at
            )
            for at in range(5)
            for user in users
        ]
        made = Event(event_id="e-1", user_id="ada", type="visit", time=9)
        last = open_one.publish(made).result(20)
    told = [future.result() for future in futures]

    found = everything(settings)
    events = {n: [decode_event(value) for _, value in found[n]] for n in found}
    assert last == Published("e-1", partition_of(b"ada", PARTITIONS), last.offset)
    assert found[last.partition][last.offset] == (b"ada", encode_event(made))
    assert sum(map(len, events.values())) == len(told) + 1
    for one in told:
        assert events[one.partition][one.offset].event_id == one.event_id
    for number, lying in events.items():
        assert all(partition_of(key, PARTITIONS) == number for key, _ in found[number])
        assert [key.decode() for key, _ in found[number]] == [event.user_id for event in lying]
        for user in users:
            times = [event.at for event in lying if event.user_id == user]
            assert times in ([], [0, 1, 2, 3, 4])


def test_a_topic_that_is_not_there_is_told_at_once(kafka: Kafka, topic_prefix: str) -> None:
    with pytest.raises(TopicMissing, match=r"clickstream is not there.*ebb topics create"):
        Publisher(configured(kafka.bootstrap, topic_prefix))


def test_a_kafka_that_is_away_is_told_in_time() -> None:
    with pytest.raises(KafkaAway, match="no broker answers at 127"):
        Publisher(f"127.0.0.1:{free_port()}", patience=0.5)


def test_what_waits_while_kafka_is_frozen_is_told_and_arrives_once_after_it(
    tmp_path: Path,
) -> None:
    with EmbeddedServers(tmp_path) as servers:
        settings = configured(servers.bootstrap, "")
        create_topics(settings)
        with Publisher(settings, patience=0.5) as open_one:
            open_one.publish(user_id="ada", type="purchase", time=1, order_id="o-1").result(20)
            os.kill(servers.pids["tansu"], signal.SIGSTOP)
            os.waitpid(servers.pids["tansu"], os.WUNTRACED)  # until it stands still
            try:
                late = open_one.publish(user_id="ada", type="purchase", time=2, order_id="o-2")
                with pytest.raises(NotPublished, match=r"no acknowledgement in 0\.5 s") as told:
                    open_one.flush()
            finally:
                os.kill(servers.pids["tansu"], signal.SIGCONT)
            assert [event.order_id for event in told.value.events] == ["o-2"]
            late.result(20)
            open_one.flush(20)
        found = everything(settings)[partition_of(b"ada", PARTITIONS)]
    # Tansu does not know a repeat by its sequence number, and may keep it.
    order_ids = [decode_event(value).order_id for _, value in found]
    assert order_ids[:2] == ["o-1", "o-2"]
    assert set(order_ids[2:]) <= {"o-2"}


# -- on one that does as it is told ---------------------------------------------------------


@dataclass
class Obedient:
    """A producer that acknowledges or fails when it is told to."""

    records: list[Future] = field(default_factory=list)
    refuses: bool = False

    def send(self, topic: str, **record: object) -> Future:
        if self.refuses:
            raise KafkaTimeoutError("no metadata")
        self.records.append(Future())
        return self.records[-1]

    def flush(self, timeout: float | None = None) -> None:
        raise KafkaTimeoutError

    def close(self, timeout: float | None = None) -> None:
        pass

    def acknowledge(self) -> None:
        self.records.pop(0).success(SimpleNamespace(partition=0, offset=7))

    def fail(self) -> None:
        self.records.pop(0).failure(TopicAuthorizationFailedError("clickstream"))


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Obedient:
    made = Obedient()
    monkeypatch.setattr(publisher, "_open", lambda *_: made)
    return made


@pytest.fixture
def bounded(producer: Obedient) -> Iterator[Publisher]:
    """A publisher with room for two events."""
    made = Publisher(Settings(), patience=SHORT, most_events=2)
    yield made
    with suppress(NotPublished):
        made.close()


def visit(number: int) -> Event:
    return Event(event_id=f"e-{number}", user_id="ada", type="visit", time=number)


def test_what_waits_is_bounded(bounded: Publisher, producer: Obedient) -> None:
    first = bounded.publish(visit(1))
    bounded.publish(visit(2))
    with pytest.raises(NotPublished, match="no room for it in") as refused:
        bounded.publish(visit(3))
    assert refused.value.events == (visit(3),)
    producer.acknowledge()
    assert first.result(0) == Published("e-1", 0, 7)
    bounded.publish(visit(3))
    assert len(producer.records) == 2


def test_so_are_its_bytes_but_for_one_that_is_alone(producer: Obedient) -> None:
    narrow = Publisher(Settings(), patience=SHORT, most_bytes=1)
    narrow.publish(visit(1))
    with pytest.raises(NotPublished):
        narrow.publish(visit(2))
    producer.acknowledge()
    narrow.publish(visit(2))
    producer.acknowledge()
    narrow.close()


def test_who_waits_for_room_gets_it_as_soon_as_there_is_some(producer: Obedient) -> None:
    patient = Publisher(Settings(), patience=20, most_events=1)
    patient.publish(visit(1))
    waiting = threading.Thread(target=patient.publish, args=(visit(2),))
    waiting.start()
    producer.acknowledge()
    waiting.join(20)
    assert not waiting.is_alive()
    producer.acknowledge()
    patient.close()


def test_threads_share_one(producer: Obedient) -> None:
    shared = Publisher(Settings(), most_events=10_000)

    def publish(start: int) -> None:
        wait([shared.publish(visit(start + number)) for number in range(100)], 0)

    threads = [threading.Thread(target=publish, args=(start,)) for start in range(0, 800, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(producer.records) == 800
    while producer.records:
        producer.acknowledge()
    shared.close()


def test_a_loss_is_told_by_its_future_and_once_by_flush(
    bounded: Publisher, producer: Obedient
) -> None:
    lost, arrived = bounded.publish(visit(1)), bounded.publish(visit(2))
    producer.fail()
    producer.acknowledge()
    with pytest.raises(NotPublished, match=r"^1 event was not published.*clickstream"):
        lost.result(0)
    assert arrived.result(0).event_id == "e-2"
    with pytest.raises(NotPublished) as told:
        bounded.flush()
    assert told.value.events == (visit(1),)
    bounded.flush()


def test_losses_that_nobody_was_told_of_are_told_to_who_finds_no_room(
    bounded: Publisher, producer: Obedient
) -> None:
    for number in (1, 2):
        bounded.publish(visit(number))
        producer.fail()
    with pytest.raises(NotPublished, match=r"^3 events were not published") as told:
        bounded.publish(visit(3))
    assert told.value.events == (visit(1), visit(2), visit(3))
    bounded.publish(visit(3))
    producer.acknowledge()
    bounded.flush()


def test_an_event_that_is_refused_was_not_sent_and_takes_no_room(
    bounded: Publisher, producer: Obedient
) -> None:
    for _ in range(3):
        with pytest.raises(InvalidEvent, match="user_id"):
            bounded.publish(user_id="", type="visit", time=0)
    producer.refuses = True
    for _ in range(3):
        with pytest.raises(NotPublished, match="no metadata"):
            bounded.publish(visit(1))
    assert producer.records == []
    bounded.flush()


def test_the_end_of_a_block_tells_what_did_not_arrive(producer: Obedient) -> None:
    with (
        pytest.raises(NotPublished, match="no acknowledgement in") as told,
        Publisher(Settings(), patience=SHORT) as open_one,
    ):
        open_one.publish(visit(1))
    assert told.value.events == (visit(1),)
    with pytest.raises(NotPublished, match="is closed"):
        open_one.publish(visit(2))
    open_one.close()


def test_an_error_in_the_block_is_not_hidden_by_a_loss(producer: Obedient) -> None:
    with (
        pytest.raises(ZeroDivisionError) as raised,
        Publisher(Settings(), patience=SHORT) as open_one,
    ):
        open_one.publish(visit(1))
        raise ZeroDivisionError
    [note] = raised.value.__notes__
    assert "1 event was not published" in note


def test_who_forgets_to_close_is_told_at_the_end_of_the_program(
    processes: Processes, tmp_path: Path
) -> None:
    (tmp_path / "forgetful.py").write_text(
        """
from streams.publishing import Publisher, publisher
from streams.settings import Settings
from tests.streams.publishing.test_publisher import Obedient

publisher._open = lambda *_: Obedient()
Publisher(Settings(), patience=0.02).publish(user_id="ada", type="visit", time=0)
""",
        encoding="utf-8",
    )
    child = processes.python("forgetful.py", env={"PYTHONPATH": str(ROOT)})
    child.wait(60)
    assert "NotPublished: 1 event was not published" in child.tail()


def test_an_event_and_its_fields_are_not_taken_together(bounded: Publisher) -> None:
    with pytest.raises(TypeError, match="not both"):
        bounded.publish(visit(1), type="purchase")  # type: ignore[call-overload]
