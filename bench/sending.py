"""Events sent at a set rate, for latency and overload.

The name of a probe says which of the events it is, and so when it was due, also if the sender was
late: waiting in the sender counts, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice

import msgspec
from aiokafka import AIOKafkaProducer

from bench.stage import Corner
from bench.traffic import Plan, number_of, traffic
from streams.topics import open_consumer

_TICK = 0.005
_EVERY = 0.5
#: With it every probe's decision is an alert.
ALERT_ALL = {"EBB_POLICY_THRESHOLD": "0.02", "EBB_POLICY_HYSTERESIS": "0.01"}


@dataclass(frozen=True)
class Sent:
    """What was sent: when it began (milliseconds), how long it took, how late the sender was.

    ``homes`` is the partition of each event, a byte each; ``ticks`` is when it began by the
    clock that only goes forward, in seconds.
    """

    events: int
    probes: int
    began: int
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
    *,
    ready: bool = False,
) -> Sent:
    """Send events at a rate.

    ``watch`` is told the seconds and the events so far, twice a second; sending ends early when
    ``enough`` says so then. With ``ready``, all events are made, and held, before the first is due:
    to make them takes as much of a processor as to send them.
    """
    return asyncio.run(_send(corner, plan, watch, enough, ready))


async def _send(
    corner: Corner,
    plan: Plan,
    watch: Callable[[float, int], None] | None,
    enough: Callable[[], bool] | None,
    ready: bool,
) -> Sent:
    topic = corner.topic("clickstream")
    producer = AIOKafkaProducer(bootstrap_servers=corner.servers.kafka, acks=1)
    await producer.start()
    # The first record would wait for it.
    await producer.partitions_for(topic)
    clock = time.perf_counter
    total, sent = plan.total, 0
    lying = bytearray()
    late = 0.0
    base = time.time_ns() // 1_000_000 if plan.base is None else plan.base
    coming = (
        (each.partition, each.key, each.value) for each in traffic(plan, corner.partitions, base)
    )
    # The first one takes long: what is drawn by chance is drawn for all.
    coming = iter(list(coming)) if ready else chain([next(coming)], coming)
    began, wall = clock(), time.time_ns() // 1_000_000
    looked = 0.0
    try:
        while sent < total:
            passed = clock() - began
            until = min(total, int(passed * plan.rate) + 1)
            late = max(late, passed - sent / plan.rate)
            batches = [producer.create_batch() for _ in range(corner.partitions)]
            for home, key, value in islice(coming, until - sent):
                lying.append(home)
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
    probes = -(-sent // plan.probes)
    return Sent(sent, probes, wall, seconds, late, plan.rate, began, bytes(lying))


@dataclass(frozen=True)
class Told:
    """An alert: for whom, on which partition, by which model, and when the broker had it."""

    customer: str
    partition: int
    version: str
    arrived: int


class _Body(msgspec.Struct):
    user_id: str
    model_version: str


def alerts(corner: Corner) -> list[Told]:
    """Return all alerts that the broker has, with its own time of their arrival."""
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
                    found.append(
                        Told(
                            body.user_id,
                            record.partition,
                            body.model_version,
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
        each.arrived - sent.began - number_of(each.customer) * 1_000 / sent.rate
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


__all__ = ["ALERT_ALL", "Plan", "Sent", "Told", "alerts", "delays", "quantile", "send"]
