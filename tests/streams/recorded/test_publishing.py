from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from kafka.errors import KafkaTimeoutError

from features import Event, decode_event
from streams.recorded.publishing import publish


@dataclass
class Record:
    """A sent record; `get` is when its acknowledgement was waited for."""

    producer: Producer
    key: bytes | None
    value: bytes
    timestamp: int | None
    partition: int | None

    def get(self, timeout: float | None = None) -> object:
        if self.producer.away:
            raise KafkaTimeoutError
        self.producer.in_flight -= 1
        return self


@dataclass
class Producer:
    """A broker that acknowledges when asked."""

    away: bool = False
    records: list[Record] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: list[tuple[str, bytes]] | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> Record:
        assert topic == "clicks"
        record = Record(self, key, value or b"", timestamp_ms, partition)
        self.records.append(record)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return record

    def flush(self, timeout: float | None = None) -> object:
        return None


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _events(count: int) -> list[Event]:
    return [
        Event(event_id=f"e{number}", user_id=f"zoë-{number}", type="visit", time=number)
        for number in range(count)
    ]


def test_a_record_has_the_customer_as_key_and_the_event_time_as_timestamp() -> None:
    producer, events = Producer(), _events(3)
    assert publish(events, producer, "clicks").events == 3
    assert [decode_event(record.value).event_id for record in producer.records] == [
        "e0",
        "e1",
        "e2",
    ]
    assert [record.key for record in producer.records] == [b"zo\xc3\xab-%d" % n for n in range(3)]
    assert [record.timestamp for record in producer.records] == [0, 1, 2]
    assert {record.partition for record in producer.records} == {None}, (
        "Kafka's partitioner chooses"
    )


@pytest.mark.parametrize("bound", [{"max_in_flight": 10}, {"max_in_flight_bytes": 500}])
def test_what_is_not_acknowledged_is_bounded(bound: dict[str, int]) -> None:
    producer = Producer()
    publish(_events(200), producer, "clicks", **bound)  # type: ignore[arg-type]  # ints only
    assert 1 < producer.most_in_flight <= 11
    assert producer.in_flight == 0, "all acknowledgements were waited for"


def test_a_failed_delivery_is_an_error() -> None:
    with pytest.raises(KafkaTimeoutError):
        publish(_events(3), Producer(away=True), "clicks")


@pytest.mark.parametrize("rate", [10.0, 20_000.0])
def test_a_rate_is_kept(rate: float) -> None:
    clock = Clock()
    sent = publish(_events(2_000), Producer(), "clicks", rate=rate, clock=clock, sleep=clock.sleep)
    assert sent.seconds == pytest.approx(2_000 / rate, rel=0.1)


def test_a_pause_is_not_made_up_for_in_a_burst() -> None:
    clock = Clock()

    def events() -> Iterator[Event]:
        clock.now += 60  # as reading a large file does
        yield from _events(50)
        clock.now += 60
        yield from _events(50)

    producer = Producer()
    sent = publish(events(), producer, "clicks", rate=10, clock=clock, sleep=clock.sleep)
    assert sent.seconds == pytest.approx(60 + 9.9, abs=0.3)
