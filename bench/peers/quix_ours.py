"""Our work in Quix Streams: a stateful step; RocksDB, with a changelog in Kafka."""

from __future__ import annotations

from typing import Any

import quixstreams
from quixstreams import Application, State

from bench.peers.our_work import Core, alerts_of, arrival
from bench.peers.running import Tally, job

task = job()
tally = Tally(task)
core = Core(task.policy)


def watch(raw: bytes, key: Any, timestamp: int, headers: Any, state: State) -> list[bytes]:
    tally.start()
    data, effects = core.step(state.get_bytes("customer"), [arrival(raw, timestamp)])
    state.set_bytes("customer", data)
    tally.count(1, len(effects.decided), len(effects.alerts))
    if tally.complete:
        tally.finish(version=quixstreams.__version__)
        app.stop()
    return [value for _, value in alerts_of(effects)]


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
    stream = app.dataframe(source).apply(watch, stateful=True, metadata=True, expand=True)
    stream.to_topic(target)
    app.run()


if __name__ == "__main__":
    main()
