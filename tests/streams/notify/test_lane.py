"""Lanes: what becomes of a message at an endpoint that errs, rests, is gone, or never answers."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from aiohttp import web

from features import Millis
from streams.live import open_redis
from streams.notify import Endpoint, Queue, Roster, Secret, Sender, new_secret
from streams.notify.counting import Counts
from streams.notify.delivery import Notice, notice_of
from streams.notify.lane import Lane, Manner, Parts
from streams.notify.queue import Room
from tests.streams.notify.alerts import published, wall
from tests.streams.notify.receivers import Came, Receiver, receiver, until

T = TypeVar("T")
SECRET = new_secret(bytes(32))
# Nobody here is late, however busy the machine is: who is says how long that takes.
MANNER = Manner(timeout=20_000, delays=(20, 20, 20), parallel=4, rest=300_000)


@dataclass
class Post:
    """The queues and the lanes to some receivers, on a clock that can be set forward."""

    queue: Queue
    roster: Roster
    sender: Sender
    manner: Manner
    ahead: Millis = 0
    lanes: dict[str, Lane] = field(default_factory=dict)
    running: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        dice = random.Random(7)
        self.parts = Parts(self.queue, self.sender, Counts(), self.manner, self.wall, dice)

    def wall(self) -> Millis:
        return wall() + self.ahead

    async def open(self, name: str, at: Receiver) -> None:
        endpoint = Endpoint(name=name, url=at.url, secrets=(Secret(SECRET),))
        await self.roster.add(endpoint)
        lane = self.lanes[name] = Lane(endpoint, self.parts)
        self.running.append(asyncio.create_task(lane.run()))

    async def post(self, notices: Sequence[Notice]) -> None:
        for name, lane in self.lanes.items():
            await self.queue.add(name, notices, self.wall())
            lane.wake()

    async def settled(self, *names: str) -> None:
        for name in names:
            async with asyncio.timeout(30):
                while (await self.queue.standing(name)).waiting:
                    await asyncio.sleep(0.005)

    async def close(self) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        await asyncio.gather(*(lane.finish(0) for lane in self.lanes.values()))


def notices(*numbers: int) -> list[Notice]:
    return [notice_of(published(number), wall()) for number in numbers]


@asynccontextmanager
async def post_office(url: str, manner: Manner = MANNER) -> AsyncIterator[Post]:
    client = open_redis(url)
    queue = Queue(client, f"test-{uuid.uuid4().hex[:10]}", Room(1_000, 100))
    sender = Sender(manner.timeout, [ipaddress.ip_network("127.0.0.0/8")], wall)
    post = Post(queue, Roster(client, queue), sender, manner)
    try:
        yield post
    finally:
        await post.close()
        await sender.close()
        await client.aclose()


def served(
    url: str,
    work: Callable[[Post, Receiver], Awaitable[T]],
    answers: Callable[[Came], web.Response] | None = None,
    manner: Manner = MANNER,
) -> T:
    async def run() -> T:
        async with receiver() as at, post_office(url, manner) as post:
            if answers is not None:
                at.answers = answers
            await post.open("crm", at)
            return await work(post, at)

    return asyncio.run(run())


def test_a_message_arrives_signed_and_once(redis_url: str) -> None:
    async def work(post: Post, at: Receiver) -> None:
        await post.post(notices(1, 2, 3))
        await post.settled("crm")
        assert sorted(at.ids) == [f"{number:032x}" for number in (1, 2, 3)]
        for came in at.came:
            came.verify(SECRET)
        standing = await post.queue.standing("crm")
        assert (standing.state, standing.delivered, standing.failed) == ("active", 3, 0)
        assert standing.last_success > 0

    served(redis_url, work)


def test_what_is_not_wanted_any_more_is_given_up_and_its_neighbours_arrive(redis_url: str) -> None:
    first, *others = notices(1, 2, 3)
    asked: list[bytes] = []

    async def wanted(body: bytes) -> bool:
        asked.append(body)
        if len(asked) == 1:
            # Nobody can be asked just now: it comes again.
            raise ConnectionError("away")
        return body != first.body

    async def work(post: Post, at: Receiver) -> None:
        post.parts = replace(post.parts, wanted=wanted)
        await post.open("strict", at)
        await post.queue.add("strict", [first, *others], post.wall())
        post.lanes["strict"].wake()
        async with asyncio.timeout(30):
            while (await post.queue.standing("strict")).waiting > 1:
                await asyncio.sleep(0.005)
        post.ahead += 60_000  # whoever took it would have done something with it by now
        post.lanes["strict"].wake()
        await post.settled("strict")
        assert sorted(at.ids) == [each.webhook_id for each in others]
        [dead] = [each async for each in post.queue.dead("strict")]
        assert (dead.webhook_id, dead.attempts.made) == (first.webhook_id, 0)
        assert dead.why == "the customer has unsubscribed since"
        assert len(asked) == 4

    served(redis_url, work)


def test_one_that_fails_comes_again_under_the_same_id_until_it_is_given_up(redis_url: str) -> None:
    async def work(post: Post, at: Receiver) -> None:
        await post.post(notices(1))
        await post.settled("crm")
        assert at.ids == [f"{1:032x}"] * 4
        assert len({came.body for came in at.came}) == 1
        [dead] = [each async for each in post.queue.dead("crm")]
        assert dead.why == "given up after 4 attempts: 500 Internal Server Error"
        # After a fix it is sent again, and arrives.
        at.answers = lambda _: web.Response(status=200)
        assert await post.queue.revive("crm", dead, 0, post.wall())
        post.lanes["crm"].wake()
        await post.settled("crm")
        assert at.ids == [f"{1:032x}"] * 5
        assert (await post.queue.standing("crm")).delivered == 1

    served(redis_url, work, lambda _: web.Response(status=500))


def test_gone_disables_and_what_waits_is_sent_when_it_is_enabled_again(redis_url: str) -> None:
    async def work(post: Post, at: Receiver) -> None:
        await post.post(notices(1))
        await post.settled("crm")
        assert (await post.queue.standing("crm")).disabled == "it answered 410 Gone"
        await post.post(notices(2))
        assert (await post.queue.standing("crm")).waiting == 1
        at.answers = lambda _: web.Response(status=200)
        await post.queue.enable("crm")
        post.lanes["crm"].wake()
        await post.settled("crm")
        assert at.ids == [f"{1:032x}", f"{2:032x}"]

    served(redis_url, work, lambda _: web.Response(status=410))


def test_who_cannot_keep_up_is_left_in_peace_and_then_asked_one_at_a_time(redis_url: str) -> None:
    async def work(post: Post, at: Receiver) -> None:
        await post.post(notices(*range(20)))
        async with asyncio.timeout(30):
            while (await post.queue.standing("crm")).slow_until < post.wall() + 50_000:
                await asyncio.sleep(0.005)
        # What was under way came; what was never tried is left in peace, too.
        assert len(at.came) == MANNER.parallel
        standing = await post.queue.standing("crm")
        assert (standing.state, standing.waiting) == ("slow", 20)
        post.ahead += 61_000
        post.lanes["crm"].wake()
        async with asyncio.timeout(30):
            while (await post.queue.standing("crm")).strikes < 2:
                await asyncio.sleep(0.005)
        assert len(at.came) == MANNER.parallel + 1
        at.answers = lambda _: web.Response(status=200)
        post.ahead += 61_000
        post.lanes["crm"].wake()
        await post.settled("crm")
        assert (await post.queue.standing("crm")).state == "active"
        assert len(set(at.ids)) == 20

    served(redis_url, work, lambda _: web.Response(status=429, headers={"retry-after": "60"}))


def test_one_that_is_down_is_not_stormed(redis_url: str) -> None:
    async def work(post: Post, at: Receiver) -> None:
        await post.post(notices(*range(200)))
        async with asyncio.timeout(30):
            while (await post.queue.standing("crm")).state != "slow":
                await asyncio.sleep(0.005)
        # Ten failures in a row, and what was under way by then.
        assert 10 < len(at.came) <= 10 + 2 * MANNER.parallel
        at.answers = lambda _: web.Response(status=200)
        post.ahead += 301_000
        post.lanes["crm"].wake()
        await post.settled("crm")
        assert len(set(at.ids)) == 200

    served(redis_url, work, lambda _: web.Response(status=503))


def test_what_is_no_longer_valid_is_not_sent(redis_url: str) -> None:
    async def work(post: Post, at: Receiver) -> None:
        [soon] = notices(1)
        post.ahead = 8 * 86_400_000
        await post.post([soon])
        await post.settled("crm")
        assert at.came == []
        [dead] = [each async for each in post.queue.dead("crm")]
        assert (dead.why, dead.attempts.made) == ("no longer valid", 0)
        assert (await post.queue.standing("crm")).failed == 0

    served(redis_url, work)


def test_a_secret_that_was_changed_meanwhile_signs_from_then_on(redis_url: str) -> None:
    fresh = new_secret(bytes(range(32)))

    async def work(post: Post, at: Receiver) -> None:
        lane = post.lanes["crm"]
        lane.endpoint = lane.endpoint.rotated(fresh, post.wall(), 60_000)
        await post.post(notices(1))
        await post.settled("crm")
        [came] = at.came
        came.verify(SECRET)
        came.verify(fresh)

    served(redis_url, work)


def test_two_processes_share_the_work_and_neither_repeats_the_other(redis_url: str) -> None:
    async def run() -> None:
        async with receiver() as at, post_office(redis_url) as post:
            await post.open("crm", at)
            # Another process has a lane of its own to the same queue.
            endpoint = post.lanes["crm"].endpoint
            parts = Parts(
                post.queue, post.sender, Counts(), post.manner, post.wall, random.Random(8)
            )
            other = Lane(endpoint, parts)
            post.running.append(asyncio.create_task(other.run()))
            await post.post(notices(*range(100)))
            other.wake()
            await post.settled("crm")
            assert len(at.ids) == len(set(at.ids)) == 100
            for counts in (parts.counts, post.parts.counts):
                assert 'result="delivered"' in counts.text({}, 0)

    asyncio.run(run())


def test_a_lane_that_is_told_to_stop_does_in_whatever_moment(redis_url: str) -> None:
    async def work(post: Post, at: Receiver) -> None:
        await post.post(notices(1))
        await post.settled("crm")
        for moment in range(40):
            running = asyncio.create_task(post.lanes["crm"].run())
            for _ in range(moment):
                await asyncio.sleep(0)
            running.cancel()
            ended, _ = await asyncio.wait([running], timeout=10)
            assert ended, f"it goes on when it is told in moment {moment}"

    served(redis_url, work)


def test_a_stop_gives_back_what_is_under_way(redis_url: str) -> None:
    async def run() -> None:
        async with receiver(Receiver(pause=None)) as at, post_office(redis_url) as post:
            await post.open("crm", at)
            await post.post(notices(1))
            await until("it is under way", lambda: at.came)
            now = post.wall()
            assert (await post.queue.take("crm", now, 8, 1, now + 1)).taken == ()
            await post.close()
            now = post.wall()
            haul = await post.queue.take("crm", now, 8, 1, now + 1)
            assert [each.attempts.made for each in haul.taken] == [0]

    asyncio.run(run())


def test_a_dead_endpoint_and_a_slow_one_delay_nobody_else(redis_url: str) -> None:
    """The others' delay with two bad neighbours, beside the one without them."""

    async def delays(*bad: Receiver) -> list[float]:
        loop = asyncio.get_running_loop()
        manner = replace(MANNER, timeout=1_500)
        async with receiver() as good, post_office(redis_url, manner) as post:
            await post.open("good", good)
            for number, each in enumerate(bad):
                await post.open(f"bad-{number}", each)
            # The bad ones have as much to do as they can have, and more.
            for name in [name for name in post.lanes if name != "good"]:
                await post.queue.add(name, notices(*range(1_000, 1_100)), post.wall())
                post.lanes[name].wake()
            for each in bad:
                await until("a bad one is busy", lambda at=each: len(at.came) >= 4)
            posted: dict[str, float] = {}
            for number in range(60):
                [one] = notices(number)
                posted[one.webhook_id] = loop.time()
                await post.post([one])
                await until("it arrived", lambda count=number: len(good.came) > count)
            for each in bad:
                # They are as they are to the end, and hold what they hold.
                assert len(set(each.ids)) < 100
            return sorted(came.at - posted[came.webhook_id] for came in good.came)

    async def run() -> tuple[list[float], list[float]]:
        alone = await delays()
        async with receiver(Receiver(pause=None)) as dead, receiver(Receiver(pause=1.0)) as slow:
            return alone, await delays(dead, slow)

    alone, beside = asyncio.run(run())
    # A lane shared with the dead one would cost a time-out, 1.5 s, and with the slow one 1 s.
    assert beside[58] < alone[58] + 0.5, (alone[-3:], beside[-3:])
