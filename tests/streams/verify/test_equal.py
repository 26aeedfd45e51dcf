"""What a worker has stored is what the log says, however it arrived, and is found equal."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, Event, encode_event
from streams.verify.verifying import Report
from tests.streams.verify.histories import histories
from tests.streams.verify.small_shop import PARTITIONS, START, SmallShop, regular_events
from tests.streams.verify.told import everybody, expect_all_equal, never_different


@settings(max_examples=60)
@given(history=histories(late=True), seed=st.integers(0, 9_999))
def test_whatever_a_worker_has_stored_so_far_is_equal(
    history: tuple[list[Event], list[int]], seed: int
) -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(seed))
        shop.publish(*history)
        await shop.work(to_the_end=False)  # timers may be due still, and events lie ahead
        expect_all_equal(await shop.verify(), len(await everybody(shop)))
        for name in await everybody(shop):  # others move time, and are not computed
            expect_all_equal(await shop.verify(name), 1)
        await shop.work()
        expect_all_equal(await shop.verify(), len(await everybody(shop)))

    asyncio.run(story())


@settings(max_examples=60)
@given(history=histories(late=False), seed=st.integers(0, 9_999))
def test_a_clock_that_moves_time_changes_nothing_for_events_in_time(
    history: tuple[list[Event], list[int]], seed: int
) -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(seed), wall=True)
        shop.publish(*history)
        await shop.work()
        report = await shop.verify()
        never_different(report)

    asyncio.run(story())


@settings(max_examples=60)
@given(history=histories(late=True), seed=st.integers(0, 9_999))
def test_an_event_that_a_clock_has_passed_is_never_called_a_difference(
    history: tuple[list[Event], list[int]], seed: int
) -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(seed), wall=True)
        shop.publish(*history)
        await shop.work()
        report = await shop.verify()
        never_different(report)
        for finding in report.findings:
            assert "later than time.lateness allows" in finding.reason

    asyncio.run(story())


@pytest.mark.parametrize("seed", range(20))
def test_a_late_event_is_equal_whether_the_clock_had_passed_it_or_not(seed: int) -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(seed), wall=True)
        first = Event(event_id="1", user_id="ada", type="purchase", time=START)
        late = Event(event_id="2", user_id="ada", type="purchase", time=START + DAY // 2)
        shop.publish([first, late], [0, 6 * DAY])
        await shop.work()
        expect_all_equal(await shop.verify(), 1)

    asyncio.run(story())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9_999), st.lists(st.integers(0, 9), min_size=1, max_size=3), st.booleans())
def test_who_was_a_visitor_is_equal_and_so_is_the_visitor(
    seed: int, links: list[int], wall: bool
) -> None:
    def expected(report: Report, customers: int) -> None:
        if wall:  # how far the clock had moved time when each came is not in the log
            never_different(report)
        else:
            expect_all_equal(report, customers)

    async def story() -> None:
        dice = random.Random(seed)
        shop = SmallShop(dice, wall=wall)
        events = regular_events(customers=3, visits=10)
        # Their visitors' ids lie on the same partition, or on the other one.
        visits = [
            msgspec.structs.replace(each, user_id=f"anon:{each.user_id}", event_id=f"v{place}")
            for place, each in enumerate(events)
            if dice.random() < 0.5
        ]
        named = [
            Event(
                event_id=f"link-{place}",
                user_id=f"anon:user-{place % 3}",
                type="identified",
                time=START + day * DAY,
                properties={"identified_as": f"user-{place % 3}"},
            )
            for place, day in enumerate(links)
        ]
        told = sorted([*events, *visits, *named], key=lambda event: event.at)
        middle = dice.randrange(len(told))
        for part in (told[:middle], told[middle:]):
            shop.publish(part)
            await shop.work(to_the_end=False)
            expected(await shop.verify(), len(await everybody(shop)))
            await shop.work()
            await shop.work()  # what one partition has handed over to the one before it
            expected(await shop.verify(), len(await everybody(shop)))
        _, ada = await shop.look("user-0")
        mine = {each.event_id for each in events if each.user_id == "user-0"}
        theirs = {each.event_id for each in visits if each.user_id == "anon:user-0"}
        assert ada.state.events == len(mine | theirs)

    asyncio.run(story())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("wall", "disorder"), [(False, False), (True, False), (True, True)])
def test_the_decisions_on_who_was_a_visitor_are_known_and_never_called_different(
    seed: int, wall: bool, disorder: bool
) -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(seed), wall=wall, disorder=disorder)
        events = regular_events(customers=3)
        # Days before they say who they are, and then under their name; and silent in the end.
        half = len(events) // 2
        visitors = [
            msgspec.structs.replace(each, user_id=f"anon:{each.user_id}") for each in events[:half]
        ]
        named = [
            Event(
                event_id=f"link-{number}",
                user_id=f"anon:user-{number}",
                type="identified",
                time=events[half].at,
                properties={"identified_as": f"user-{number}"},
            )
            for number in range(3)
        ]
        later = [
            Event(event_id="later", user_id=f"clock-{n}", type="odd", time=events[-1].at + 40 * DAY)
            for n in range(4)
        ]
        for part in ([*visitors, *named], [*events[half:], *later]):
            shop.publish(part)
            await shop.work()
            await shop.work()
        for name in ("user-1", "user-2"):
            assert name in {each.user_id for each in shop.alerts}
            retold = await shop.redecide(name)
            assert retold.differences == []
            assert retold.counts["equal"] > 3
            if not (wall or disorder):
                assert retold.counts["unknown"] == 0

    asyncio.run(story())


@settings(max_examples=60)
@given(history=histories(late=True), seed=st.integers(0, 9_999), moved=st.sets(st.integers(0, 4)))
def test_moved_events_count_and_their_old_place_does_not(
    history: tuple[list[Event], list[int]], seed: int, moved: set[int]
) -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(seed))
        shop.publish(*history, lambda event: int(event.user_id[1:]) in moved)
        await shop.work(to_the_end=False)
        expect_all_equal(await shop.verify(), len(await everybody(shop)))
        await shop.work()
        expect_all_equal(await shop.verify(), len(await everybody(shop)))

    asyncio.run(story())


@settings(max_examples=60)
@given(history=histories(late=True), seed=st.integers(0, 9_999), share=st.sampled_from([2, 3]))
def test_an_order_that_the_logs_do_not_tell_is_never_called_a_difference(
    history: tuple[list[Event], list[int]], seed: int, share: int
) -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(seed), disorder=True)
        shop.publish(*history, lambda event: len(event.event_id + event.type) % share == 0)
        await shop.work()
        report = await shop.verify()
        never_different(report)

    asyncio.run(story())


def test_what_cannot_be_used_moves_nothing() -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(3))
        events = regular_events()
        shop.publish(events[:40])
        now = events[40].at
        for partition in range(PARTITIONS):
            for user in ("user-0", "user-1", "user-2"):
                future = Event(event_id="x", user_id=user, type="visit", time=now + 20 * DAY)
                shop.clickstream.put(partition, encode_event(future), now)
        shop.publish(events[40:])
        await shop.work()
        for partition in range(PARTITIONS):
            shop.clickstream.put(partition, b"{", now)  # never reached: behind the mark
        for customer in await everybody(shop):
            expect_all_equal(await shop.verify(customer), 1)

    asyncio.run(story())
