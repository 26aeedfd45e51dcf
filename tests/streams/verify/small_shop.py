"""A shop in memory: two logs, and a worker in small that takes them into a store, cut by chance."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec

from features import (
    DAY,
    HOUR,
    SECOND,
    CustomerState,
    Event,
    History,
    Millis,
    decode_event,
    decode_state,
    encode_event,
    encode_state,
)
from features.store import Commit, MemoryStore, Record
from models.deciding import Alert, Ledger
from models.learning import TrainingExample
from models.registry import prior_judge
from streams.composition import shop_of, task_of
from streams.live.held import Mark
from streams.live.messages import origin_of
from streams.pipeline import Arrival, Customer, Passed, handle, watermark_after
from streams.settings import Settings
from streams.topics import partition_of
from streams.verify import Records, Redeciding, Retold
from streams.verify.verifying import Report, System, verify

PARTITIONS = 2
_PLACES = {"clickstream": "offset", "clickstream-rekeyed": "rekeyed"}
START: Millis = 1_700_000_000_000
SHOP = shop_of(Settings.model_validate({"churn": {"horizon": 10 * DAY, "active": 30 * DAY}}))
JUDGE = prior_judge(task_of(SHOP))


@dataclass(frozen=True)
class Lying:
    """A record as kafka-python returns it."""

    topic: str
    partition: int
    offset: int
    timestamp: Millis
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class MemoryLog:
    """A topic that can be read piece by piece."""

    topic: str
    records: list[list[Lying]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    #: Offset of the oldest record that is held.
    first: int = 0

    def __len__(self) -> int:
        return len(self.records)

    def start(self, partition: int) -> int:
        return self.first

    def stretch(self, partition: int, start: int, until: int) -> Iterator[Lying]:
        return iter(self.records[partition][max(start, self.first) : until])

    def put(
        self,
        partition: int,
        value: bytes | None,
        timestamp: Millis,
        origin: Millis | None = None,
        history: History | None = None,
    ) -> None:
        lying = self.records[partition]
        stamp: dict[str, Any] = {"topic": "t", "partition": 9, "offset": 9, "timestamp": origin}
        if history is not None:
            stamp["history"] = history
        headers = () if origin is None else (("ebb_origin", msgspec.json.encode(stamp)),)
        lying.append(Lying(self.topic, partition, len(lying), timestamp, value, headers))


class SmallShop:
    """The logs, the store, and whoever takes one into the other.

    ``wall``: whether the clock moves time between batches. ``disorder``: whether the worker may
    take a record of one log before an earlier one of the other.
    """

    def __init__(self, dice: random.Random, *, wall: bool = False, disorder: bool = False) -> None:
        self.dice = dice
        self.wall = wall
        self.disorder = disorder
        self.store = MemoryStore()
        self.clickstream = MemoryLog("clickstream")
        self.rekeyed = MemoryLog("clickstream-rekeyed")
        self.alerts: list[Alert] = []
        self.examples: list[TrainingExample] = []
        self.marks = [Mark(partitions=PARTITIONS) for _ in range(PARTITIONS)]

    def publish(
        self,
        events: Sequence[Event],
        delays: Sequence[Millis] = (),
        misplaced: Callable[[Event], bool] = lambda _: False,
    ) -> None:
        """Let events arrive so long after they happened; some on another's partition first."""
        stamp = self._clock() if self.wall else 0
        for number, event in enumerate(events):
            home = partition_of(event.user_id.encode(), PARTITIONS)
            stamp = max(stamp, event.at + (delays[number] if delays else 0))
            if misplaced(event):
                self.clickstream.put(1 - home, encode_event(event), stamp)
                self.rekeyed.put(home, encode_event(event), stamp + SECOND, stamp)
            else:
                self.clickstream.put(home, encode_event(event), stamp)

    def _clock(self) -> Millis:
        """Return the time that it is at least."""
        return max(max(mark.watermark for mark in self.marks) + SHOP.lateness, 0)

    def system(self) -> System:
        return System(self.store, self.clickstream, self.rekeyed, SHOP, JUDGE, self.wall)

    async def verify(self, *customers: str, sample: int | None = None) -> Report:
        return await verify(self.system(), customers, sample)

    async def redecide(self, *customers: str) -> Retold:
        """Verify, and take the decisions again."""
        decisions = Redeciding(SHOP)
        await verify(self.system(), customers, None, decisions=decisions)
        records = Records(decisions.customers.__contains__, task_of(SHOP))
        for said, read in (
            (self.alerts, records.read_alerts),
            (self.examples, records.read_training),
        ):
            read(SimpleNamespace(value=msgspec.json.encode(each)) for each in said)
        return decisions.retell(records)

    # -- the worker -----------------------------------------------------------------------

    async def work(self, *, to_the_end: bool = True) -> None:
        """Take what lies there into the store; or stop anywhere."""
        for partition in range(PARTITIONS):
            while await self._batch(partition) and (to_the_end or self.dice.random() < 0.8):
                pass

    async def _batch(self, partition: int) -> bool:
        """Commit one batch; return whether there may be more to do."""
        dice, mark = self.dice, self.marks[partition]
        records = self._next(partition)
        watermark = mark.watermark
        if self.wall and watermark >= 0 and dice.random() < 0.4:
            # It was idle: until just before these came, or for as long as nothing comes.
            clock = records[0].timestamp if records else watermark + dice.choice([HOUR, 3 * DAY])
            watermark = max(watermark, clock - SHOP.lateness)
        arrivals = [each for each in map(self._arrival, records) if each is not None]
        target = watermark_after(SHOP, arrivals, watermark)
        page = await self.store.read(
            partition, [a.event.user_id for a in arrivals], target, dice.choice([1, 5, 500])
        )
        book = {name: _customer(record) for name, record in page.records.items()}
        effects = handle(SHOP, JUDGE, arrivals, page.due, book, watermark)
        new = msgspec.structs.replace(
            mark,
            **{_PLACES[each.topic]: each.offset + 1 for each in records},
            epoch=mark.epoch + 1,
            watermark=effects.watermark,
            shape=SHOP.definition.fingerprint,
        )
        before = await self.store.mark(partition)
        assert await self.store.commit(
            partition,
            Commit(
                before,
                msgspec.json.encode(new),
                {name: _record(each) for name, each in effects.changed.items()},
                {name: each.due() for name, each in effects.changed.items()},
            ),
        )
        self.marks[partition] = new
        self.alerts += effects.alerts
        self.examples += effects.examples
        for passed in effects.passed:
            self._hand_over(passed)
        return bool(records or page.due)

    def _hand_over(self, passed: Passed) -> None:
        """What a visitor did arrives after all that lies there by then."""
        event, history = passed.handed
        lying = [each for log in (self.clickstream, self.rekeyed) for each in log.records]
        stamps = [records[-1].timestamp for records in lying if records]
        stamp = max(*stamps, self._clock()) + SECOND
        home = partition_of(event.user_id.encode(), PARTITIONS)
        self.rekeyed.put(home, encode_event(event), stamp, passed.timestamp, history)

    def _next(self, partition: int) -> list[Lying]:
        """Return the next records, in the order of arrival; or nearly, in ``disorder``."""
        mark = self.marks[partition]
        logs = [
            deque(log.records[partition][max(getattr(mark, _PLACES[log.topic]), 0) :])
            for log in (self.clickstream, self.rekeyed)
        ]
        taken: list[Lying] = []
        for _ in range(self.dice.choice([1, 3, 20, 100])):
            waiting = sorted(filter(None, logs), key=lambda log: log[0].timestamp)
            if not waiting:
                break
            early = self.disorder and self.dice.random() < 0.3
            taken.append(waiting[-1 if early else 0].popleft())
        return taken

    def _arrival(self, record: Lying) -> Arrival | None:
        event = decode_event(record.value)
        if partition_of(event.user_id.encode(), PARTITIONS) != record.partition:
            return None
        origin = origin_of(record.headers)
        if origin is None:
            return Arrival(record.offset, record.timestamp, event)
        came, history, promised = origin.timestamp, origin.history, origin.promised
        return Arrival(record.offset, came, event, history, promised)

    # -- accidents ------------------------------------------------------------------------

    async def change(self, customer: str, change: Any) -> None:
        """Let ``change`` do something to a customer in the store."""
        partition, stored = await self.look(customer)
        change(stored)
        await self.put(customer, _record(stored, always=True), stored.due(), partition)

    async def look(self, customer: str) -> tuple[int, Customer]:
        partition = partition_of(customer.encode(), PARTITIONS)
        look = await self.store.look(partition, [customer])
        return partition, _customer(look.records[customer])

    async def put(
        self, customer: str, record: Record, timer: Millis, partition: int | None = None
    ) -> None:
        """Write a record beside the log."""
        if partition is None:
            partition = partition_of(customer.encode(), PARTITIONS)
        mark = await self.store.mark(partition)
        commit = Commit(mark, mark or b"", {customer: record}, {customer: timer})
        assert await self.store.commit(partition, commit)

    def erase(self, customer: str) -> None:
        """Let Redis forget a customer."""
        held = self.store._of(partition_of(customer.encode(), PARTITIONS))
        del held.records[customer]
        held.timers.pop(customer, None)


def _customer(record: Record) -> Customer:
    state, ledger = record
    return Customer(
        CustomerState(SHOP.definition) if state is None else decode_state(state, SHOP.definition),
        Ledger() if ledger is None else Ledger.decode(ledger),
        new=state is None,
    )


def _record(customer: Customer, *, always: bool = False) -> Record:
    return Record(
        encode_state(customer.state) if customer.state_changed or always else None,
        customer.ledger.encode() if customer.ledger_changed or always else None,
    )


def regular_events(customers: int = 6, visits: int = 12) -> list[Event]:
    """Return the events of customers who come every few days, in the order of their time."""
    events = [
        Event(
            event_id=f"{who}-{visit}-{what}",
            user_id=f"user-{who}",
            type=what,
            time=START + visit * (who + 2) * DAY + who * HOUR + place * 60_000,
            amount=9.5 + who,
        )
        for who in range(customers)
        for visit in range(visits)
        for place, what in enumerate(("product_viewed", "purchase"))
    ]
    return sorted(events, key=lambda event: event.at)


__all__ = ["JUDGE", "PARTITIONS", "SHOP", "START", "SmallShop", "regular_events"]
