"""Who is looked at: the same customers each time, and as many as were asked for."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from features.store import MemoryStore
from streams.verify.sampling import highest_rank, names_up_to, rank
from streams.verify.verdicts import Verdict
from tests.streams.verify.small_shop import PARTITIONS, SmallShop, regular_events
from tests.streams.verify.told import everybody, verdicts


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
