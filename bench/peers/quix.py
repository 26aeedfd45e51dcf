"""Quix Streams: a stateful map; RocksDB, with a changelog in Kafka."""

from __future__ import annotations

import quixstreams
from quixstreams import Application, State

from bench.peers.running import Tally, job
from bench.peers.work import (
    Shopper,
    alert_of,
    decode_shopper,
    decode_visit,
    encode_shopper,
    take,
)

task = job()
tally = Tally(task)


def watch(raw: bytes, state: State) -> bytes | None:
    tally.start()
    visit = decode_visit(raw)
    data = state.get_bytes("shopper")
    shopper = Shopper() if data is None else decode_shopper(data)
    risk = take(shopper, visit)
    state.set_bytes("shopper", encode_shopper(shopper))
    alert = alert_of(visit, risk) if tally.take(risk) else None
    if tally.complete:
        tally.finish(version=quixstreams.__version__)
        app.stop()
    return alert


app = Application(
    broker_address=task.kafka,
    consumer_group=task.group,
    auto_offset_reset="earliest",
    state_dir=str(task.folder / "quix"),
    loglevel="WARNING",
)


def main() -> None:
    source = app.topic(task.topic, value_deserializer="bytes")
    target = app.topic(task.alerts_topic, value_serializer="bytes")
    stream = app.dataframe(source).apply(watch, stateful=True)
    stream.filter(lambda alert: alert is not None).to_topic(target)
    app.run()


if __name__ == "__main__":
    main()
