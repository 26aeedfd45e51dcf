"""What the log cannot tell is not called a difference."""

from __future__ import annotations

import asyncio
import random

import msgspec

from features import DAY
from streams.verify.verdicts import Verdict
from tests.streams.verify.small_shop import SmallShop, regular_events
from tests.streams.verify.told import found, settled


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
