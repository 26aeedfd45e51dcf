"""Our work in Pathway: a stateful reducer for each customer; states are persisted to a folder."""

from __future__ import annotations

import sys

import msgspec
import pathway as pw

from bench.peers.our_work import Core, alerts_of, arrival
from bench.peers.running import Tally, job
from features import decode_event

task = job()
tally = Tally(task)
core = Core(task.policy)
#: Milliseconds of a batch: Pathway's own, unless the command line says otherwise.
batch = int(sys.argv[2]) if len(sys.argv) > 2 else 1_500
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[bytes, list[bytes]]).decode


def watch(state: bytes | None, rows: list[tuple[list, int]]) -> bytes:
    """Take all new events of a customer at once; the order within a batch is not Pathway's."""
    arrivals = [arrival(row[0]) for row, _ in rows]
    arrivals.sort(key=lambda each: (each.event.at, each.event.event_id))
    before = None if state is None else _unpack(state)[0]
    data, effects = core.step(before, arrivals)
    tally.count(len(arrivals), len(effects.decided), len(effects.alerts))
    return _pack((data, [value for _, value in alerts_of(effects)]))


@pw.udf
def customer(raw: bytes) -> str:
    """Return whose event it is."""
    tally.start()
    return decode_event(raw).user_id


@pw.udf
def alerts_in(state: bytes) -> list[bytes]:
    """Return the alerts that the last batch left."""
    return _unpack(state)[1]


def main() -> None:
    events = pw.io.kafka.read(
        {
            "bootstrap.servers": task.kafka,
            "group.id": task.group,
            "auto.offset.reset": "earliest",
        },
        topic=task.topic,
        format="raw",
        name="events",
        autocommit_duration_ms=batch,
    )
    keyed = events.select(events.data, user=customer(events.data))
    states = keyed.groupby(keyed.user).reduce(
        keyed.user, state=pw.reducers.stateful_many(watch)(keyed.data)
    )
    alerts = states.select(alert=alerts_in(states.state))
    alerts = alerts.flatten(alerts.alert)
    pw.io.kafka.write(alerts, {"bootstrap.servers": task.kafka}, task.alerts_topic, format="raw")

    def at_the_end_of_a_batch(time: int) -> None:
        if tally.complete:
            tally.leave(version=pw.__version__)

    pw.io.subscribe(states, on_change=lambda **_: None, on_time_end=at_the_end_of_a_batch)
    pw.run(
        monitoring_level=pw.MonitoringLevel.NONE,
        persistence_config=pw.persistence.Config(
            pw.persistence.Backend.filesystem(str(task.folder / "pathway"))
        ),
    )


if __name__ == "__main__":
    main()
