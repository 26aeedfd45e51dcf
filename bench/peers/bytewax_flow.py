"""Bytewax: a stateful map; snapshots of the states go to SQLite."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from bench.peers.running import Tally, job
from bench.peers.work import Shopper, Visit, alert_of, decode_visit, take

task = job()
tally = Tally(task)


def keyed(message) -> tuple[str, Visit]:
    tally.start()
    visit = decode_visit(message.value)
    return visit.user_id, visit


def watch(shopper: Shopper | None, visit: Visit) -> tuple[Shopper, list[KafkaSinkMessage]]:
    shopper = shopper or Shopper()
    risk = take(shopper, visit)
    alerts = []
    if tally.take(risk):
        alerts.append(KafkaSinkMessage(visit.user_id.encode(), alert_of(visit, risk)))
    if tally.complete:
        tally.finish(version=version("bytewax"))
    return shopper, alerts


def main() -> None:
    flow = Dataflow("watch")
    source = KafkaSource([task.kafka], [task.topic], tail=False, batch_size=1_000)
    messages = op.input("messages", flow, source)
    visits = op.map("decode", messages, keyed)
    alerts = op.stateful_flat_map("watch", visits, watch)
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
