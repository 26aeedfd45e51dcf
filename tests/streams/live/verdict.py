"""How a story ends, and what came of it: stores and topics, compared with a quiet day's."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from features import decode_event
from models.learning import TrainingExample
from models.registry import REGISTRY
from streams.deadletters import HEADER
from streams.live.held import Mark, read_mark
from streams.live.model import RUNNING, read_snapshot
from tests.streams.live.fakes import Record
from tests.streams.live.machine import INPUTS, LEARNER, WORKER, Parts, Process, World
from tests.streams.live.stepped import CLICKSTREAM, PARTITIONS, REKEYED, TRAINING

#: What a mark counts that a repeated message must not change.
COUNTS: Final = (
    *("applied", "customers", "decisions", "decisions_silence", "decisions_distress"),
    *("decisions_session_end", "alerts", "alerts_treated", "alerts_holdout"),
    *("matured", "pending", "unkept", "forwarded", "unknown_type"),
    *("linked", "handed_over", "recalled"),
)
_example = msgspec.json.Decoder(TrainingExample)


def settle(world: World, most: int = 500) -> None:
    """Have a fresh worker and a fresh learner do all there is to do, and leave.

    Raises
    ------
    AssertionError
        If it does not come to an end.
    """
    worker, learner = Process(world, WORKER), Process(world, LEARNER)
    places = [(worker, 0), (worker, 1), (learner, 0)]
    for _ in range(10_000):
        before = _size(world)
        for process, partition in places:
            process.take(partition, most, most)
            process.raise_what_went_wrong()
            assert not process.busy, "a batch does not come to an end"
        if all(p.at_end(n) for p, n in places) and _size(world) == before:
            break
    else:
        raise AssertionError("it never comes to rest")
    for process in (worker, learner):
        process.leave()
        process.raise_what_went_wrong()
        process.kill()


def _size(world: World) -> object:
    """Return what changes whenever anything is stored or written."""

    async def marks() -> list[bytes | None]:
        return [await store.mark(n) for store in world.stores.values() for n in range(PARTITIONS)]

    return [len(log) for log in world.broker.logs.values()], world.loop.now(marks())


def reference(world: World) -> World:
    """Return another world with the same events, in which nothing has gone wrong."""
    other = World(Parts(), world.lateness, world.loop)
    for n in range(PARTITIONS):
        other.broker.logs[CLICKSTREAM, n] = list(world.broker.logs[CLICKSTREAM, n])
    other.broker.now = world.broker.now
    settle(other, most=7)
    return other


def differences(world: World, quiet: World) -> dict[str, Any]:
    """Return what is not as in the quiet world, by its name, with both values."""
    found, expected = _all_of(world), _all_of(quiet)
    return {
        name: {"found": found[name], "expected": value}
        for name, value in expected.items()
        if found[name] != value
    }


def _all_of(world: World) -> dict[str, Any]:
    return _stored(world) | _published(world) | _learnt(world)


def _stored(world: World) -> dict[str, Any]:
    """Return states, ledgers, timers and counts; and what waits to be published."""
    store, now = world.stores[WORKER], world.loop.now
    result: dict[str, Any] = {}
    for n in range(PARTITIONS):
        names = now(_collect(store.names(n)))
        look = now(store.look(n, names))
        mark = read_mark(look.mark)
        result |= {
            f"customers of {n}": look.records,
            f"timers of {n}": look.timers,
            f"watermark of {n}": mark.watermark,
            f"counts of {n}": {name: mark.counts.get(name, 0) for name in COUNTS},
        }
    for role, store in world.stores.items():
        for n in range(PARTITIONS):
            mark = read_mark(now(store.mark(n)))
            result[f"outbox of {role} {n}"] = (
                now(store.outbox(n, range(mark.head))),
                mark.head - mark.tail,
            )
    return result


async def _collect(names: Any) -> list[str]:
    return [name async for name in names]


def _published(world: World) -> dict[str, Any]:
    """Return what the topics hold, repeats taken out."""
    broker = world.broker
    alerts: dict[str, set[bytes | None]] = {}
    of_customer: dict[bytes | None, list[str]] = {}
    for record in broker.all_of("interventions"):
        alert_id = dict(record.headers)["ce_id"].decode()
        if alert_id not in alerts:
            of_customer.setdefault(record.key, []).append(alert_id)
        alerts.setdefault(alert_id, set()).add(record.value)
    letters: dict[str, set[bytes | None]] = {}
    for record in broker.all_of("dead-letters"):
        letter = msgspec.json.decode(dict(record.headers)[HEADER])
        if letter["topic"] != TRAINING:  # where that one's lie is the workers' doing
            where = f"{letter['topic']}-{letter['partition']}-{letter['offset']}"
            letters.setdefault(where, set()).add(record.value)
    return {
        "alerts": alerts,
        "order of each customer's alerts": of_customer,
        "dead letters": letters,
    } | {f"forwarded to {n}": _events(broker.logs[REKEYED, n]) for n in range(PARTITIONS)}


def _events(records: list[Record]) -> list[str]:
    return list(dict.fromkeys(decode_event(record.value).event_id for record in records))


def _learnt(world: World) -> dict[str, Any]:
    """Return the examples, and how the model compares with one that learns each of them once."""
    examples: dict[str, set[bytes | None]] = {}
    distinct, rubbish, refused = [], set(), set()
    for record in world.broker.logs[TRAINING, 0]:
        try:
            example = _example.decode(record.value or b"")
        except msgspec.MsgspecError:
            rubbish.add(record.offset)
            continue
        if example.example_id not in examples:
            distinct.append(example)
        examples.setdefault(example.example_id, set()).add(record.value)
    for record in world.broker.all_of("dead-letters"):
        letter = msgspec.json.decode(dict(record.headers)[HEADER])
        if letter["topic"] == TRAINING:
            refused.add(letter["offset"])
    store = world.stores[LEARNER]
    running = world.loop.now(read_snapshot(store, RUNNING))
    mark: Mark = read_mark(world.loop.now(store.mark(0)))
    alone = REGISTRY["logistic"].learner(INPUTS, None)
    alone.learn(distinct)
    right = msgspec.json.decode(msgspec.json.encode(alone.snapshot(0, {}).state))
    count = len(distinct)
    return {
        "examples": examples,
        "what the learner refuses": refused == rubbish,
        "the model is the one of its log": not count
        or (running is not None and running.learnt == count and running.state == right),
        "each example is learnt once": mark.counts.get("learnt", 0) == count,
    }
