"""A hand-written aiokafka loop: batches, states kept in memory and written through to Redis."""

from __future__ import annotations

import asyncio

import redis.asyncio as redis
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.peers.running import Tally, job
from bench.peers.work import (
    Shopper,
    alert_of,
    decode_shopper,
    decode_visit,
    encode_shopper,
    take,
)


async def main() -> None:
    task = job()
    tally = Tally(task)
    store = redis.Redis.from_url(task.redis)
    consumer = AIOKafkaConsumer(
        task.topic,
        bootstrap_servers=task.kafka,
        group_id=task.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=2_000,
    )
    producer = AIOKafkaProducer(bootstrap_servers=task.kafka, acks="all", linger_ms=5)
    await producer.start()
    await consumer.start()
    book: dict[str, Shopper] = {}
    prefix = task.group
    while not tally.complete:
        fetched = await consumer.getmany(timeout_ms=200, max_records=2_000)
        for place, records in fetched.items():
            tally.start()
            visits = [decode_visit(record.value) for record in records]
            names = {visit.user_id for visit in visits}
            missing = [name for name in names if name not in book]
            if missing:
                found = await store.mget([f"{prefix}:{name}" for name in missing])
                for name, data in zip(missing, found, strict=True):
                    book[name] = Shopper() if data is None else decode_shopper(data)
            sending = []
            for visit in visits:
                risk = take(book[visit.user_id], visit)
                if tally.take(risk):
                    value = alert_of(visit, risk)
                    key = visit.user_id.encode()
                    sending.append(await producer.send(task.alerts_topic, value, key))
            states = {f"{prefix}:{name}": encode_shopper(book[name]) for name in names}
            states[f"{prefix}@{place.partition}"] = records[-1].offset + 1
            await store.mset(states)
            if sending:
                await asyncio.gather(*sending)
    tally.finish()
    await consumer.stop()
    await producer.stop()
    await store.aclose()


if __name__ == "__main__":
    uvloop.run(main())
