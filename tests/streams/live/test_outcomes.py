"""What came of alerts, beside the events: nothing is passed over, whatever fails, and when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from features import decode_event, from_datetime
from features.store import Commit, MemoryStore, StoreAway
from models.deciding import Outcome, encode_outcome
from streams.live import outcomes as reading
from streams.live.held import Mark, read_mark
from streams.live.outcomes import OutcomeReader, Settle, settle_nothing
from streams.live.relay import Relay
from streams.live.withdrawing import withdrawal
from tests.streams.live.fakes import Producer, Record, eventually

TOPIC = "shop.outcomes"
OUT = {"clickstream": "shop.clickstream", "dead_letters": "shop.dead-letters"}
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_WAIT", 1)
    monkeypatch.setattr(reading, "_BACKOFF", (0.001, 0.002))
    monkeypatch.setattr(reading, "_LOOK", 0.001)


def outcome(number: int, what: Any = "opened", **more: Any) -> Outcome:
    return Outcome(
        outcome_id=f"o-{number}",
        alert_id=f"a-{number}",
        user_id=f"shopper-{number % 5}",
        type=what,
        time=BEGAN + timedelta(minutes=number),
        **more,
    )


@dataclass
class Broker:
    """The logs of a topic's partitions, and whether anybody answers."""

    logs: dict[int, list[Record]] = field(default_factory=dict)
    topic_id: str = "first"
    failures: int = 0
    committed: dict[int, int] = field(default_factory=dict)
    stopped: int = 0

    def add(self, value: bytes | Outcome | None, partition: int = 0) -> None:
        log = self.logs.setdefault(partition, [])
        raw = encode_outcome(value) if isinstance(value, Outcome) else value
        log.append(Record(len(log), raw, b"key", 1_000, TOPIC, partition))


