"""Stories that once went wrong, step by step; `test_machine` tells such ones by the thousand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from features import DAY, HOUR, MINUTE, Event, Millis, decode_state, encode_event
from streams.topics import partition_of
from tests.streams.live.machine import PATIENT, SHOP, WORKER, Parts, Process, World
from tests.streams.live.stepped import CLICKSTREAM, PARTITIONS
from tests.streams.live.test_machine import AT_HOME, START
from tests.streams.live.verdict import differences, reference, settle


@pytest.fixture
def world() -> Iterator[World]:
    world = World(Parts(), PATIENT)
    yield world
    world.loop.end()


def write(world: World, partition: int, kind: str, ahead: Millis = 0) -> None:
    """Write what a customer of partition 0 did, or rubbish."""
    name, number = AT_HOME[0][0], len(world.broker.logs[CLICKSTREAM, partition])
    world.broker.now = START + number * HOUR
    event = Event(event_id=str(number), user_id=name, type=kind, time=world.broker.now + ahead)
    value = b"{" if kind == "rubbish" else encode_event(event)
    world.broker.append(CLICKSTREAM, name.encode(), value, partition=partition)


def test_who_knows_another_past_cannot_write_though_it_was_as_long(world: World) -> None:
    for kind in ("rubbish", "rubbish", "complaint"):
        write(world, 0, kind)
    empty = world.snapshot()
    zombie, other = Process(world, WORKER), Process(world, WORKER)
    for process, cuts in ((zombie, (2, 1)), (other, (1, 2))):
        world.restore(empty)
        process.publish(0, False)
        for most in cuts:
            process.take(0, 10, most)
    other.kill()
    # The zombie's outbox holds letter, letter, alert; the other's, in the store, has the alert in
    # the middle, and that is what the zombie trims.
    zombie.publish(2, True)
    write(world, 0, "visit")
    zombie.take(0, 10, 10)
    zombie.kill()
    settle(world)
    assert differences(world, reference(world)) == {}


def test_an_event_that_was_forwarded_twice_and_then_refused_is_one_dead_letter(
    world: World,
) -> None:
    write(world, 1, "visit", ahead=3 * DAY)
    first = Process(world, WORKER)
    first.publish(1, False)
    first.take(1, 10, 10)
    first.kill()
    settle(world)
    assert differences(world, reference(world)) == {}


def somebody(prefix: str, partition: int) -> str:
    """Return a name on a partition."""
    return next(
        name
        for name in (f"{prefix}{number}" for number in range(100))
        if partition_of(name.encode(), PARTITIONS) == partition
    )


@pytest.mark.parametrize("answers", [False, True])
@pytest.mark.parametrize("sends", [0, 3, None])
@pytest.mark.parametrize("steps", range(1, 9))
def test_what_a_visitor_did_becomes_the_customers_once_wherever_the_worker_dies(
    world: World, steps: int, sends: int | None, answers: bool
) -> None:
    visitor, customer = somebody("anon:", 0), somebody("user-", 1)
    told = [(visitor, "visit"), (customer, "purchase"), (visitor, "product_added")]
    # A busy customer: the ids of what is handed over will long have been forgotten.
    told += [(customer, "visit")] * 140
    told += [(visitor, "visit"), (visitor, "identified"), (visitor, "complaint")]
    for number, (name, kind) in enumerate(told):
        world.broker.now = START + number * 30 * MINUTE
        named = {"identified_as": customer} if kind == "identified" else {}
        event = Event(
            event_id=str(number),
            user_id=name,
            type=kind,
            time=world.broker.now,
            properties=named,
        )
        world.broker.append(CLICKSTREAM, name.encode(), encode_event(event))
    worker = Process(world, WORKER)
    worker.publish(sends, answers)
    worker.allow(steps)
    worker.take(0, 500, 500)
    worker.kill()
    settle(world)

    assert differences(world, reference(world)) == {}
    store = world.stores[WORKER]
    look = world.loop.now(store.look(1, [customer]))
    state = decode_state(look.records[customer].state or b"", SHOP.definition)
    assert state.events == 141 + 4
    assert list(state.visitors.values()) == [4]
