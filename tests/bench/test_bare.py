"""The loop by hand: what one hold of a partition leaves off, the next one takes up."""

from __future__ import annotations

import asyncio
import uuid
from types import SimpleNamespace
from typing import Any

import redis.asyncio as redis

from bench.inprocess import Hand, run_through
from bench.peers.bare import Partition
from bench.peers.our_work import Core
from bench.shopping import END, Mix, messages

VALUES = 600
MIX = Mix(VALUES, 60, partitions=1)
POLICY = 0.3


class Silent:
    """Takes alerts, and acknowledges them."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def send(self, topic: str, value: bytes, key: bytes) -> asyncio.Future[None]:
        self.sent.append(value)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Counts:
    """Counts, as `bench.peers.running.Tally` does."""

    def __init__(self) -> None:
        self.done = (0, 0, 0)

    def count(self, *more: int) -> None:
        self.done = tuple(a + b for a, b in zip(self.done, more, strict=True))


async def in_holds(url: str, records: list[Any], cuts: list[int]) -> tuple[Counts, Silent]:
    """Take the records, with a new hold of the partition at each cut."""
    store, core, name = redis.Redis.from_url(url), Core(POLICY), f"bare-{uuid.uuid4().hex}"
    counts, producer = Counts(), Silent()
    for end in (*cuts, len(records)):
        hand = Partition(name, core, store, counts)
        first = await hand.open()
        for at in range(first, end, 50):
            await hand.take(records[at : min(at + 50, end)], producer, "alerts")
    await store.aclose()
    return counts, producer


def test_after_a_restart_the_loop_goes_on_where_it_was(redis_url: str) -> None:
    values = [each.value for each in messages(MIX)]
    records = [
        SimpleNamespace(offset=n, timestamp=END, value=value) for n, value in enumerate(values)
    ]
    core = Core(POLICY)
    wanted = list(run_through(core.shop, values, Hand(core.shop)))
    decisions = sum(len(each.decided) for each in wanted)
    alerts = [alert for each in wanted for alert in each.alerts]
    assert 0 < len(alerts) < decisions
    for cuts in ([], [250, 300, 420]):
        counts, producer = asyncio.run(in_holds(redis_url, records, cuts))
        assert counts.done == (VALUES, decisions, len(alerts))
        assert len(producer.sent) == len(alerts)
