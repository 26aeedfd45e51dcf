"""The learner: examples a second, how large a snapshot is, and when all workers judge by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import msgspec

from bench.inprocess import run_through
from bench.sending import ALERT_ALL, Plan, alerts, send
from bench.shopping import END, Message
from bench.stage import Corner, Servers, console, fill
from bench.telling import Findings, Grid, shares
from bench.watching import Stuck, cores, progress, settle
from features import encode_event
from models.learning import TrainingExample
from streams.composition import shop_of
from streams.demo import Shop as Shoppers
from streams.settings import load_settings
from streams.topics import open_consumer

_encode = msgspec.json.Encoder().encode


def learner(servers: Servers, examples: int, shoppers: int, model: str = "bayes") -> Findings:
    """Let the learner learn so many examples, and the workers take up what it learnt."""
    with Corner(servers, 4, EBB_MODEL=model, **ALERT_ALL) as corner:
        topic = corner.topic("training")
        console.print(f"making {examples:,} examples ...")
        fill(servers.kafka, topic, _messages(examples, shoppers), 1)
        for _ in range(2):
            corner.ebb("worker", "--log-level", "warning")
        warm = send(corner, Plan(rate=500, seconds=2, tag=9))
        settle(corner, lambda: progress(corner).records >= warm.events, "the workers work")
        child = corner.ebb("learner", "--log-level", "warning")
        key = f"{corner.name}:{{{topic}-0}}:state"

        def counts() -> dict[str, int]:
            data = corner.redis.hget(key, "@")
            found: dict[str, int] = msgspec.json.decode(data)["counts"] if data else {}
            return found

        def learnt() -> int:
            if not child.running:
                raise Stuck(f"the learner ended with {child.exit_code}\n{child.tail()}")
            return counts().get("learnt", 0)

        settle(corner, lambda: learnt() > 0, "the learner begins")
        first, began = learnt(), time.perf_counter()
        costs = cores([child])
        settle(corner, lambda: learnt() >= examples, "all is learnt", 600)
        seconds = time.perf_counter() - began
        spent = {name: (each - costs[name]) / seconds for name, each in cores([child]).items()}
        console.print("waiting until the workers judge by it ...")

        def published() -> bool:
            found = counts()
            return found.get("told") == found["learnt"]

        over: list[float] = []

        def enough() -> bool:
            if not over and published():
                over.append(time.monotonic())
            return bool(over) and time.monotonic() - over[0] > 4

        # Probes go on until all partitions have surely been judged by the last model.
        send(corner, Plan(rate=400, seconds=90, probes=4), enough=enough)
        sizes = {name: corner.redis.hstrlen(key, f"s:{name}") for name in ("published", "running")}
        snapshots = counts()["snapshots"]
        version, made = _last_model(corner)
        reached: dict[int, int] = {}
        for told in alerts(corner):
            if told.version == version:
                at = min(reached.get(told.partition, told.arrived), told.arrived)
                reached[told.partition] = at
        if len(reached) != corner.partitions:
            raise Stuck(f"{version} has judged on {len(reached)} of {corner.partitions} partitions")
        spread = max(reached.values()) - made
    rate = (examples - first) / seconds if first < examples else None
    rows = [
        ["examples a second", "too few to tell" if rate is None else f"{rate:,.0f}"],
        ["snapshots published", f"{snapshots:,}"],
        ["snapshot for the workers", f"{sizes['published']:,} bytes"],
        ["the learner's own record, written with each batch", f"{sizes['running']:,} bytes"],
        ["until both workers judge by a new snapshot", f"{spread:,} ms"],
    ]
    facts: dict[str, Any] = {
        "model": model,
        "examples": examples,
        "rate": rate,
        "snapshots": snapshots,
        "bytes": sizes,
        "spread_ms": spread,
        "shares": spent,
    }
    grid = Grid(f"{examples:,} examples, {model}", ["what", ""], rows)
    return Findings("learner", [grid, shares({"learning": spent})], facts)


def _messages(wanted: int, shoppers: int) -> Iterator[Message]:
    """Return examples of simulated shoppers, again under other ids when they do not suffice."""
    shop = shop_of(load_settings(environ={"EBB_CLOCK": "events"}).settings)
    events = Shoppers(seed=7, end=END, shoppers=shoppers).events()
    known: list[TrainingExample] = []
    for effects in run_through(shop, map(encode_event, events)):
        known += effects.examples
    if not known:
        raise Stuck("these shoppers bring no examples: take more of them")

    def endless() -> Iterator[TrainingExample]:
        for lap in count():
            for each in known:
                yield msgspec.structs.replace(each, example_id=f"{each.example_id}-{lap}")

    for example in islice(endless(), wanted):
        yield Message(0, example.user_id.encode(), _encode(example))


def _last_model(corner: Corner) -> tuple[str, int]:
    """Return the version of the newest snapshot, and when the broker got it."""
    from kafka import TopicPartition

    place = TopicPartition(corner.topic("models"), 0)
    consumer = open_consumer(corner.settings)
    try:
        consumer.assign([place])
        consumer.seek(place, max(consumer.end_offsets([place])[place] - 1, 0))
        for _ in range(20):
            for records in consumer.poll(timeout_ms=500).values():
                return records[-1].key.decode(), records[-1].timestamp
    finally:
        consumer.close()
    raise Stuck("no snapshot was published")
