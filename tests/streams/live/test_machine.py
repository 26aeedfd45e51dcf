"""Whatever dies, freezes or comes back between any two steps: the result is that of a quiet day.

Hypothesis draws a story (events, workers, zombies, brokers that do not answer, stores that were
restored), and then lets fresh processes do what is left. What is stored and published must be
what a system to which nothing happened makes of the same log.

A long run, with other stories each time, of so many of them:
``EBB_TEST_EXAMPLES=10000 pytest -k quiet_day tests/streams/live/test_machine.py``.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pprint import pformat
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from features import DAY, HOUR, MINUTE, Event, Millis, encode_event
from features.store import Commit, MemoryStore
from streams.live.held import Held
from streams.live.seen import Seen
from streams.topics import partition_of
from tests.streams.live.machine import LEARNER, PATIENT, WORKER, Parts, Process, World
from tests.streams.live.stepped import CLICKSTREAM, PARTITIONS, TRAINING, Broker, FlightProducer
from tests.streams.live.verdict import differences, reference, settle

START: Final[Millis] = 1_700_000_000_000
SLOTS: Final = (WORKER, WORKER, WORKER, LEARNER, LEARNER)
#: Three customers of each partition, three whose events lie on the other one, and one for the end.
NAMES: Final = tuple(f"shopper-{number}" for number in range(40))
AT_HOME: Final = {
    n: [name for name in NAMES if partition_of(name.encode(), PARTITIONS) == n]
    for n in range(PARTITIONS)
}

slots = st.integers(0, len(SLOTS) - 1)
partitions = st.integers(0, PARTITIONS - 1)
few = st.integers(1, 4)
luck = st.one_of(st.none(), st.integers(0, 8))
#: How many messages the broker takes, and whether it says so.
Mood = tuple[int | None, bool]
moods = st.tuples(luck, st.booleans())
tears = st.sampled_from([None, None, None, False, True])
kinds = st.sampled_from(
    [
        *("visit", "purchase", "complaint", "product_added", "complaint", "again", "late"),
        *("rubbish", "rubbish for the learner", "future"),
    ]
)
pauses = st.sampled_from([0, 10 * MINUTE, 5 * HOUR, 3 * DAY, 9 * DAY])
mishaps = st.sampled_from(
    [
        *("it dies", "the store goes away", "the broker goes away", "it drops a cursor"),
        "it is told to leave",
    ]
)


class Story(RuleBasedStateMachine):
    """What may happen."""

    parts = Parts()

    @initialize(patient=st.booleans())
    def begin(self, patient: bool) -> None:
        """Begin: the order of a partition's two topics is nobody's to determine.

        So with events on the wrong partition, no event of the story may be late; without them,
        time passes as always, and timers fire and labels mature in the middle of the story.
        """
        self.patient = patient
        self.world = World(self.parts, PATIENT if patient else HOUR)
        self.processes: dict[int, Process] = {}
        self.zombies: list[Process] = []
        self.snapshots: list[dict[str, MemoryStore]] = []
        self.written: list[tuple[int, Event]] = []
        self.world.broker.now = START

    def process(self, slot: int) -> Process:
        if slot not in self.processes:
            self.processes[slot] = Process(self.world, SLOTS[slot])
        return self.processes[slot]

    def one(self, which: int) -> int:
        """Return the slot of a process that there is."""
        return sorted(self.processes)[which % len(self.processes)]

    # -- events ---------------------------------------------------------------------------

    @rule(
        what=st.lists(
            st.tuples(partitions, st.integers(0, 2), st.booleans(), kinds, pauses),
            min_size=1,
            max_size=6,
        )
    )
    def storefronts_write(self, what: list[tuple[int, int, bool, str, Millis]]) -> None:
        broker = self.world.broker
        for home, who, astray, kind, pause in what:
            broker.now += pause
            number = len(self.written)
            if kind == "rubbish":
                broker.append(CLICKSTREAM, b"k", b'{"event_id":%d' % number, partition=home)
            elif kind == "rubbish for the learner":
                broker.append(TRAINING, None, b"{")
            elif kind == "again" and self.written:
                partition, event = self.written[self.world.broker.now // MINUTE % number]
                broker.append(CLICKSTREAM, None, encode_event(event), partition=partition)
            else:
                astray = astray and self.patient and kind != "future"
                name = AT_HOME[home][who + 3 * astray]
                event = Event(
                    event_id=f"e{number}",
                    user_id=name,
                    type=kind if kind in ("purchase", "complaint", "product_added") else "visit",
                    time=broker.now + {"late": -2 * DAY, "future": 3 * DAY}.get(kind, 0),
                    amount=20.0 + number if kind == "purchase" else None,
                )
                partition = (home + astray) % PARTITIONS
                self.written.append((partition, event))
                broker.append(CLICKSTREAM, name.encode(), encode_event(event), partition=partition)

    # -- processes ------------------------------------------------------------------------

    @rule(slot=slots, partition=partitions, chunks=few, fetch=few, may=luck, mood=moods, torn=tears)
    def a_process_works(
        self,
        slot: int,
        partition: int,
        chunks: int,
        fetch: int,
        may: int | None,
        mood: Mood,
        torn: bool | None,
    ) -> None:
        """Let it go on; and when it is done, take some chunks, as far as its steps go."""
        process = self.process(slot)
        process.torn = torn
        process.publish(*mood)
        process.allow(may)
        for _ in range(chunks):
            if not process.busy:
                process.take(0 if SLOTS[slot] == LEARNER else partition, fetch, fetch)
            process.raise_what_went_wrong()

    @precondition(lambda self: self.processes)
    @rule(which=slots, mood=moods)
    def the_broker_takes_messages(self, which: int, mood: Mood) -> None:
        self.processes[self.one(which)].publish(*mood)

    @precondition(lambda self: self.processes)
    @rule(which=slots, what=mishaps, partition=partitions)
    def something_happens(self, which: int, what: str, partition: int) -> None:
        slot = self.one(which)
        process = self.processes[slot]
        if what == "it dies":
            self.processes.pop(slot).kill()
        elif what == "the store goes away":
            process.lose_store()
        elif what == "the broker goes away":
            process.lose_broker()
        elif process.busy:
            pass
        elif what == "it drops a cursor":
            process.doubt(partition)
        else:
            process.leave()
            process.raise_what_went_wrong()
            self.zombies.append(self.processes.pop(slot))

    # -- the store ------------------------------------------------------------------------

    @rule()
    def a_snapshot_is_taken(self) -> None:
        self.snapshots.append(self.world.snapshot())

    @precondition(lambda self: self.snapshots)
    @rule(which=st.integers(0, 3))
    def a_snapshot_is_restored(self, which: int) -> None:
        self.world.restore(self.snapshots[which % len(self.snapshots)])

    # -- the end --------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        try:
            settle(world)
            quiet = reference(world)
            self.compare(quiet)
            for zombie in [*self.zombies, *self.processes.values()]:
                zombie.torn = None
                zombie.allow(None)
                zombie.publish(None, True)
                zombie.raise_what_went_wrong()
                zombie.kill()
            for each in (world, quiet):
                close(each)
                settle(each)
            self.compare(quiet)
        finally:
            world.loop.end()

    def compare(self, quiet: World) -> None:
        found = differences(self.world, quiet)
        assert not found, pformat(found, width=150)[:8_000]


def close(world: World) -> None:
    """Let so much time pass in each partition that every timer fires and every label matures."""
    broker = world.broker
    broker.now += world.lateness + 500 * DAY
    for n in range(PARTITIONS):
        name = AT_HOME[n][-1]
        event = Event(event_id="the last", user_id=name, type="visit", time=broker.now)
        broker.append(CLICKSTREAM, name.encode(), encode_event(event), partition=n)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the bounds so narrow that short stories reach them."""
    monkeypatch.setattr("streams.live.clickstream.CACHED", 2)
    monkeypatch.setattr("streams.live.held.OUTBOX_BOUND", 6)
    monkeypatch.setattr("streams.live.held._READ", 3)
    monkeypatch.setattr("streams.live.relay._FLIGHT", 3)
    monkeypatch.setattr("streams.live.training._PUBLISH_AFTER", 3)


