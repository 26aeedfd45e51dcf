"""The worker's reader on a store in memory: time that passes, and commits that fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from features import DAY, HOUR, MINUTE, NEVER, Definition, Event, Millis, decode_state
from features.store import Commit, MemoryStore, StoreAway
from models.deciding import Policy
from models.registry import prior_judge
from streams.composition import shop_of, task_of
from streams.live.clickstream import ClickstreamReader, Pace
from streams.live.clock import Clock
from streams.live.cursor import Cursor
from streams.live.held import read_mark
from streams.live.messages import unpack
from streams.pipeline import NO_WATERMARK
from streams.settings import Settings
from streams.topics import partition_of
from tests.streams.live.fakes import HERE, Record, Taken, chunk_of, logs, recorded
from tests.streams.planned import LIMITED, PLAN

ALERTS = "interventions"
TOPICS = (HERE.topic, "clickstream-rekeyed")
NOW: Millis = 1_700_000_000_000


class Worker:
    """A worker of one partition: the reader, its store, and a clock that is set by hand."""

    def __init__(self, store: MemoryStore, *, wall: bool = True, batch: int = 500) -> None:
        self.store, self.now, self.partitions = store, NOW, 1
        self.shop = shop_of(Settings())
        self.judge = prior_judge(task_of(self.shop))
        self.relay = Taken()
        self.clock = Clock(lambda: self.now, lambda: self.now)
        self.reader = ClickstreamReader(
            TOPICS,
            lambda: self.shop,
            store,
            self.relay,  # type: ignore[arg-type]  # a fake
            lambda: self.judge,
            Pace(batch, timers=3, wall=wall),
            partitions=lambda: self.partitions,
            clock=self.clock,
        )
        self.cursor = Cursor(0, dict.fromkeys(TOPICS, 0), None)

    async def open(self) -> Worker:
        places, hand = await self.reader.open(0, logs(*TOPICS))
        self.cursor = Cursor(0, places, hand)
        return self

    async def take(self, *records: Record, caught_up: bool = True) -> None:
        chunk = chunk_of(self.cursor, records, caught_up=caught_up)
        await self.reader.handle(chunk)
        self.cursor.committed = chunk.end

    async def mark(self) -> Any:
        return read_mark(await self.store.mark(0))


def play(story: Callable[[Worker], Awaitable[None]], **how: Any) -> None:
    async def all_of_it() -> None:
        await story(await Worker(MemoryStore(), **how).open())

    asyncio.run(all_of_it())


def visit(at: Millis, user: str = "ada") -> Event:
    return Event(event_id=f"{user}-{at}", user_id=user, type="visit", time=at)


def test_an_idle_partition_follows_the_clock_and_its_timers_fire() -> None:
    async def story(worker: Worker) -> None:
        await worker.take(*recorded([visit(NOW - 20 * DAY)]))
        await worker.take()
        mark = await worker.mark()
        assert mark.watermark == NOW - HOUR
        assert mark.counts["decisions_silence"] > 2
        assert mark.offset == 1

    play(story)


def test_the_watermark_is_stored_every_minute_though_nothing_is_due() -> None:
    async def story(worker: Worker) -> None:
        await worker.take(*recorded([visit(NOW - 400 * DAY)]))
        await worker.take()
        before = await worker.mark()
        assert before.watermark == NOW - HOUR
        worker.now += MINUTE - 1
        await worker.take()
        assert await worker.mark() == before
        worker.now += 1
        await worker.take()
        assert (await worker.mark()).watermark == before.watermark + MINUTE

    play(story)


def test_time_does_not_pass_while_records_may_lie_unread() -> None:
    async def story(worker: Worker) -> None:
        await worker.take(*recorded([visit(NOW - 20 * DAY)]))
        before = (await worker.mark()).watermark
        await worker.take(caught_up=False)
        assert (await worker.mark()).watermark == before == NOW - 20 * DAY - HOUR

    play(story)


def test_with_the_clock_of_events_nothing_but_events_moves_time() -> None:
    async def story(worker: Worker) -> None:
        await worker.take(*recorded([visit(NOW - 20 * DAY)]))
        before = await worker.mark()
        await worker.take()
        assert await worker.mark() == before

    play(story, wall=False)


def test_a_partition_without_any_event_has_no_watermark() -> None:
    async def story(worker: Worker) -> None:
        for _ in range(3):
            await worker.take()
            worker.now += DAY
        mark = await worker.mark()
        assert mark.watermark == NO_WATERMARK
        assert mark.epoch <= 1

    play(story)


def test_all_that_is_due_fires_in_one_go_however_little_a_batch_takes() -> None:
    async def story(worker: Worker) -> None:
        users = [f"shopper-{number}" for number in range(10)]
        await worker.take(*recorded([visit(NOW - 5 * DAY, user) for user in users]))
        await worker.take(*recorded([visit(NOW, "late-comer")], first=10))
        page = await worker.store.read(0, [], (await worker.mark()).watermark, 100)
        assert page.due == []
        assert (await worker.mark()).counts["decisions_silence"] >= len(users)

    play(story, wall=False)


def test_timers_that_fall_due_all_at_once_let_events_go_first() -> None:
    async def story(worker: Worker) -> None:
        users = [f"shopper-{number}" for number in range(40)]
        await worker.take(*recorded([visit(NOW - 5 * DAY, user) for user in users]))

        async def decided() -> int:
            return int((await worker.mark()).counts.get("decisions", 0))

        # Another chunk of the partition waits: this one takes one batch of timers with it.
        worker.cursor.queued = 2
        await worker.take(*recorded([visit(NOW, "late-comer")], first=40))
        assert (await worker.mark()).counts["applied"] == 41
        assert 0 < await decided() < len(users)
        # A customer whose timers wait comes back: they fire first, at their own times.
        await worker.take(*recorded([visit(NOW + 1, users[-1])], first=41))
        back = worker.cursor.held.book[users[-1]]
        first = [decision.at for decision in back.ledger.decisions]
        assert first and first == sorted(first)
        assert first[-1] < NOW
        # The last chunk takes all that is left.
        worker.cursor.queued = 1
        await worker.take()
        assert await decided() >= len(users)
        page = await worker.store.read(0, [], (await worker.mark()).watermark, 100)
        assert page.due == []

    play(story, wall=False)


def test_an_event_astray_is_passed_on_and_moves_no_time_here() -> None:
    async def story(worker: Worker) -> None:
        worker.partitions = 2
        here, away = sorted(("ada", "bob"), key=lambda name: partition_of(name.encode(), 2))
        assert (partition_of(here.encode(), 2), partition_of(away.encode(), 2)) == (0, 1)
        events = [visit(NOW, here), visit(NOW + DAY, away)]
        for first in (0, 2):
            await worker.take(*recorded(events, first=first))
        mark = await worker.mark()
        assert mark.watermark == NOW - HOUR
        assert mark.counts == {"applied": 1, "customers": 1, "duplicate": 1, "forwarded": 2}
        assert worker.cursor.held.book.keys() == {here}

    play(story, wall=False)


def test_a_message_that_cannot_be_read_is_a_dead_letter_and_the_rest_is_applied() -> None:
    async def story(worker: Worker) -> None:
        [good] = recorded([visit(NOW)], first=1)
        await worker.take(Record(0, b"{", b"k", 7), good)
        mark = await worker.mark()
        assert (mark.counts["invalid"], mark.counts["applied"], mark.offset) == (1, 1, 2)
        letter = unpack((await worker.store.outbox(0, range(1)))[0])
        assert (letter.topic, letter.key, letter.value) == ("dead_letters", b"k", b"{")
        why = json.loads(dict(letter.headers)["ebb_dead_letter"])
        assert (why["partition"], why["offset"], why["timestamp"]) == (0, 0, 7)

    play(story)


class Failing(MemoryStore):
    """A store that goes away in the middle of a commit, before or after it was made."""

    def __init__(self, *, made: bool) -> None:
        super().__init__()
        self.made, self.fails = made, False

    async def commit(self, partition: int, commit: Commit) -> bool:
        if not self.fails:
            return await super().commit(partition, commit)
        self.fails = False
        if self.made:
            await super().commit(partition, commit)
        raise StoreAway("no answer")


@pytest.mark.parametrize("made", [False, True])
def test_a_commit_of_unknown_outcome_is_found_out_and_nothing_is_applied_twice(made: bool) -> None:
    events = [visit(NOW - number * DAY, f"shopper-{number % 3}") for number in range(9, 0, -1)]

    async def through(store: MemoryStore) -> tuple[Any, Any]:
        worker = await Worker(store, wall=False).open()
        await worker.take(*recorded(events[:4]))
        if isinstance(store, Failing):
            store.fails = True
            with pytest.raises(StoreAway):
                await worker.take(*recorded(events[4:], first=4))
            await worker.open()
        place = worker.cursor.next[HERE.topic]
        if place < len(events):
            await worker.take(*recorded(events[place:], first=place))
        records = {name: record async for name, record in store.customers(0)}
        return records, (await worker.mark()).counts

    async def both() -> None:
        assert await through(Failing(made=made)) == await through(MemoryStore())

    asyncio.run(both())


def test_a_worker_that_was_fenced_out_changes_nothing() -> None:
    async def story(zombie: Worker) -> None:
        heir = await Worker(zombie.store).open()
        await heir.take(*recorded([visit(NOW - DAY)]))
        before = await zombie.store.mark(0)
        with pytest.raises(ConnectionError, match="another worker"):
            await zombie.take(*recorded([visit(NOW - DAY), visit(NOW)]))
        assert await zombie.store.mark(0) == before

    play(story)


def test_timers_that_a_crash_of_the_store_tore_off_are_set_anew() -> None:
    users = [f"shopper-{number}" for number in range(900)]

    async def timers(store: MemoryStore) -> dict[str, Millis]:
        return dict((await store.look(0, users)).timers)

    async def story(worker: Worker) -> None:
        await worker.take(*recorded([visit(NOW - DAY, user) for user in users]))
        whole = await timers(worker.store)
        assert len(whole) == len(users)
        # As if the command that wrote the timers of the last commit had been lost.
        mark = await worker.store.mark(0)
        stray = {user: NOW * 2 for user in users[:10]} | {users[20]: NEVER}
        await worker.store.commit(0, Commit(mark, mark or b"", timers=stray, stamp=1_000))
        assert await timers(worker.store) != whole

        heir = await Worker(worker.store).open()
        assert await timers(worker.store) == whole
        before = await worker.store.mark(0)
        await Worker(heir.store).open()
        assert await worker.store.mark(0) == before

    play(story, wall=False, batch=1_000)


def test_a_long_trail_is_read_again_rather_than_kept_in_memory() -> None:
    async def story(worker: Worker) -> None:
        for number in range(40):
            user = "anon:long" if number % 2 else "anon:short"
            words = "x" * 900 if number % 2 else ""
            event = Event(
                event_id=str(number), user_id=user, type="visit", time=NOW + number, text=words
            )
            await worker.take(*recorded([event], worker.cursor.committed[HERE.topic]))
        assert "anon:long" not in worker.cursor.held.book
        assert worker.cursor.held.book["anon:short"].state.events == 20
        record = (await worker.store.look(0, ["anon:long"])).records["anon:long"]
        state = decode_state(record.state or b"", Definition())
        assert (state.events, state.trail and len(state.trail.events)) == (20, 20)

    play(story)


def test_a_batch_is_decided_by_the_rules_that_it_began_with() -> None:
    """Another version of the policy file, taken up while the store is asked, is for the next."""

    class Slow(MemoryStore):
        async def read(self, *args: Any) -> Any:
            page = await super().read(*args)
            worker.shop = replace(worker.shop, plan=LIMITED)
            return page

    async def story() -> None:
        worker.shop = replace(worker.shop, plan=PLAN, policy=Policy(threshold=0.01, cooldown=0))
        await worker.open()
        for number in range(2):
            complaints = [
                msgspec.structs.replace(visit(NOW + number * HOUR, name), type="complaint")
                for name in ("ada", "bob")
            ]
            await worker.take(*recorded(complaints, number * 2))
        sent = [unpack(data) for data in (await worker.store.outbox(0, range(99))).values()]
        versions = [json.loads(each.value)["policy"] for each in sent if each.topic == ALERTS]
        assert versions == [PLAN.fingerprint] * 2 + [LIMITED.fingerprint] * 2

    worker = Worker(Slow(), wall=False)
    asyncio.run(story())
