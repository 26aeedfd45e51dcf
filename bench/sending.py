"""Events sent at a set rate, for latency and overload.

One in so many is a *probe*: a complaint of a customer who was never seen before, which is
decided, and alerted, at once. The time in it is the time at which it was to be sent, so the alert
tells when its event was due, also if the sender was late: waiting in the sender counts, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from aiokafka import AIOKafkaProducer

from bench.shopping import Homes, customer, event
from bench.stage import Corner
from streams.topics import open_consumer

_TICK = 0.005
_EVERY = 0.5
#: With it every probe's decision is an alert.
ALERT_ALL = {"EBB_POLICY_THRESHOLD": "0.02", "EBB_POLICY_HYSTERESIS": "0.01"}


@dataclass(frozen=True)
class Plan:
    """What is to be sent.

    ``probes``: one event in so many is one. ``base``: event time of the first event, in
    milliseconds; without it, the clock's. ``tag`` keeps the ids of several sendings apart.
    """

    rate: float
    seconds: float
    probes: int = 100
    customers: int = 20_000
    base: int | None = None
    tag: int = 0
    seed: int = 7


@dataclass(frozen=True)
class Sent:
    """What was sent: when it began (milliseconds), how long it took, how late the sender was.

    ``homes`` is the partition of each event, a byte each; ``ticks`` is when it began by the
    clock that only goes forward, in seconds.
    """

    events: int
    probes: int
    began: int
    base: int
    seconds: float
    late: float
    rate: float
    ticks: float
    homes: bytes

    def as_dict(self) -> dict[str, float]:
        """Return what is worth keeping."""
        return {"events": self.events, "seconds": self.seconds, "late": self.late}


def send(
    corner: Corner,
    plan: Plan,
    watch: Callable[[float, int], None] | None = None,
    enough: Callable[[], bool] | None = None,
) -> Sent:
    """Send events at a rate.

    ``watch`` is told the seconds and the events so far, twice a second; sending ends early when
    ``enough`` says so then.
    """
    return asyncio.run(_send(corner, plan, watch, enough))


async def _send(
    corner: Corner,
    plan: Plan,
    watch: Callable[[float, int], None] | None,
    enough: Callable[[], bool] | None,
) -> Sent:
    topic = corner.topic("clickstream")
    homes = Homes(corner.partitions)
    who = list(_regulars(plan, homes))
    producer = AIOKafkaProducer(bootstrap_servers=corner.servers.kafka, acks=1)
    await producer.start()
    # The first record would wait for it.
    await producer.partitions_for(topic)
    total = int(plan.rate * plan.seconds)
    clock = time.perf_counter
    sent = probes = 0
    lying = bytearray()
    late = 0.0
    began, wall = clock(), time.time_ns() // 1_000_000
    base = wall if plan.base is None else plan.base
    first = plan.tag * 1_000_000_000
    looked = 0.0
    try:
        while sent < total:
            passed = clock() - began
            until = min(total, int(passed * plan.rate) + 1)
            late = max(late, passed - sent / plan.rate)
            batches = [producer.create_batch() for _ in range(corner.partitions)]
            for number in range(sent, until):
                at = base + int(number * 1_000 / plan.rate)
                if number % plan.probes == 0:
                    name = f"probe-{plan.tag}-{number:09d}"
                    key = name.encode()
                    home, kind = homes[key], "complaint"
                    probes += 1
                else:
                    name, key, home = who[number % len(who)]
                    kind = "product_viewed"
                lying.append(home)
                value = event(first + number, name, at, kind, 9.9, number % 50_000)
                while batches[home].append(key=key, value=value, timestamp=None) is None:
                    await producer.send_batch(batches[home], topic, partition=home)
                    batches[home] = producer.create_batch()
            for home, batch in enumerate(batches):
                if batch.record_count():
                    await producer.send_batch(batch, topic, partition=home)
            sent = until
            if passed - looked >= _EVERY:
                looked = passed
                if watch is not None:
                    watch(passed, sent)
                if enough is not None and enough():
                    break
            ahead = began + sent / plan.rate - clock()
            await asyncio.sleep(max(min(ahead, _TICK), 0.0) if ahead > 0 else 0)
        await producer.flush()
    finally:
        await producer.stop()
    seconds = clock() - began
    return Sent(sent, probes, wall, base, seconds, late, plan.rate, began, bytes(lying))


def _regulars(plan: Plan, homes: Homes) -> Iterator[tuple[str, bytes, int]]:
    rng = np.random.default_rng(plan.seed)
    weights = 1 / np.arange(1, plan.customers + 1)
    for number in rng.choice(plan.customers, size=1 << 16, p=weights / weights.sum()).tolist():
        name = customer(number)
        yield name, (key := name.encode()), homes[key]


@dataclass(frozen=True)
class Told:
    """An alert: for whom, on which partition, by which model, and how long after its event."""

    customer: str
    partition: int
    version: str
    at: int
    arrived: int


class _Body(msgspec.Struct):
    user_id: str
    decided_at: str
    model_version: str


def alerts(corner: Corner) -> list[Told]:
    """Return all alerts that the broker has, with its own time of their arrival."""
    from datetime import datetime

    topic = corner.topic("interventions")
    decode = msgspec.json.Decoder(_Body).decode
    found = []
    with_consumer = open_consumer(corner.settings, auto_offset_reset="earliest")
    try:
        from kafka import TopicPartition

        places = [TopicPartition(topic, number) for number in range(corner.partitions)]
        with_consumer.assign(places)
        with_consumer.seek_to_beginning(*places)
        ends = with_consumer.end_offsets(places)
        while any(with_consumer.position(place) < ends[place] for place in places):
            for records in with_consumer.poll(timeout_ms=500).values():
                for record in records:
                    body = decode(record.value)
                    at = datetime.fromisoformat(body.decided_at)
                    found.append(
                        Told(
                            body.user_id,
                            record.partition,
                            body.model_version,
                            round(at.timestamp() * 1_000),
                            record.timestamp,
                        )
                    )
    finally:
        with_consumer.close()
    return found


def delays(told: list[Told], sent: Sent, tag: int = 0) -> list[float]:
    """Return, of each probe, the milliseconds from when its event was due to its alert."""
    mine = f"probe-{tag}-"
    return [
        each.arrived - sent.began - (each.at - sent.base)
        for each in told
        if each.customer.startswith(mine)
    ]


def quantile(values: list[float], share: float) -> float:
    """Return the value that at least a share of all does not exceed.

    >>> quantile([5, 1, 4, 2, 3], 0.5), quantile([5, 1, 4, 2, 3], 0.99)
    (3, 5)
    """
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1_000_000) * len(ordered) // 1_000_000) - 1)]
