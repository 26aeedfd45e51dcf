"""`ebb verify` without servers: a store that was filled from a log, and what is wrong with it."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, HOUR, MINUTE, NEVER, Event, Kind, encode_event, encode_state
from features.store import MemoryStore, Record
from models.deciding import Ledger
from streams.live.held import MARK_VERSION, Mark
from streams.live.messages import Origin, moved_message
from streams.pipeline import Customer
from streams.topics import partition_of
from streams.verify.reach import CannotVerify, moved_from, read_reach
from streams.verify.sampling import EVERYBODY, highest_rank, names_up_to, rank
from streams.verify.verdicts import Finding, Verdict
from streams.verify.verifying import Report
from tests.streams.verify.small_shop import (
    PARTITIONS,
    START,
    SmallShop,
    regular_events,
)

TYPES = ("page_viewed", "product_added", "checkout_started", "purchase", "complaint", "odd")


@st.composite
def histories(draw: st.DrawFn, *, late: bool) -> tuple[list[Event], list[int]]:
    """Events of a few customers as they arrive, and how long after they happened."""
    now = START
    events, delays = [], []
    for number in range(draw(st.integers(1, 60))):
        now += draw(st.sampled_from([0, 1_000, 20 * MINUTE, 5 * HOUR, 2 * DAY, 12 * DAY]))
        delay = draw(st.sampled_from([0, 10 * MINUTE, *([2 * HOUR, 4 * DAY] if late else [])]))
        repeat = number and draw(st.sampled_from([False] * 9 + [True]))
        events.append(
            Event(
                event_id=f"e{number - 1 if repeat else number}",
                user_id=f"u{draw(st.integers(0, 4))}",
                type=draw(st.sampled_from(TYPES)),
                time=now - delay,
                amount=draw(st.sampled_from([None, 5.0, 19.99])),
            )
        )
        delays.append(delay)
    return events, delays


def verdicts(report: Report) -> dict[str, Verdict]:
    return {finding.customer: finding.verdict for finding in report.findings}


def found(report: Report, customer: str) -> Finding:
    [finding] = [each for each in report.findings if each.customer == customer]
    return finding


def expect_all_equal(report: Report, customers: int) -> None:
    assert report.findings == []
    assert report.counts == ({Verdict.EQUAL: customers} if customers else {})


# -- what is as it should be ------------------------------------------------------------------


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
        assert set(report.counts) <= {Verdict.EQUAL, Verdict.UNSURE}, report.findings

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
        assert set(report.counts) <= {Verdict.EQUAL, Verdict.UNSURE}, report.findings
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
            assert set(report.counts) <= {Verdict.EQUAL, Verdict.UNSURE}, report.findings
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


async def everybody(shop: SmallShop) -> set[str]:
    return {name for partition in range(PARTITIONS) for name in await names(shop, partition)}


def settled(**more: Any) -> SmallShop:
    """Return a shop whose worker has taken in everything."""
    shop = SmallShop(random.Random(7), **more)
    shop.publish(regular_events())
    asyncio.run(shop.work())
    return shop


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
        assert set(report.counts) <= {Verdict.EQUAL, Verdict.UNSURE}, report.findings

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


# -- what is not ------------------------------------------------------------------------------


def _count_a_purchase(customer: Customer) -> None:
    days = customer.state.tiles.days
    days[max(key for key in days if key & 31 == Kind.PURCHASE)] += 1


def _look_later(customer: Customer) -> None:
    customer.state.check_due += DAY


def _have_returned(customer: Customer) -> None:
    prediction = customer.ledger.pending[-1]
    prediction.returned_in = 0 if prediction.returned_in else 1


def _see_another_vector(customer: Customer) -> None:
    prediction = customer.ledger.pending[-1]
    prediction.vector = b"\x00\x00\x80\x7f" + prediction.vector[4:]


def _count_too_many(customer: Customer) -> None:
    state = customer.state
    # The total is stored as the sum of the kinds.
    state.kinds[Kind.OTHER] += 99 - state.events
    state.events = 99


DAMAGES: dict[str, tuple[Callable[[Customer], None], str]] = {
    "a tile": (
        _count_a_purchase,
        r"state\.tiles\.days\[2024-01-\d\d PURCHASE\]: 2 stored, 1 rec",
    ),
    "a sum": (
        lambda each: setattr(each.state.money, "spent", 1.25),
        r"state\.money\.spent: 1\.25 stored, 174 recomputed",
    ),
    "a total": (
        _count_too_many,
        r"state\.events: 99 stored, 24 rec",
    ),
    "a trait": (
        lambda each: each.state.traits.update(tier="gold"),
        r"state\.traits\[tier\]: gold stored, nothing recomputed",
    ),
    "a time": (
        lambda each: setattr(each.state, "first_seen", START - DAY),
        r"state\.first_seen: 2023-11-13T\S+ stored, 2023-11-15T\S+ recomputed",
    ),
    "a check": (_look_later, r"state\.check_due: 2024\S+Z stored, 2024\S+Z recomputed"),
    "a label": (_have_returned, r"ledger\.pending\[\S+ \w+\]\.returned_in: [0-3] stored"),
    "a vector": (_see_another_vector, r"ledger\.pending\[.*\]\.vector\.recency: inf stored"),
    "a prediction": (
        lambda each: each.ledger.pending.pop(),
        r"ledger\.pending\[\S+ \w+\]: nothing stored, a prediction recomputed",
    ),
    "a decision": (
        lambda each: each.ledger.decisions.pop(0),
        r"ledger\.decisions\[\S+ \w+\]: nothing stored, a decision recomputed",
    ),
}


@pytest.mark.parametrize(("damage", "named"), DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("wall", [False, True])
def test_a_field_that_is_not_what_the_log_says_is_named(
    damage: Callable[[Customer], None], named: str, wall: bool
) -> None:
    shop = settled(wall=wall)
    asyncio.run(shop.change("user-5", damage))
    report = asyncio.run(shop.verify())
    assert report.counts == {Verdict.EQUAL: 5, Verdict.DIFFERENT: 1}
    finding = found(report, "user-5")
    assert finding.verdict is Verdict.DIFFERENT
    assert finding.partition == partition_of(b"user-5", PARTITIONS)
    assert re.match(named, finding.reason), finding.reason
    assert report.wrong == 1
    [told] = report.as_dict()["findings"]
    assert finding.reason.startswith(f"{told['field']}: {told['stored']} stored")


def test_what_depends_on_the_model_is_not_compared() -> None:
    def another_model(customer: Customer) -> None:
        for prediction in customer.ledger.pending:
            prediction.risk, prediction.version, prediction.treated = 0.123, "other", True
        decisions = customer.ledger.decisions
        decisions[:] = [
            msgspec.structs.replace(each, risk=0.5, arm="holdout", alert=True) for each in decisions
        ]

    shop = settled()
    asyncio.run(shop.change("user-2", another_model))
    expect_all_equal(asyncio.run(shop.verify()), 6)


@settings(max_examples=60)
@given(data=st.binary(max_size=60), where=st.sampled_from(["state", "ledger"]))
def test_bytes_that_cannot_be_read_are_a_difference_with_a_name(data: bytes, where: str) -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(7))
        shop.publish(regular_events(visits=3))
        await shop.work()
        _, customer = await shop.look("user-3")
        record = Record(**{where: data})
        await shop.put("user-3", record, customer.due())
        finding = found(await shop.verify(), "user-3")
        assert finding.verdict is Verdict.DIFFERENT
        assert finding.reason.startswith(f"{where}: the bytes in Redis cannot be read: ")

    asyncio.run(story())


@pytest.mark.parametrize("part", ["state", "ledger"])
def test_a_newer_version_is_refused_in_words(part: str) -> None:
    shop = settled()
    _, customer = asyncio.run(shop.look("user-3"))
    bytes_of = {"state": encode_state(customer.state), "ledger": customer.ledger.encode()}
    fields = msgspec.msgpack.decode(bytes_of[part])
    fields[0] = 99
    record = Record(**{part: msgspec.msgpack.encode(fields)})
    asyncio.run(shop.put("user-3", record, customer.due()))
    finding = found(asyncio.run(shop.verify()), "user-3")
    assert finding.verdict is Verdict.DIFFERENT
    assert "version 99 was not written by this Ebbtide" in finding.reason


def test_a_timer_that_is_not_the_customers_is_a_difference() -> None:
    shop = settled()
    _, customer = asyncio.run(shop.look("user-5"))
    for wrong in (NEVER, customer.due() + 1, START):
        asyncio.run(shop.put("user-5", Record(), wrong))
        finding = found(asyncio.run(shop.verify()), "user-5")
        assert (finding.verdict, finding.more) == (Verdict.DIFFERENT, 0)
        assert finding.reason.startswith("timer: ")


def test_who_was_erased_from_redis_is_missed_and_so_is_who_never_was_in_the_topic() -> None:
    shop = settled()
    shop.erase("user-1")
    stranger = Customer(asyncio.run(shop.look("user-2"))[1].state, Ledger(), new=False)
    asyncio.run(shop.put("eve", Record(encode_state(stranger.state)), NEVER))
    for report in (asyncio.run(shop.verify()), asyncio.run(shop.verify("eve", "user-0", "user-1"))):
        assert verdicts(report) == {"user-1": Verdict.MISSING, "eve": Verdict.MISSING}
        assert "not in Redis, but" in found(report, "user-1").reason
        assert "in Redis, but none of its events is in the topic" in found(report, "eve").reason
        assert report.wrong == 2


def test_a_name_that_nobody_knows_is_missing() -> None:
    shop = settled()
    report = asyncio.run(shop.verify("nobody", "user-0"))
    assert report.counts == {Verdict.EQUAL: 1, Verdict.MISSING: 1}
    assert found(report, "nobody").reason.startswith("neither in Redis nor in the topic before")


def test_who_comes_while_it_is_verified_is_not_missed() -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(1))
        shop.publish(regular_events())
        await shop.work()

        class Forgetful(MemoryStore):
            """Names nobody, as if they had all come after the scan."""

            async def names(self, partition: int) -> Any:  # type: ignore[override]
                for name in ():
                    yield name

        shop.store.__class__ = Forgetful
        report = await shop.verify()
        assert report.events > 0
        expect_all_equal(report, 0)

    asyncio.run(story())


# -- what the log cannot tell -----------------------------------------------------------------


def test_a_customer_whose_first_events_are_deleted_is_not_called_different() -> None:
    shop = settled()
    shop.clickstream.first = 20
    report = asyncio.run(shop.verify())
    assert report.counts[Verdict.GONE] >= 5
    assert report.wrong == 0
    assert "the log starts at offset 20, after its first event" in report.findings[0].reason
    shop.clickstream.first = 10_000
    report = asyncio.run(shop.verify())
    assert report.counts == {Verdict.GONE: 6}


def test_a_customer_who_came_after_the_deleted_events_is_compared_as_ever() -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(7))
        shop.publish(regular_events())
        await shop.work()
        late = [
            msgspec.structs.replace(event, user_id="new", event_id=f"n{number}")
            for number, event in enumerate(regular_events()[-8:])
        ]
        shop.publish([msgspec.structs.replace(each, time=each.at + DAY) for each in late])
        await shop.work()
        shop.clickstream.first = 20
        assert (await shop.verify("new")).counts == {Verdict.EQUAL: 1}
        await shop.change("new", lambda each: setattr(each.state.money, "spent", 1.25))
        assert (await shop.verify("new")).counts == {Verdict.DIFFERENT: 1}

    asyncio.run(story())


def test_a_customer_of_both_topics_who_differs_is_unsure() -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(3))
        events = regular_events()
        misplaced = {event.event_id for event in events[::3]}
        shop.publish(events, misplaced=lambda event: event.event_id in misplaced)
        await shop.work()
        await shop.change("user-2", lambda each: setattr(each.state.money, "spent", 1.25))
        finding = found(await shop.verify(), "user-2")
        assert finding.verdict is Verdict.UNSURE
        assert "it has events in both topics" in finding.reason

    asyncio.run(story())


# -- a mark that does not fit -----------------------------------------------------------------


def marked(shop: SmallShop, **changes: Any) -> None:
    for partition in range(PARTITIONS):
        mark = msgspec.structs.asdict(shop.marks[partition]) | changes
        shop.store._of(partition).mark = msgspec.json.encode(mark)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"v": MARK_VERSION + 1}, "written by a newer Ebbtide"),
        ({"shape": "other"}, "built with other settings of churn, silence or features"),
        ({"partitions": 7}, "of a topic of 7 partitions, but the topic has 2"),
        ({"offset": "x"}, "cannot be read"),
    ],
)
def test_a_state_that_is_not_of_this_log_is_refused(changes: dict[str, Any], words: str) -> None:
    shop = settled()
    marked(shop, **changes)
    with pytest.raises(CannotVerify, match=words):
        asyncio.run(shop.verify())


def test_customers_without_a_mark_are_a_difference() -> None:
    shop = settled()
    gone = partition_of(b"user-0", PARTITIONS)
    shop.store._of(gone).mark = None
    there = len(asyncio.run(names(shop, gone)))
    report = asyncio.run(shop.verify())
    assert report.counts == {Verdict.DIFFERENT: there, Verdict.EQUAL: 6 - there}
    assert "mark: the partition has none in Redis" in found(report, "user-0").reason
    report = asyncio.run(shop.verify("nobody", "nobody else"))
    assert report.counts == {Verdict.MISSING: 2}


async def names(shop: SmallShop, partition: int) -> list[str]:
    return await names_up_to(shop.store, partition, EVERYBODY)


def test_a_mark_and_an_origin_are_read_as_the_worker_writes_them() -> None:
    mark = Mark(offset=5, rekeyed=7, watermark=9, shape="x", partitions=3, topics={"a": "b"})
    reach = read_reach(msgspec.json.encode(mark), 0)
    assert (reach.offset, reach.rekeyed, reach.watermark) == (5, 7, 9)
    assert (reach.shape, reach.partitions, reach.v) == ("x", 3, MARK_VERSION)
    moved = moved_message("ada", b"{}", Origin("clickstream", 1, 2, 3))
    assert moved_from(moved.headers, 9) == (3, None, None)
    assert moved_from([("ebb_origin", b"{")], 9) == (9, None, None)


# -- who is looked at -------------------------------------------------------------------------


def test_a_sample_is_the_same_each_time_and_of_the_size_asked_for() -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(1))
        shop.publish(regular_events(customers=60, visits=2))
        await shop.work()
        for size in (1, 7, 59):
            highest = await highest_rank(shop.store, range(PARTITIONS), size)
            chosen = [await names_up_to(shop.store, part, highest) for part in range(PARTITIONS)]
            flat = sorted(name for names in chosen for name in names)
            assert flat == sorted(sorted(await everybody(shop), key=rank)[:size])
            assert size < 7 or all(chosen)
            report = await shop.verify(sample=size)
            assert report.counts == {Verdict.EQUAL: size}
        for size in (60, 61):
            report = await shop.verify(sample=size)
            assert report.counts == {Verdict.EQUAL: 60}

    asyncio.run(story())


def test_an_empty_shop_has_nothing_to_verify() -> None:
    report = asyncio.run(SmallShop(random.Random(1)).verify(sample=5))
    assert (report.counts.total(), report.events, report.wrong) == (0, 0, 0)


def test_a_sample_finds_out_who_was_erased() -> None:
    async def story() -> None:
        shop = SmallShop(random.Random(1))
        shop.publish(regular_events(customers=60, visits=2))
        await shop.work()
        first = min(await everybody(shop), key=rank)
        shop.erase(first)
        report = await shop.verify(sample=5)
        assert verdicts(report) == {first: Verdict.MISSING}
        assert report.counts == {Verdict.EQUAL: 5, Verdict.MISSING: 1}

    asyncio.run(story())


def test_more_customers_than_one_look_shows_are_looked_at_in_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved = 0

    async def story(seed: int) -> None:
        shop = SmallShop(random.Random(seed))
        shop.publish(regular_events(customers=60, visits=4))
        await shop.work(to_the_end=False)

        class Busy(MemoryStore):
            """Its worker goes on after each look."""

            async def look(self, partition: int, customers: Any) -> Any:
                nonlocal moved
                before = shop.marks[partition].offset
                found = await super().look(partition, customers)
                await shop.work(to_the_end=False)
                moved += shop.marks[partition].offset > before
                return found

        busy = Busy()
        busy._partitions = shop.store._partitions
        shop.store = busy
        report = await shop.verify()
        assert report.findings == []
        assert report.counts[Verdict.EQUAL] > 0

    monkeypatch.setattr("streams.verify.verifying.MOST_LOOKED_AT", 7)
    for seed in range(12):
        asyncio.run(story(seed))
    assert moved > 12, "the worker was done too soon to show anything"