class Consumer:
    """A consumer to which all partitions are assigned."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.at = dict.fromkeys(self.assignment(), 0)
        self.paused: set[TopicPartition] = set()

    async def start(self) -> None:
        if self.broker.failures:
            self.broker.failures -= 1
            raise KafkaConnectionError("away")

    async def stop(self) -> None:
        self.broker.stopped += 1

    def subscribe(self, topics: Sequence[str], listener: Any) -> None:
        assert topics == [TOPIC]

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(TOPIC, number) for number in self.broker.logs}

    def pause(self, *parts: TopicPartition) -> None:
        self.paused |= set(parts)

    def resume(self, *parts: TopicPartition) -> None:
        self.paused -= set(parts)

    def seek(self, part: TopicPartition, offset: int) -> None:
        self.at[part] = offset

    async def position(self, part: TopicPartition) -> int:
        return self.at[part]

    async def beginning_offsets(self, parts: Sequence[TopicPartition]) -> Mapping[Any, int]:
        return dict.fromkeys(parts, 0)

    async def end_offsets(self, parts: Sequence[TopicPartition]) -> Mapping[Any, int]:
        return {part: len(self.broker.logs[part.partition]) for part in parts}

    async def getmany(self, *parts: Any, timeout_ms: int, max_records: int = 3) -> Any:
        await asyncio.sleep(timeout_ms / 1_000)
        found = {}
        # Three at a time: what comes together is nothing to rely on.
        for part in sorted(self.assignment() - self.paused):
            records = self.broker.logs[part.partition][self.at[part] :][:3]
            if records:
                found[part] = records
                self.at[part] += len(records)
        return found

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.broker.committed |= {part.partition: at for part, at in offsets.items()}


class Flaky(MemoryStore):
    """A store that is away for some calls, before or after it did what was asked."""

    def __init__(self, fail: Sequence[str] = ()) -> None:
        super().__init__()
        self.fail = list(fail)

    async def commit(self, partition: int, commit: Commit) -> bool:
        when = self.fail.pop(0) if self.fail else ""
        if when == "before":
            raise StoreAway("away")
        done = await super().commit(partition, commit)
        if when == "after":
            raise StoreAway("away")
        return done


@dataclass
class Stage:
    """A reader at work, and all that it speaks to."""

    broker: Broker
    store: MemoryStore
    producer: Producer
    trouble: dict[str, str]
    settle: Settle = settle_nothing

    async def mark(self, partition: int = 0) -> Mark:
        return read_mark(await self.store.mark(partition))

    def sent(self, topic: str) -> list[bytes | None]:
        return [value for to, _, value in self.producer.sent if to == f"shop.{topic}"]

    async def taken(self) -> None:
        """Wait until everything is taken, and published."""
        for number, log in self.broker.logs.items():
            held = await self.mark(number)
            while max(held.offset, 0) < len(log) or held.tail < held.head:
                await asyncio.sleep(0.001)
                held = await self.mark(number)


def play(story: Callable[[Stage], Awaitable[None]], stage: Stage) -> None:
    """Run a story beside a reader."""

    async def topic_ids() -> Mapping[str, str]:
        return {TOPIC: stage.broker.topic_id}

    async def all_of_it() -> None:
        relay = Relay(lambda: stage.producer, OUT)
        reader = OutcomeReader(
            lambda: Consumer(stage.broker),
            TOPIC,
            topic_ids,
            stage.store,
            relay,
            stage.trouble,
            stage.settle,
        )
        working = [asyncio.ensure_future(relay.run()), asyncio.ensure_future(reader.run())]
        try:
            async with asyncio.timeout(10):
                await story(stage)
        finally:
            for task in working:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    asyncio.run(all_of_it())


def staged(store: MemoryStore | None = None, settle: Settle = settle_nothing) -> Stage:
    return Stage(Broker({0: [], 1: []}), store or MemoryStore(), Producer(), {}, settle)


def test_what_is_no_outcome_is_a_dead_letter_and_its_neighbours_are_taken() -> None:
    stage = staged()
    for number in range(4):
        stage.broker.add(outcome(number))
    for value in (None, b"\xff", b"{}"):
        stage.broker.add(value)
    stage.broker.add(outcome(4, "unsubscribed"))
    stage.broker.add(outcome(5), partition=1)

    async def story(stage: Stage) -> None:
        await stage.taken()
        mark = await stage.mark()
        assert mark.counts["outcomes"] == 5
        assert mark.counts["outcomes_unsubscribed"] == 1
        assert mark.counts["invalid"] == 3
        assert (await stage.mark(1)).counts["outcomes"] == 1
        assert stage.sent("dead-letters") == [None, b"\xff", b"{}"]
        letters = [dict(each)["ebb_dead_letter"] for each in stage.producer.headers if each]
        assert [json.loads(letter)["offset"] for letter in letters] == [4, 5, 6]
        await eventually("lag monitors know", lambda: stage.broker.committed == {0: 8, 1: 1})
        assert stage.trouble == {}

    play(story, stage)


@pytest.mark.parametrize("failures", [["before"], ["after"], ["before", "before", "after"]])
def test_nothing_is_passed_over_or_counted_twice_when_the_store_is_away(
    failures: list[str],
) -> None:
    settled: list[str] = []

    async def settle(outcomes: Sequence[Outcome]) -> None:
        settled.extend(each.outcome_id for each in outcomes)

    stage = staged(Flaky(failures), settle)
    for number in range(7):
        stage.broker.add(outcome(number))
    stage.broker.add(b"{")

    async def story(stage: Stage) -> None:
        await stage.taken()
        assert (await stage.mark()).counts == {"outcomes": 7, "outcomes_opened": 7, "invalid": 1}
        # Each at least once, in order.
        assert list(dict.fromkeys(settled)) == [f"o-{number}" for number in range(7)]
        await eventually("it is over", lambda: stage.trouble == {})

    play(story, stage)


def test_what_cannot_be_settled_is_tried_again_and_the_place_stays_meanwhile() -> None:
    told: list[Sequence[Outcome]] = []
    places: list[int] = []
    fail: list[Exception] = [ConnectionError("no limits"), ValueError("a bug")]

    async def settle(outcomes: Sequence[Outcome]) -> None:
        told.append(outcomes)
        places.append((await stage.mark()).offset)
        if fail:
            raise fail.pop(0)

    stage = staged(settle=settle)
    stage.broker.add(outcome(1))

    async def story(stage: Stage) -> None:
        await stage.taken()
        assert [len(each) for each in told] == [1, 1, 1]
        assert places == [-1, -1, -1]
        assert (await stage.mark()).counts["outcomes"] == 1

    play(story, stage)


def test_one_partition_that_fails_does_not_hold_up_the_other() -> None:
    async def settle(outcomes: Sequence[Outcome]) -> None:
        if outcomes[0].user_id == "shopper-0":
            raise ConnectionError("not now")

    stage = staged(settle=settle)
    stage.broker.add(outcome(0))
    stage.broker.add(outcome(1), partition=1)

    async def story(stage: Stage) -> None:
        while (await stage.mark(1)).offset < 1:
            await asyncio.sleep(0.001)
        await eventually("it is told", lambda: "not now" in stage.trouble.get("outcomes", ""))
        assert (await stage.mark()).offset == -1

    play(story, stage)


def test_when_an_older_copy_of_the_store_is_put_back_it_reads_again_though_nothing_comes() -> None:
    settled: list[str] = []

    async def settle(outcomes: Sequence[Outcome]) -> None:
        settled.extend(each.outcome_id for each in outcomes)

    stage = staged(settle=settle)
    stage.broker.add(outcome(1))

    async def story(stage: Stage) -> None:
        await stage.taken()
        old = await stage.store.mark(0)
        stage.broker.add(outcome(2))
        await stage.taken()
        new = await stage.store.mark(0)
        assert old is not None
        assert await stage.store.commit(0, Commit(expected=new, mark=old))
        await stage.taken()
        assert settled == ["o-1", "o-2", "o-2"]
        assert (await stage.mark()).counts["outcomes"] == 2

    play(story, stage)


def test_a_reader_goes_on_where_the_store_says_and_from_the_start_of_another_topic() -> None:
    settled: list[str] = []

    async def settle(outcomes: Sequence[Outcome]) -> None:
        settled.extend(each.outcome_id for each in outcomes)

    stage = staged(settle=settle)
    stage.broker.add(outcome(1))
    stage.broker.add(outcome(2))

    async def taken(stage: Stage) -> None:
        await stage.taken()

    play(taken, stage)
    stage.broker.add(outcome(3))
    stage.broker.failures = 2
    play(taken, stage)
    assert settled == ["o-1", "o-2", "o-3"]
    stage.broker.logs = {0: [], 1: []}
    stage.broker.topic_id = "second"
    stage.broker.add(outcome(4))

    async def counted(stage: Stage) -> None:
        while (await stage.mark()).counts["outcomes"] < 4:
            await asyncio.sleep(0.001)

    play(counted, stage)
    assert settled[3:] == ["o-4"]


@pytest.mark.parametrize("failures", [[], ["after"], ["before", "after"]])
def test_a_no_is_published_on_the_customers_partition_under_an_id_of_its_own(
    failures: list[str],
) -> None:
    stage = staged(Flaky(failures))
    stage.broker.add(outcome(1, "opened"))
    stage.broker.add(outcome(2, "unsubscribed", properties={"channel": "email"}))
    stage.broker.add(outcome(3, "complained"))
    stage.broker.add(outcome(2, "unsubscribed", properties={"channel": "email"}))
    stage.broker.add(outcome(4, "unsubscribed", properties={"channel": 7}))
    stage.broker.add(outcome(5, "unsubscribed", properties={"channel": "x" * 65}))

    async def story(stage: Stage) -> None:
        await stage.taken()
        events = [decode_event(raw) for raw in stage.sent("clickstream")]
        assert [each.user_id for each in events] == [f"shopper-{n}" for n in (2, 3, 2, 4, 0)]
        assert {each.type for each in events} == {"unsubscribed"}
        assert events[0] == events[2]
        assert events[0].event_id != events[1].event_id
        assert [each.properties.get("channel") for each in events] == [
            "email",
            None,
            "email",
            None,
            None,
        ]
        assert {key for _, key, _ in stage.producer.sent} == {
            each.user_id.encode() for each in events
        }
        # Said when it was said, and never later than it arrived.
        assert [each.at for each in events] == [1_000] * 5
        assert (await stage.mark()).counts["withdrawals"] == 5

    play(story, stage)


def test_the_time_of_a_no_is_that_of_the_outcome_unless_a_clock_is_ahead() -> None:
    said = outcome(1, "complained")
    at = from_datetime(said.time)
    for arrived, expected in ((at + 1, at), (at - 1, at - 1), (-1, at)):
        event = withdrawal(said, arrived)
        assert event is not None
        assert event.at == expected