def told(examples: int, **more: Any) -> settings:
    """Return the settings of a run: the same stories every time."""
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **{"derandomize": True, **more},
    )


def test_whatever_happens_the_result_is_that_of_a_quiet_day() -> None:
    examples = int(os.environ.get("EBB_TEST_EXAMPLES", 0))
    run_state_machine_as_test(Story, settings=told(examples or 80, derandomize=not examples))


# -- the test can fail ------------------------------------------------------------------------

#: Stories of one seed.
FEW: Final = 12


class Unfenced(MemoryStore):
    """A store that writes whatever anybody writes."""

    async def commit(self, partition: int, commit: Commit) -> bool:
        return await super().commit(partition, replace(commit, expected=await self.mark(partition)))


class Hasty(FlightProducer):
    """Acknowledges before the broker has it."""

    async def send(self, topic: str, **message: Any) -> asyncio.Future[None]:
        flight = await super().send(topic, **message)
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer.set_result(None)
        flight.add_done_callback(lambda done: done.cancelled() or done.exception())
        return answer


class Forgetful(Held):
    """Trims what nobody has acknowledged."""

    async def commit(self, **batch: Any) -> None:
        published, self.published = self.published, self.mark.head
        try:
            await super().commit(**batch)
        finally:
            self.published = published


class NeverSeen(Seen):
    """Takes every example for a new one."""

    def add(self, example_id: str) -> bool:
        return super().add(example_id) or True


async def nothing_seen(*_: Any) -> Seen:
    return NeverSeen(0, {})


def of_the_group(broker: Broker, topic: str, partition: int, offset: int) -> int:
    """Go on where the consumer group has come to."""
    return broker.group.get((topic, partition), 0)


def finds(parts: Parts, stories: int = 400, first: int = 1) -> None:
    """Check that a broken system is found out.

    ``first`` is a seed with which the mistake comes to light soon: that it does is to be shown,
    and not how long one has to look. If the stories change, looking for it takes longer.
    """
    for number in range(first, first + stories // FEW):
        broken = seed(number)(type("Broken", (Story,), {"parts": parts}))
        few = told(FEW, derandomize=False, phases=[Phase.generate], report_multiple_bugs=False)
        try:
            run_state_machine_as_test(broken, settings=few)
        except AssertionError:
            return
    pytest.fail(f"nobody found it in {stories} stories from seed {first} on")


def test_a_store_without_a_fence_is_found() -> None:
    finds(Parts(store=Unfenced), first=2)


def test_a_relay_that_does_not_wait_for_the_broker_is_found() -> None:
    finds(Parts(producer=Hasty), first=12)


def test_an_outbox_that_is_trimmed_too_early_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.live.clickstream.Held", Forgetful)
    finds(Parts(), first=5)


def test_a_learner_that_learns_repeats_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.live.training.read_seen", nothing_seen)
    finds(Parts(), first=2)


def test_timers_that_a_crash_tore_off_and_nobody_sets_anew_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def always(held: Held) -> bool:
        return True

    monkeypatch.setattr(Held, "has_its_timers", always)
    # Few who lose a timer are silent from then on, and have not another that is later found.
    finds(Parts(), stories=3_000, first=12)


def test_a_worker_that_trusts_the_consumer_group_is_found() -> None:
    finds(Parts(place=of_the_group))
