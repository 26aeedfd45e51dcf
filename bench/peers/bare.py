"""Our work in a loop that is written by hand: what a worker does, without Faust and the fence.

A task for each partition, so that one computes while another waits for Redis. Customers are kept in
memory; what changed of them, their timers and the position are written in one transaction, and the
position is where the next start goes on. Alerts are acknowledged before it.
"""

from __future__ import annotations

import asyncio
import heapq

import msgspec
import redis.asyncio as redis
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.peers.our_work import Core, alerts_of
from bench.peers.running import Job, Tally, job
from features import NEVER, decode_event, encode_state
from streams.pipeline import NO_WATERMARK, Arrival, Customer, handle, watermark_after

_BATCH = 1_000
_place = msgspec.json.Decoder(tuple[int, int])


class Partition:
    """The customers of one partition: in memory, and written through to Redis."""

    def __init__(self, prefix: str, core: Core, store: redis.Redis, tally: Tally) -> None:
        self._core, self._store, self._tally = core, store, tally
        self._place, self._times = f"{prefix}:@", f"{prefix}:timers"
        self._states, self._ledgers = f"{prefix}:s:", f"{prefix}:l:"
        self._book: dict[str, Customer] = {}
        self._due: dict[str, int] = {}
        self._timers: list[tuple[int, str]] = []
        self._watermark = NO_WATERMARK

    async def open(self) -> int:
        """Return the offset to go on from."""
        for name, due in await self._store.zrange(self._times, 0, -1, withscores=True):
            self._arm(name.decode(), int(due))
        data = await self._store.get(self._place)
        if data is None:
            return 0
        offset, self._watermark = _place.decode(data)
        return offset

    async def take(self, records, producer: AIOKafkaProducer, topic: str) -> None:
        """Take records through the pipeline, with all the timers that are due by then."""
        arrivals = [Arrival(n, r.timestamp, decode_event(r.value)) for n, r in enumerate(records)]
        target = watermark_after(self._core.shop, arrivals, self._watermark)
        names = {each.event.user_id for each in arrivals} | (due := self._fired(target))
        await self._load([name for name in names if name not in self._book])
        await self._step(arrivals, due, records[-1].offset + 1, producer, topic)
        # The batch's own customers may have become due within it.
        while due := self._fired(self._watermark):
            await self._step((), due, records[-1].offset + 1, producer, topic)

    async def _step(self, arrivals, due, offset: int, producer, topic: str) -> None:
        core = self._core
        effects = handle(core.shop, core.judge, arrivals, due, self._book, self._watermark)
        self._watermark = effects.watermark
        sending = [await producer.send(topic, value, key=key) for key, value in alerts_of(effects)]
        if sending:
            await asyncio.gather(*sending)
        data: dict[str, bytes] = {self._place: msgspec.json.encode((offset, self._watermark))}
        timers = {}
        for name, customer in effects.changed.items():
            if customer.state_changed:
                data[self._states + name] = encode_state(customer.state)
            if customer.ledger_changed:
                data[self._ledgers + name] = customer.ledger.encode()
            customer.state_changed = customer.ledger_changed = False
            if (when := customer.due()) != self._due.get(name):
                timers[name] = when
                self._arm(name, when)
        pipe = self._store.pipeline(transaction=True).mset(data)
        if timers:
            pipe.zadd(self._times, timers)
        await pipe.execute()
        self._tally.count(len(arrivals), len(effects.decided), len(effects.alerts))

    async def _load(self, missing: list[str]) -> None:
        if missing:
            keys = [kind + name for kind in (self._states, self._ledgers) for name in missing]
            found = await self._store.mget(keys)
            halves = found[: len(missing)], found[len(missing) :]
            for name, state, ledger in zip(missing, *halves, strict=True):
                self._book[name] = self._core.stored(state, ledger)

    def _arm(self, name: str, when: int) -> None:
        self._due[name] = when
        if when < NEVER:
            heapq.heappush(self._timers, (when, name))

    def _fired(self, until: int) -> set[str]:
        """Return whose timers are due; what was set anew since is no longer theirs."""
        due = set()
        while self._timers and self._timers[0][0] <= until:
            when, name = heapq.heappop(self._timers)
            if self._due.get(name) == when:
                # It may be set to the same moment again.
                del self._due[name]
                due.add(name)
        return due


async def partition(task: Job, core: Core, tally: Tally, number: int, store, producer) -> None:
    """Read one partition until all is done."""
    place = TopicPartition(task.topic, number)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=task.kafka, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    consumer.assign([place])
    hand = Partition(f"{task.group}:{number}", core, store, tally)
    offset = await hand.open()
    await consumer.start()
    try:
        consumer.seek(place, offset)
        while not tally.complete:
            fetched = await consumer.getmany(timeout_ms=200, max_records=_BATCH)
            for records in fetched.values():
                tally.start()
                await hand.take(records, producer, task.alerts_topic)
                if tally.complete:
                    tally.end()
    finally:
        await consumer.stop()


async def main() -> None:
    task = job()
    tally, core = Tally(task), Core(task.policy)
    store = redis.Redis.from_url(task.redis)
    producer = AIOKafkaProducer(bootstrap_servers=task.kafka, acks="all", linger_ms=5)
    await producer.start()
    await asyncio.gather(
        *(
            partition(task, core, tally, number, store, producer)
            for number in range(task.partitions)
        )
    )
    tally.finish()
    await producer.stop()
    await store.aclose()


if __name__ == "__main__":
    uvloop.run(main())
