"""The queues in a real Redis, held to a slow and obvious model of them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.live import open_redis
from streams.notify import Endpoint, Queue, Roster, Secret, new_secret
from streams.notify.delivery import Attempts, Notice
from streams.notify.queue import Room, Taken
from streams.notify.roster import NameTaken, NoSuchEndpoint
from streams.notify.schedule import Verdict

T = TypeVar("T")
ROOM: Final = Room(waiting=4, dead=3)
LEASE: Final = 40
NAME: Final = "crm"
SECRET: Final = new_secret(bytes(32))


def endpoint(name: str = NAME) -> Endpoint:
    return Endpoint(name=name, url="https://crm.example", secrets=(Secret(SECRET),))


def on_redis(url: str, work: Callable[[Queue, Roster], Awaitable[T]], room: Room = ROOM) -> T:
    """Do something with queues that nobody else has."""

    async def run() -> T:
        client = open_redis(url)
        queue = Queue(client, f"test-{uuid.uuid4().hex[:10]}", room)
        try:
            return await work(queue, Roster(client, queue))
        finally:
            await client.aclose()

    return asyncio.run(run())


def notice(number: int, until: int = 0) -> Notice:
    return Notice(f"a{number}", "intervention.decided", f"body {number}".encode(), until)


@dataclass
class Model:
    """What the queue of one endpoint should be, in the plainest words."""

    waiting: dict[str, Attempts] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    dead: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    failures: int = 0
    rests_until: int = 0
    disabled: str = ""

    def bury(self, name: str, why: str) -> None:
        self.dead.pop(name, None)
        self.dead[name] = why
        while len(self.dead) > ROOM.dead:
            del self.dead[next(iter(self.dead))]
            self.counts["forgotten"] += 1

    def add(self, name: str, now: int) -> None:
        if name in self.seen:
            return
        self.seen.add(name)
        if len(self.waiting) < ROOM.waiting:
            self.waiting[name], self.due[name] = Attempts(0, now, 0), now
        else:
            self.bury(name, "4 others waited")

    def take(self, now: int, most: int) -> list[str]:
        if self.disabled or self.rests_until > now:
            return []
        if self.counts["strikes"]:
            most = min(most, 1)
        ready = sorted((due, name) for name, due in self.due.items() if due <= now)
        taken = [name for _, name in ready[:most]]
        self.due.update(dict.fromkeys(taken, now + LEASE))
        return taken

    def settle(self, taken: Taken, verdict: Verdict, now: int) -> bool:
        name = taken.webhook_id
        if self.waiting.get(name) != taken.attempts:
            return False
        if verdict.kind == "delivered":
            self.counts["delivered"] += 1
            self.counts["strikes"] = self.rests_until = self.failures = 0
        else:
            self.counts["failed"] += 1
            self.failures += 1
            if verdict.rest_until > self.rests_until:
                self.counts["strikes"] += self.rests_until <= now
                self.rests_until = verdict.rest_until
        if verdict.kind == "again":
            old = self.waiting[name]
            self.waiting[name] = Attempts(old.made + 1, old.queued, old.until)
            self.due[name] = verdict.at
            return True
        del self.waiting[name], self.due[name]
        if verdict.kind == "gone":
            self.disabled = verdict.why
        if verdict.kind != "delivered":
            self.bury(name, verdict.why)
        return True


COUNTS: Final = ("delivered", "failed", "forgotten", "strikes")
STEPS: Final = st.one_of(
    st.tuples(st.just("add"), st.lists(st.integers(0, 7), min_size=1, max_size=4)),
    st.tuples(st.just("take"), st.integers(1, 4)),
    st.tuples(st.just("settle"), st.sampled_from(("delivered", "again", "dead", "slow", "gone"))),
    st.tuples(st.just("settle"), st.sampled_from(("delivered", "again", "slow"))),
    st.tuples(st.just("back"), st.none()),
    st.tuples(st.just("crash"), st.none()),
    st.tuples(st.just("revive"), st.integers(0, 7)),
    st.tuples(st.just("enable"), st.none()),
    st.tuples(st.just("wait"), st.integers(1, 100)),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=40))
def test_whatever_happens_the_queue_is_what_its_model_is(
    redis_url: str, steps: list[tuple[str, Any]]
) -> None:
    async def story(queue: Queue, roster: Roster) -> None:
        await roster.add(endpoint())
        model, now, held = Model(), 1_000, list[Taken]()
        for what, how in steps:
            # Nothing happens in one moment with something else: who died first is then plain.
            now += 1
            if what == "add":
                for number in how:
                    now += 1
                    await queue.add(NAME, [notice(number)], now)
                    model.add(f"a{number}", now)
            elif what == "take":
                haul = await queue.take(NAME, now, how, 1, now + LEASE)
                assert [each.webhook_id for each in haul.taken] == model.take(now, how)
                assert [each.body for each in haul.taken] == [
                    f"body {each.webhook_id[1:]}".encode() for each in haul.taken
                ]
                assert haul.strikes == model.counts["strikes"]
                assert haul.failures == model.failures
                held.extend(haul.taken)
            elif what == "settle" and held:
                taken = held.pop(0)
                verdict = {
                    "delivered": Verdict("delivered"),
                    "again": Verdict("again", at=now + 30, why="500"),
                    "slow": Verdict("again", at=now + 30, rest_until=now + 20, why="429"),
                    "dead": Verdict("dead", why="given up"),
                    "gone": Verdict("gone", why="410"),
                }[how]
                done = await queue.settle(NAME, taken, verdict, now)
                assert done == model.settle(taken, verdict, now)
            elif what == "back" and held:
                taken = held.pop(0)
                await queue.give_back(NAME, taken, now)
                if model.waiting.get(taken.webhook_id) == taken.attempts:
                    model.due[taken.webhook_id] = now
            elif what == "crash":
                held.clear()
            elif what == "revive":
                found = [each async for each in queue.dead(NAME)]
                for each in found:
                    if each.webhook_id == f"a{how}":
                        assert await queue.revive(NAME, each, 0, now)
                        assert not await queue.revive(NAME, each, 0, now)
                        del model.dead[each.webhook_id]
                        model.waiting[each.webhook_id] = Attempts(0, now, 0)
                        model.due[each.webhook_id] = now
            elif what == "enable":
                await queue.enable(NAME)
                model.disabled, model.rests_until = "", 0
                model.counts["strikes"] = model.failures = 0
            elif what == "wait":
                now += how
            standing = await queue.standing(NAME)
            assert standing.waiting == len(model.waiting)
            assert standing.oldest == min((a.queued for a in model.waiting.values()), default=0)
            assert {name: getattr(standing, name) for name in COUNTS} == model.counts
            assert standing.disabled == model.disabled
            dead = [(each.webhook_id, each.why) async for each in queue.dead(NAME)]
            assert dead == list(reversed(model.dead.items()))
            assert standing.dead == len(dead)

    on_redis(redis_url, story)


def test_who_takes_and_dies_has_lost_nothing(redis_url: str) -> None:
    async def work(queue: Queue, roster: Roster) -> None:
        await roster.add(endpoint())
        await queue.add(NAME, [notice(1)], 0)
        [first] = (await queue.take(NAME, 0, 8, 1, LEASE)).taken
        nothing = await queue.take(NAME, LEASE - 1, 8, 1, 2 * LEASE)
        assert (nothing.taken, nothing.next_look) == ((), LEASE)
        [again] = (await queue.take(NAME, LEASE, 8, 1, 2 * LEASE)).taken
        assert again == first
        # Both have sent it; only one of them settles it.
        assert await queue.settle(NAME, first, Verdict("again", at=90, why="500"), LEASE)
        assert not await queue.settle(NAME, again, Verdict("dead", why="x"), LEASE)
        assert (await queue.take(NAME, 89, 8, 1, 200)).taken == ()
        assert len((await queue.take(NAME, 90, 8, 1, 200)).taken) == 1

    on_redis(redis_url, work)


def test_what_was_under_way_together_says_once_that_it_is_too_much(redis_url: str) -> None:
    async def work(queue: Queue, roster: Roster) -> None:
        await roster.add(endpoint())
        await queue.add(NAME, [notice(number) for number in range(4)], 0)
        for number, taken in enumerate((await queue.take(NAME, 0, 8, 1, LEASE)).taken):
            slow = Verdict("again", at=10, rest_until=20 + number, why="429")
            await queue.settle(NAME, taken, slow, number)
        assert (await queue.standing(NAME)).strikes == 1
        rests = await queue.take(NAME, 22, 8, 1, 60)
        assert (rests.taken, rests.next_look) == ((), 23)
        # One is asked whether it can now, and no other meanwhile.
        assert len((await queue.take(NAME, 23, 8, 1, 60)).taken) == 1
        assert (await queue.take(NAME, 23, 8, 0, 60)).taken == ()

    on_redis(redis_url, work)


def test_what_is_not_to_be_told_yet_is_due_in_the_morning_also_when_it_is_sent_again(
    redis_url: str,
) -> None:
    early = Notice("a1", "intervention.decided", b"body", 900, 50)

    async def work(queue: Queue, roster: Roster) -> None:
        await roster.add(endpoint())
        await queue.add(NAME, [early, notice(2)], 0)
        [now] = (await queue.take(NAME, 49, 8, 1, LEASE)).taken
        assert now.webhook_id == "a2"
        assert await queue.settle(NAME, now, Verdict("delivered"), 49)
        assert (await queue.standing(NAME)).oldest == 50
        [then] = (await queue.take(NAME, 50, 8, 1, 50 + LEASE)).taken
        assert then.attempts == Attempts(0, 0, 900, 50)
        assert await queue.settle(NAME, then, Verdict("dead", why="x"), 50)
        # Given up by an endpoint whose clock was ahead, say.
        [dead] = [each async for each in queue.dead(NAME)]
        assert await queue.revive(NAME, dead, 900, 20)
        assert (await queue.take(NAME, 49, 8, 1, LEASE)).taken == ()
        assert len((await queue.take(NAME, 50, 8, 1, 50 + LEASE)).taken) == 1

    on_redis(redis_url, work)


def test_a_removed_endpoint_leaves_nothing_and_gets_nothing(redis_url: str) -> None:
    async def work(queue: Queue, roster: Roster) -> str:
        await roster.add(endpoint())
        await queue.add(NAME, [notice(1), notice(2)], 0)
        [taken] = (await queue.take(NAME, 0, 1, 1, LEASE)).taken
        await roster.remove(NAME)
        with pytest.raises(NoSuchEndpoint):
            await roster.remove(NAME)
        assert not await queue.settle(NAME, taken, Verdict("again", at=9, why="500"), 1)
        assert await queue.add(NAME, [notice(3)], 0) == 0
        return queue.endpoints.partition(":")[0]

    namespace = on_redis(redis_url, work)
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys(f"{namespace}:*") == []


def test_a_name_is_given_once(redis_url: str) -> None:
    async def work(queue: Queue, roster: Roster) -> None:
        await roster.add(endpoint())
        with pytest.raises(NameTaken):
            await roster.add(endpoint())
        assert await roster.named(NAME) == endpoint()

    on_redis(redis_url, work)


def test_an_endpoint_that_cannot_be_read_shuts_out_nobody_else(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(queue: Queue, roster: Roster) -> list[str]:
        await roster.add(endpoint())
        with redis.Redis.from_url(redis_url) as client:
            client.hset(queue.endpoints, "odd", f'{{"name":"odd","secret":"{SECRET}"}}')
        await roster.all()
        return list(await roster.all())

    assert on_redis(redis_url, work) == [NAME]
    assert caplog.text.count("endpoint odd in Redis cannot be read") == 1
    assert SECRET not in caplog.text


def test_what_a_torn_file_left_of_a_message_is_cleared_away(redis_url: str) -> None:
    async def work(queue: Queue, roster: Roster) -> None:
        await roster.add(endpoint())
        await queue.add(NAME, [notice(1), notice(2)], 0)
        with redis.Redis.from_url(redis_url) as client:
            [place] = client.keys("*:attempts")
            client.hdel(place, "a1")
        [taken] = (await queue.take(NAME, 0, 8, 1, LEASE)).taken
        assert taken.webhook_id == "a2"
        assert (await queue.standing(NAME)).waiting == 1

    on_redis(redis_url, work)


def test_places_in_topics_are_kept_apart(redis_url: str) -> None:
    async def work(queue: Queue, _: Roster) -> None:
        await queue.move("a.interventions", {0: 5, 11: 7})
        await queue.move("b/interventions", {0: 9})
        assert await queue.positions("a.interventions") == {0: 5, 11: 7}
        assert await queue.positions("b/interventions") == {0: 9}
        assert await queue.positions("interventions") == {}

    on_redis(redis_url, work)


def test_many_are_queued_at_once_and_a_repeat_is_not(redis_url: str) -> None:
    async def work(queue: Queue, roster: Roster) -> None:
        await roster.add(endpoint())
        many = [notice(number) for number in range(1_200)]
        assert await queue.add(NAME, many, 0) == 1_200
        assert await queue.add(NAME, many, 1) == 0
        assert (await queue.standing(NAME)).waiting == 1_200

    on_redis(redis_url, work, Room(waiting=2_000, dead=10))
