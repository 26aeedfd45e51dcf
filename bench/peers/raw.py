"""The limit: read with aiokafka, decode, forget."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer

from bench.peers.running import Tally, job
from bench.peers.work import decode_visit


async def main() -> None:
    task = job()
    tally = Tally(task)
    consumer = AIOKafkaConsumer(
        task.topic,
        bootstrap_servers=task.kafka,
        group_id=task.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=4_000,
    )
    await consumer.start()
    while not tally.complete:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            tally.start()
            for record in records:
                decode_visit(record.value)
            tally.events += len(records)
    tally.finish()
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main())
