"""Whether a message is still wanted: by what is known of the customer when its turn comes."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from features import HOUR, CustomerState, Definition, Event, Trail, encode_state, from_datetime
from features.store import Commit, MemoryStore, Record, StoreAway
from models.deciding import Offer
from streams.live.held import Mark
from streams.notify.delivery import notice_of, trial_notice
from streams.notify.wanted import StillWanted
from streams.topics import partition_of
from tests.streams.notify.alerts import alert, wall

MAIL = Offer(kind="message", cost=0.1)
ALERT = alert(7, channel="email", offer=MAIL, playbook="remind")
NAME, DECIDED = ALERT.user_id, from_datetime(ALERT.decided_at)
PARTITIONS = 8


def body(**changes: object) -> bytes:
    value = msgspec.json.encode(msgspec.structs.replace(ALERT, **changes))
    return notice_of(value, wall()).body


def wanted(*said: Event, asked: bytes | None = None, stored: bytes | None = None) -> bool:
    """Return whether an alert is wanted by a customer who said something."""
    state = CustomerState(Definition())
    for event in said:
        state.apply(event)

    async def look() -> bool:
        store = MemoryStore()
        mark = msgspec.json.encode(Mark(partitions=PARTITIONS))
        await store.commit(0, Commit(None, mark))
        number = partition_of(NAME.encode(), PARTITIONS)
        before = mark if number == 0 else None
        record = Record(encode_state(state) if stored is None else stored)
        await store.commit(number, Commit(before, mark, records={NAME: record}))
        return await StillWanted(store)(body() if asked is None else asked)

    return asyncio.run(look())


def saying(kind: str, at: int, channel: str = "email", **traits: str) -> Event:
    return Event(
        event_id=f"{kind}-{at}-{channel}",
        user_id=NAME,
        type=kind,
        time=at,
        properties={"channel": channel} if channel else {},
        traits=dict(traits),
    )


LATER, EARLIER = DECIDED + HOUR, DECIDED - HOUR


@pytest.mark.parametrize("channel", ["email", "Email", ""])
def test_who_has_unsubscribed_since_is_not_written_to(channel: str) -> None:
    assert wanted()
    no = saying("unsubscribed", LATER, channel)
    assert not wanted(no)
    assert not wanted(saying("identified", LATER + 1, news="yes"), no)
    assert wanted(no, saying("subscribed", LATER + 1))
    assert wanted(saying("unsubscribed", LATER, "phone"))


def test_a_no_that_came_late_counts_unless_the_decision_may_have_known_better() -> None:
    no = saying("unsubscribed", EARLIER)
    assert not wanted(no)
    assert wanted(no, saying("identified", EARLIER + 1, news="yes"))


@pytest.mark.parametrize("channel", ["email", "phone"])
def test_of_who_was_a_visitor_what_is_known_of_the_customer_counts(channel: str) -> None:
    """The alert waits, the visitor logs in, and the customer says no, or has said it."""
    visitor = "anon:5f3c"
    state, customer = CustomerState(Definition()), CustomerState(Definition())
    state.trail = Trail()
    customer.apply(saying("unsubscribed", LATER, channel))

    async def look() -> bool:
        store = MemoryStore()
        marks: dict[int, bytes] = {}

        async def put(name: str, known: CustomerState) -> None:
            number = partition_of(name.encode(), PARTITIONS)
            mark = msgspec.json.encode(Mark(partitions=PARTITIONS, epoch=len(marks)))
            records = {name: Record(encode_state(known))}
            await store.commit(number, Commit(marks.get(number), mark, records=records))
            marks[number] = mark

        await put(NAME, customer)
        await put(visitor, state)
        if 0 not in marks:
            await store.commit(0, Commit(None, msgspec.json.encode(Mark(partitions=PARTITIONS))))
        said = StillWanted(store)
        assert await said(body(user_id=visitor))
        assert state.trail is not None
        state.trail.link(NAME, LATER)
        await put(visitor, state)
        return await said(body(user_id=visitor))

    assert asyncio.run(look()) is (channel == "phone")


def test_what_is_owed_and_what_has_no_channel_is_sent() -> None:
    no = saying("unsubscribed", LATER)
    owed = msgspec.structs.replace(MAIL, transactional=True)
    assert wanted(no, asked=body(offer=owed))
    assert wanted(no, asked=body(channel=msgspec.UNSET))
    assert wanted(no, asked=trial_notice("crm", wall()).body)


def test_of_whom_nothing_can_be_read_the_decision_counts() -> None:
    assert wanted(stored=b"\x93\x09")
    assert wanted(asked=body(user_id="nobody"))
    assert asyncio.run(StillWanted(MemoryStore())(body()))


def test_while_the_store_is_away_nobody_says_yes() -> None:
    class Away(MemoryStore):
        async def mark(self, partition: int) -> bytes | None:
            raise StoreAway("away")

    with pytest.raises(StoreAway):
        asyncio.run(StillWanted(Away())(body()))
