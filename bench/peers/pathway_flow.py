"""Pathway: a stateful reducer for each customer; states are persisted to a folder."""

from __future__ import annotations

import pathway as pw

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


def watch(state: bytes | None, rows: list[tuple[list, int]]) -> bytes:
    """Take all new events of a customer at once; the order within a batch is not Pathway's."""
    shopper, alert = Shopper(), b""
    if state is not None:
        shopper = decode_shopper(state[2 + int.from_bytes(state[:2]) :])
    visits = [decode_visit(row[0]) for row, _ in rows]
    visits.sort(key=lambda visit: visit.time)
    for visit in visits:
        risk = take(shopper, visit)
        if tally.take(risk):
            alert = alert_of(visit, risk)
    return len(alert).to_bytes(2) + alert + encode_shopper(shopper)


@pw.udf
def customer(raw: bytes) -> str:
    """Return whose event it is."""
    tally.start()
    return decode_visit(raw).user_id


@pw.udf
def alert_in(state: bytes) -> bytes:
    """Return the alert that the last batch left."""
    return state[2 : 2 + int.from_bytes(state[:2])]


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
    )
    keyed = events.select(events.data, user=customer(events.data))
    states = keyed.groupby(keyed.user).reduce(
        keyed.user, state=pw.reducers.stateful_many(watch)(keyed.data)
    )
    alerts = states.select(states.user, alert=alert_in(states.state))
    alerts = alerts.filter(alerts.alert != b"")
    pw.io.kafka.write(
        alerts.select(alerts.alert),
        {"bootstrap.servers": task.kafka},
        task.alerts_topic,
        format="raw",
    )

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
