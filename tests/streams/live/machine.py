"""The live system in one process, which can be frozen, cut off or killed between any two steps.

The readers, what they hold, and the relay are the real ones. A store in memory stands for Redis
and lists for the topics; each call of the store is two steps of its caller: before it takes
effect, and before the answer arrives. A process that may take no more steps waits, like one that
the system has stopped; so a crash between two steps is to freeze there and to be killed, and a
zombie is who was frozen there and goes on later.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from features import DAY, HOUR, Millis
from features.store import MemoryStore, StoreAway
from models.registry import prior_judge
from streams.composition import shop_of, task_of
from streams.live.clickstream import ClickstreamReader, Pace
from streams.live.clock import Clock
from streams.live.cursor import Chunk, Cursor, in_turn, offsets_after
from streams.live.relay import Relay
from streams.live.training import TrainingReader
from streams.sections import ChurnSettings, PolicySettings, SilenceSettings, TimeSettings
from streams.settings import Settings
from tests.streams.live.stepped import (
    PARTITIONS,
    SPREAD,
    TOPICS,
    TRAINING,
    Broker,
    FlightProducer,
    SteppedStore,
)
from tests.streams.live.virtual import VirtualLoop

WORKER, LEARNER = "worker", "learner"
#: Longer than any story here lasts: no event is late, whichever topic of a partition is first.
PATIENT: Final = 10_000 * DAY

SETTINGS: Final = Settings(
    churn=ChurnSettings(horizon=4 * DAY, active=15 * DAY, session_gap=HOUR),
    silence=SilenceSettings(waits=(2 * DAY, 6 * DAY), multiples=(2.0,)),
    policy=PolicySettings(threshold=0.3, hysteresis=0.05, cooldown=DAY),
    time=TimeSettings(clock="events"),
)
SHOP: Final = shop_of(SETTINGS)
INPUTS: Final = task_of(SHOP)
#: Who judges does not depend on when a model arrives: that is the one thing no log determines.
JUDGE: Final = prior_judge(INPUTS)


def where_the_store_says(broker: Broker, topic: str, partition: int, offset: int) -> int:
    """Return where to go on: where the store says."""
    return offset


@dataclass(frozen=True)
class Parts:
    """What the system is made of; a test of the test puts a broken one in."""

    store: Callable[[], MemoryStore] = MemoryStore
    producer: Callable[..., FlightProducer] = FlightProducer
    place: Callable[[Broker, str, int, int], int] = where_the_store_says


@dataclass
class World:
    """Kafka and Redis, whoever works on them, and what time it is.

    Parameters
    ----------
    parts
        What the processes are made of.
    lateness
        How late an event may come.
    """

    parts: Parts
    lateness: Millis
    loop: VirtualLoop = field(default_factory=VirtualLoop)
    broker: Broker = field(default_factory=Broker)

    def __post_init__(self) -> None:
        self.stores = {WORKER: self.parts.store(), LEARNER: self.parts.store()}
        self.shop = replace(SHOP, lateness=self.lateness)

    def snapshot(self) -> dict[str, MemoryStore]:
        """Return what is stored now, of all of them at one instant."""
        return copy.deepcopy(self.stores)

    def restore(self, snapshot: Mapping[str, MemoryStore]) -> None:
        """Go back to what was stored then."""
        self.stores.update(copy.deepcopy(dict(snapshot)))


class Process:
    """A worker or a learner: its reader, its relay, and its cursors."""

    def __init__(self, world: World, role: str) -> None:
        self.world, self.role, self.dead = world, role, False
        #: How many steps of the store it may still take, None for any number.
        self.steps: int | None = None
        self.sends: int | None = None
        #: Whether the broker answers.
        self.answers = True
        self.producer: FlightProducer | None = None
        self.torn: bool | None = None
        self._gate: asyncio.Future[None] | None = None
        self._action: asyncio.Task[None] | None = None
        self.cursors: dict[int, Cursor] = {}
        self._relay = Relay(lambda: world.parts.producer(world.broker, self), TOPICS)
        self.reader = self._reader(SteppedStore(world.stores, role, self))
        self._publishing = world.loop.create_task(self._relay.run())

    def _reader(self, store: Any) -> Any:
        if self.role == LEARNER:
            return TrainingReader(TRAINING, "logistic", INPUTS, store, self._relay, 500)
        return ClickstreamReader(
            SPREAD,
            lambda: self.world.shop,
            store,
            self._relay,
            lambda: JUDGE,
            Pace(500, timers=2, wall=False),
            partitions=lambda: PARTITIONS,
            clock=Clock(lambda: 0, lambda: 0),
        )

    @property
    def busy(self) -> bool:
        return self._action is not None and not self._action.done()

    async def step(self) -> None:
        """Take a step, or wait until one may be taken."""
        while self.steps == 0:
            self._gate = asyncio.get_running_loop().create_future()
            await self._gate
        if self.steps is not None:
            self.steps -= 1

    # -- what happens to it ---------------------------------------------------------------

    def allow(self, steps: int | None) -> None:
        """Let it go on, for so many steps."""
        self.steps = steps
        if self._gate is not None and not self._gate.done() and steps != 0:
            self._gate.set_result(None)
        self.world.loop.until_quiet()

    def lose_store(self) -> None:
        """Cut it off from the store, wherever in a call it is."""
        if self._gate is not None and not self._gate.done():
            self._gate.set_exception(StoreAway("no answer"))
        self.world.loop.until_quiet()

    def lose_broker(self) -> None:
        """Fail whatever it has under way; it tries again later."""
        if self.producer is not None:
            self.producer.fail()
        self.world.loop.until_quiet(10)

    def publish(self, sends: int | None, answers: bool) -> None:
        """Let the broker take so many messages from it, and answer or not."""
        self.sends, self.answers = sends, answers
        if self.producer is not None:
            self.producer.go_on()
        self.world.loop.until_quiet()

    def kill(self) -> None:
        """End it without a word."""
        self.dead = True
        for task in (self._publishing, self._action):
            if task is not None:
                task.cancel()
        self.world.loop.until_quiet()
        if self.busy:
            raise RuntimeError("a dead process works")

    # -- what it does ---------------------------------------------------------------------

    def take(self, partition: int, fetch: int, most: int) -> None:
        """Handle the partition's next chunk; open it if need be."""
        self._act(self._take(partition, fetch, most))

    def doubt(self, partition: int) -> None:
        """Drop a cursor."""
        if self.cursors.pop(partition, None) is not None:
            self.reader.let_go(partition)

    def leave(self) -> None:
        """Finish as at SIGTERM."""
        self._act(self._leave())

    def _act(self, work: Coroutine[Any, Any, None]) -> None:
        if self.busy:
            raise RuntimeError("busy")
        self._action = self.world.loop.create_task(work)
        self.world.loop.until_quiet()

    def raise_what_went_wrong(self) -> None:
        """Raise what no process should raise."""
        for task in (self._action, self._publishing):
            if task is not None and task.done() and not task.cancelled():
                task.result()

    async def _take(self, partition: int, fetch: int, most: int) -> None:
        broker = self.world.broker
        try:
            cursor = self.cursors.get(partition)
            if cursor is None:
                logs = {topic: broker.log(topic, partition) for topic in self.reader.topics}
                offsets, held = await self.reader.open(partition, logs)
                place = self.world.parts.place
                offsets = {t: place(broker, t, partition, o) for t, o in offsets.items()}
                cursor = self.cursors[partition] = Cursor(partition, offsets, held)
            ends = {}
            for topic, waiting in cursor.waiting.items():
                log, first = broker.logs[topic, partition], cursor.fetched(topic)
                ends[topic] = len(log)
                if not waiting:
                    waiting.extend(log[first : first + fetch])
            records = in_turn(cursor.waiting, lambda t: cursor.fetched(t) >= ends[t], most)
            start = dict(cursor.next)
            cursor.next = offsets_after(start, records)
            chunk = Chunk(cursor, start, dict(cursor.next), tuple(records), caught_up=not records)
            await self.reader.handle(chunk)
            if self.cursors.get(partition) is cursor:
                cursor.committed = chunk.end
                for topic, offset in cursor.committed.items():
                    broker.group[topic, partition] = offset
        except ConnectionError:
            self.doubt(partition)

    async def _leave(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                await self.reader.finish()
        self._publishing.cancel()

    def at_end(self, partition: int) -> bool:
        """Whether its cursor has come to the end of the logs."""
        cursor = self.cursors.get(partition)
        return cursor is not None and all(
            offset == len(self.world.broker.logs[topic, partition])
            for topic, offset in cursor.committed.items()
        )
