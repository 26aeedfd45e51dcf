"""Stories that once went wrong, step by step; `test_machine` tells such ones by the thousand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from features import DAY, HOUR, Event, Millis, encode_event
from tests.streams.live.machine import PATIENT, WORKER, Parts, Process, World
from tests.streams.live.stepped import CLICKSTREAM
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
