"""The intake: nothing is passed over, whatever fails between the topic and the queues."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from redis.exceptions import ConnectionError as RedisAway

from features import HOUR
from streams.live import open_redis
from streams.notify import Endpoint, Queue, Roster, Secret, new_secret
from streams.notify.counting import Counts
from streams.notify.intake import Intake
from streams.notify.queue import Room
from tests.streams.notify.alerts import published, wall
from tests.streams.notify.receivers import until

TOPIC = "interventions"
SECRET = Secret(new_secret(bytes(32)))


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None


@dataclass
class Consumer:
    """A consumer of a log in memory, as far as the intake asks."""

    log: dict[int, list[bytes | None]]
    #: The group's own places, from which it begins where nobody says otherwise.
    committed: dict[int, int] = field(default_factory=dict)
    at: int = 0
    batch: int = 3
    fails: int = 0

    def __post_init__(self) -> None:
        self.places: dict[int, int] = {}
        self.held: set[TopicPartition] = set()
        self.listener: Any = None

    async def start(self) -> None:
        if self.fails:
            self.fails -= 1
            raise KafkaConnectionError("no broker")

    async def stop(self) -> None:
        pass

    def subscribe(self, topics: list[str], listener: Any) -> None:
        self.listener = listener

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(TOPIC, number) for number in self.log}

    async def topics(self) -> set[str]:
        return {TOPIC}

    async def getmany(self, timeout_ms: int, max_records: int) -> Mapping[Any, list[Record]]:
        if not self.places:
            self.places = {number: self.committed.get(number, 0) for number in self.log}
            await self.listener.on_partitions_assigned(self.assignment())
        await asyncio.sleep(0)
        found: dict[Any, list[Record]] = {}
        for part in self.assignment() - self.held:
            start = self.places[part.partition]
            values = self.log[part.partition][start : start + self.batch]
            if values:
                found[part] = [
                    Record(TOPIC, part.partition, start + n, self.at or wall(), value)
                    for n, value in enumerate(values)
                ]
                self.places[part.partition] = start + len(values)
        if not found:
            await asyncio.sleep(0.002)
        return found

    def pause(self, *parts: TopicPartition) -> None:
        self.held.update(parts)

    def resume(self, *parts: TopicPartition) -> None:
        self.held.difference_update(parts)

    def seek(self, part: TopicPartition, offset: int) -> None:
        self.places[part.partition] = offset

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.committed.update({part.partition: at for part, at in offsets.items()})


class Flaky:
    """Fails at some calls, before or after it has done what it was asked, or dies of it."""

    def __init__(self, of: Any, failing: Mapping[str, list[str]]) -> None:
        self._of = of
        self._failing = {name: list(how) for name, how in failing.items()}

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._of, name)
        if name not in self._failing:
            return real

        async def call(*words: Any) -> Any:
            how = self._failing[name].pop(0) if self._failing[name] else ""
            if how == "before":
                raise RedisAway
            if how == "dies":
                raise asyncio.CancelledError
            done = await real(*words)
            if how == "after":
                raise RedisAway
            return done

        return call


@dataclass
class Seen:
    """What lies in the queues in the end."""

    ids: dict[str, list[str]]
    places: dict[int, int]
    counts: str


def read_all(
    url: str,
    consumers: list[Consumer],
    failing: Mapping[str, list[str]] | None = None,
    created: int = 0,
) -> Seen:
    """Have one intake after the other read to the end of its log."""

    async def run() -> Seen:
        client = open_redis(url)
        queue = Queue(client, f"test-{uuid.uuid4().hex[:10]}", Room(1_000, 10))
        roster = Roster(client, queue)
        names = ("crm", "other")
        for name in names:
            endpoint = Endpoint(
                name=name, url="https://crm.example", secrets=(SECRET,), created=created
            )
            await roster.add(endpoint)
        counts = Counts()
        flaky: Any = Flaky(queue, failing or {})
        watched: Any = Flaky(roster, failing or {})
        try:
            for consumer in consumers:
                intake = Intake(
                    lambda made=consumer: made,
                    TOPIC,
                    watched,
                    flaky,
                    counts,
                    wall,
                    lambda _: None,
                )
                reading = asyncio.create_task(intake.run())
                ends = {number: len(log) for number, log in consumer.log.items() if log}

                def read(
                    task: asyncio.Task[None] = reading,
                    committed: dict[int, int] = consumer.committed,
                    ends: dict[int, int] = ends,
                ) -> bool:
                    return task.done() or all(committed.get(n, 0) >= ends[n] for n in ends)

                await until("all of it is read, or it is dead", read)
                if not reading.done():
                    await until("it says that it is well", lambda made=intake: not made.trouble)
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            ids = {}
            for name in names:
                haul = await queue.take(name, wall(), 1_000, 1, wall() + HOUR)
                ids[name] = sorted(taken.webhook_id for taken in haul.taken)
            return Seen(ids, await queue.positions(TOPIC), counts.text({}, 0))
        finally:
            await client.aclose()

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.notify.intake._PAUSE", 0.005)
    monkeypatch.setattr("streams.notify.intake._SILENT", 0.0)


def alerts(*numbers: int) -> list[bytes | None]:
    return [published(number) for number in numbers]


def named(*numbers: int) -> list[str]:
    return [f"{number:032x}" for number in numbers]


@pytest.mark.parametrize(
    "failing",
    [
        {},
        {"all": ["before"]},
        {"add": ["before"]},
        {"add": ["after"]},
        {"add": ["", "before", "", "after", "before"]},
        {"move": ["before", "after"]},
        {"positions": ["before", "after"]},
        {"all": ["", "before"], "add": ["after", ""], "move": ["", "before"]},
    ],
    ids=str,
)
def test_wherever_redis_goes_away_each_alert_is_queued_once_for_each(
    redis_url: str, failing: dict[str, list[str]]
) -> None:
    consumer = Consumer({0: alerts(*range(7)), 1: alerts(*range(10, 14)), 2: []})
    seen = read_all(redis_url, [consumer], failing)
    expected = named(*range(7), *range(10, 14))
    assert seen.ids == {"crm": expected, "other": expected}
    assert seen.places == {0: 7, 1: 4}


@pytest.mark.parametrize(
    "failing",
    [{"add": ["dies"]}, {"add": ["", "dies"]}, {"add": ["", "", "dies"]}, {"move": ["dies"]}],
    ids=str,
)
def test_whoever_takes_over_from_one_that_died_passes_nothing_over(
    redis_url: str, failing: dict[str, list[str]]
) -> None:
    first = Consumer({0: alerts(*range(7))})
    # The group is one and the same; its places are those that the first has committed.
    second = Consumer(first.log, committed=first.committed)
    seen = read_all(redis_url, [first, second], failing)
    assert seen.ids == {"crm": named(*range(7)), "other": named(*range(7))}
    assert seen.places == {0: 7}


def test_it_goes_on_where_redis_was_and_not_where_the_group_was(redis_url: str) -> None:
    log = {0: alerts(*range(4))}
    longer = {0: alerts(*range(8))}
    # Somebody has committed more for the group than Redis knows of.
    seen = read_all(redis_url, [Consumer(log), Consumer(longer, committed={0: 6})])
    assert seen.ids["crm"] == named(*range(8))
    assert seen.places == {0: 8}


def test_an_alert_that_is_published_twice_is_queued_once(redis_url: str) -> None:
    consumer = Consumer({0: alerts(1, 2, 1, 2, 1), 1: alerts(2, 3)})
    assert read_all(redis_url, [consumer]).ids["crm"] == named(1, 2, 3)


def test_the_held_out_and_what_is_no_alert_are_passed_over_and_counted(redis_url: str) -> None:
    held_out = published(5, arm="holdout", action="none")
    consumer = Consumer({0: [held_out, b"\xff", None, *alerts(6)]})
    seen = read_all(redis_url, [consumer])
    assert seen.ids["crm"] == named(6)
    for result in ("held_out", "invalid", "queued"):
        assert f'ebb_notify_alerts_total{{result="{result}"}} 1' in seen.counts


def test_an_endpoint_is_not_told_what_was_published_before_it_was_there(redis_url: str) -> None:
    consumer = Consumer({0: alerts(1, 2)}, at=wall() - HOUR)
    assert read_all(redis_url, [consumer], created=wall()).ids["crm"] == []


def test_a_broker_that_is_away_at_first_is_waited_for(redis_url: str) -> None:
    consumer = Consumer({0: alerts(1)}, fails=3)
    assert read_all(redis_url, [consumer]).ids["crm"] == named(1)
