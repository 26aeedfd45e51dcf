"""Our work in Bytewax: a stateful step for each customer; snapshots of the states go to SQLite."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from importlib.metadata import version

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from bench.peers.our_work import Core, alerts_of, arrival
from bench.peers.running import Tally, job
from streams.pipeline import Arrival

task = job()
tally = Tally(task)
core = Core(task.policy)


class Watch(StatefulBatchLogic):
    """One customer: kept in memory as an object, which is encoded for the snapshots only."""

    def __init__(self, data: bytes | None) -> None:
        self._known = core.open(data)

    def on_batch(self, values: list[Arrival]) -> tuple[Iterable[KafkaSinkMessage], bool]:
        effects = core.take(self._known, values)
        tally.count(len(values), len(effects.decided), len(effects.alerts))
        if tally.complete:
            tally.finish(version=version("bytewax"))
        alerts = [KafkaSinkMessage(key, value) for key, value in alerts_of(effects)]
        return alerts, StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        return core.pack(self._known)


def keyed(message) -> tuple[str, Arrival]:
    tally.start()
    taken = arrival(message.value, message.timestamp[1])
    return taken.event.user_id, taken


def main() -> None:
    flow = Dataflow("watch")
    source = KafkaSource([task.kafka], [task.topic], tail=False, batch_size=1_000)
    messages = op.input("messages", flow, source)
    arrivals = op.map("decode", messages, keyed)
    alerts = op.stateful_batch("watch", arrivals, Watch)
    sends = op.map("bare", alerts, lambda pair: pair[1])
    op.output("alerts", sends, KafkaSink([task.kafka], task.alerts_topic))
    folder = task.folder / "bytewax"
    folder.mkdir()
    init_db_dir(folder, 1)
    cluster_main(
        flow,
        [],
        0,
        recovery_config=RecoveryConfig(str(folder)),
        epoch_interval=timedelta(seconds=1),
    )


if __name__ == "__main__":
    main()
