"""200 means that Kafka has it; when Kafka is slow or away, whoever comes is told so at once."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced

from streams.collect.limits import Limits
from tests.servers import wait_for
from tests.streams.collect.servers import (
    SECRET,
    Answer,
    Broker,
    Collector,
    basic,
    event,
    running,
)


def told_to_come_back(answer: Answer, code: str = "kafka_away") -> bool:
    assert (answer.status, answer.code) == (429, code)
    return 30 <= int(answer.headers["retry-after"]) <= 60


def inside(door: Collector, requests: int) -> Callable[[], bool]:
    return lambda: door.publishing.under_way == requests


def hold(door: Collector) -> None:
    door.broker.held = True


def test_a_request_waits_for_the_acknowledgement_of_all_its_events() -> None:
    broker = Broker(held=True)
    with running(broker=broker) as door, ThreadPoolExecutor(1) as pool:
        door.publishing._wait = 60.0
        answer = pool.submit(door.post, "/v1/events", [event(1), event(2)])
        wait_for("it is under way", lambda: len(broker.waiting) == 1, 10, 0.01)
        assert not answer.done()
        door.call(broker.let_go)
        assert answer.result().said == {"taken": 2, "errors": []}


def test_a_request_that_waits_too_long_is_told_to_come_back() -> None:
    with running(broker=Broker(held=True)) as door:
        assert told_to_come_back(door.post("/v1/events", event()))
        # It is still under way, and still counted: nothing is lost from sight.
        assert door.publishing.under_way == door.door.capacity.requests == 1
        door.call(door.broker.let_go)
        wait_for("it arrives", inside(door, 0), 10, 0.01)
        assert len(door.events) == 1
        assert (door.door.capacity.requests, door.door.capacity.size) == (0, 0)


def test_when_kafka_is_slow_nobody_else_is_let_in_until_it_answers() -> None:
    with running(broker=Broker(held=True)) as door:
        door.post("/v1/events", event(1))
        door.clock.now += 2.1
        assert told_to_come_back(door.post("/v1/events", event(2)))
        assert door.publishing.under_way == 1
        ready = door.ask("GET", "/readyz")
        assert (ready.status, ready.code) == (503, "not_ready")
        assert "not acknowledged" in ready.said["message"]
        door.call(door.broker.let_go)
        wait_for("it answers", inside(door, 0), 10, 0.01)
        assert door.post("/v1/events", event(3)).status == 200
        assert [each["event_id"] for each in door.events] == ["e1", "e3"]


def test_without_kafka_the_door_opens_and_turns_everybody_away() -> None:
    broker = Broker(away=True)
    with running(broker=broker, ready=False) as door:
        wait_for("it has tried", lambda: "waiting for Kafka" in door.publishing.trouble, 10, 0.01)
        assert told_to_come_back(door.post("/t", {"userId": "ada"}))
        assert door.ask("GET", "/healthz").status == 200
        broker.away = False
        wait_for("it has found Kafka", lambda: not door.publishing.trouble, 10, 0.01)
        assert door.post("/t", {"userId": "ada"}).status == 200


def test_a_missing_topic_is_named_and_nobody_is_let_in() -> None:
    broker = Broker(topics={"dead-letters", "outcomes"})
    with running(broker=broker, ready=False) as door:
        wait_for("it has looked", lambda: "topic" in door.publishing.trouble, 10, 0.01)
        assert "no topic clickstream" in door.ask("GET", "/readyz").said["message"]
        assert told_to_come_back(door.post("/t", {"userId": "ada"}))
        broker.topics.add("clickstream")
        wait_for("it is there", lambda: not door.publishing.trouble, 10, 0.01)


def test_a_producer_that_has_failed_for_good_is_replaced() -> None:
    with running(broker=Broker(failure=ProducerFenced())) as door:
        assert told_to_come_back(door.post("/v1/events", event()))
        wait_for("there is another", lambda: door.broker.producers == 2, 10, 0.01)
        assert door.post("/v1/events", event()).status == 200


def test_a_record_too_large_for_kafka_is_no_reason_for_another_producer() -> None:
    with running(broker=Broker(failure=MessageSizeTooLargeError())) as door:
        assert told_to_come_back(door.post("/v1/events", event()))
        assert door.post("/v1/events", event()).status == 200
        assert door.broker.producers == 1


def test_requests_under_way_are_bounded_and_one_too_many_is_told_at_once() -> None:
    with running(Limits(requests=2), Broker(held=True)) as door:
        for number in (1, 2):
            door.post("/v1/events", event(number))
        assert told_to_come_back(door.post("/v1/events", event(3)), "busy")
        assert door.publishing.under_way == 2


def test_bytes_under_way_are_bounded_also_of_those_that_were_answered() -> None:
    with running(Limits(size=10_000), Broker(held=True)) as door:
        for number in range(1, 5):
            door.post("/v1/events", event(number, text="x" * 3_000))
        assert door.publishing.under_way == 3
        assert door.door.capacity.size <= 10_000
        assert told_to_come_back(door.post("/v1/events", event(9, text="x" * 3_000)), "busy")
        assert door.post("/v1/events", event(10)).code == "kafka_away"


def test_a_storm_ends_with_every_event_stored_or_its_sender_told() -> None:
    with running(Limits(requests=8)) as door, ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda n: (n, door.post("/v1/events", event(n)).status), range(200))
        )
        assert {status for _, status in answers} <= {200, 429}
        taken = {f"e{number}" for number, status in answers if status == 200}
        assert taken == {each["event_id"] for each in door.events}


def test_what_is_under_way_is_answered_when_the_collector_is_told_to_stop() -> None:
    answers: list[Any] = []
    with running(broker=Broker(held=True)) as door:
        door.publishing._wait = 60.0
        thread = threading.Thread(target=lambda: answers.append(door.post("/v1/events", event())))
        thread.start()
        wait_for("it is inside", inside(door, 1), 10, 0.01)
        door.server.should_exit = True
        wait_for("nobody is let in any more", lambda: refused(door.port), 10, 0.01)
        door.call(door.broker.let_go)
        thread.join(30)
    assert [answer.status for answer in answers] == [200]
    assert len(door.events) == 1


def refused(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return False
    except OSError:
        return True


def test_one_connection_serves_many_requests() -> None:
    with running() as door:
        connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=30)
        headers = {"authorization": basic(SECRET)}
        for number in range(3):
            connection.request("POST", "/v1/events", json.dumps(event(number)), headers)
            if number == 0:
                first = connection.sock
            assert connection.sock is first
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b'{"taken":1,"errors":[]}')
        connection.close()
