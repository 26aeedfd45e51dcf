"""The worker's side of the stream: one read, one pure `handling`, one fenced commit a batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from features import (
    MINUTE,
    CustomerState,
    Millis,
    Trail,
    UnknownVersion,
    decode_state,
    encode_state,
    is_visitor,
)
from features.store import Record, Store
from models.deciding import Ledger
from models.learning import Judge
from models.limits import Limits, MemoryLimits
from streams.live.clock import Clock
from streams.live.cursor import Chunk, Log, Offsets
from streams.live.held import Held
from streams.live.intake import Intake, astray, recent_after
from streams.live.messages import alert_message, example_message
from streams.live.relay import Relay
from streams.live.stopping import NewerVersion, Unreadable
from streams.pipeline import (
    NO_WATERMARK,
    Customer,
    Effects,
    Handling,
    Shop,
    handling,
    watermark_after,
)

#: Customers kept in memory for one partition; the store has them all.
CACHED: Final = 20_000
#: Bytes of a visitor's trail from which on the visitor is read again when the next event comes:
#: visitors are many, and with the longest of trails the cache would be as large as the store.
_LONG_TRAIL: Final = 8 * 1024
#: How far the clock alone moves a watermark before that is worth a commit.
PASSED: Final = MINUTE


@dataclass(frozen=True)
class Pace:
    """How much a worker takes at once, and whether time passes without events.

    Parameters
    ----------
    batch
        Most records in one batch.
    timers
        Most customers whose timers fire in one batch.
    wall
        Whether an idle partition's watermark follows the clock.
    invalid_cap
        Share of messages that cannot be used from which on the line stops.
    accept_gap
        Whether to go on when the log no longer holds what comes next.
    """

    batch: int
    timers: int
    wall: bool
    invalid_cap: float = 1.0
    accept_gap: bool = False


class ClickstreamReader:
    """Handles the chunks of ``clickstream`` and of ``clickstream-rekeyed``.

    Parameters
    ----------
    topics
        Full names of the two.
    rules
        Returns the rules of now; what they say of the shape of the state never changes.
    store
        Where the customers are.
    relay
        Publishes what a batch brings about.
    judge
        Returns the model of now.
    pace
        How much at once.
    partitions
        Returns the number of partitions of the topics.
    clock
        The time of now; for idle partitions only.
    limits
        What the shop may spend and do, which all workers share.
    """

    def __init__(
        self,
        topics: tuple[str, str],
        rules: Callable[[], Shop],
        store: Store,
        relay: Relay,
        judge: Callable[[], Judge],
        pace: Pace,
        partitions: Callable[[], int],
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self.batch = pace.batch
        self.topics: tuple[str, ...] = topics
        self._intake = Intake(topics[0])
        self._rules = rules
        self._store = store
        self._relay = relay
        self._judge = judge
        self._pace = pace
        self._partitions = partitions
        self._clock = clock
        self._limits: Limits = limits or MemoryLimits()

    async def open(self, partition: int, logs: Mapping[str, Log]) -> tuple[Offsets, Any]:
        """Return where the state of a partition stands."""
        data = await self._store.mark(partition)
        held = Held(self._store, partition, data, self._rules().definition.fingerprint)
        held.expect_partitions(self._partitions())
        places = await held.places(
            dict(zip(self.topics, (held.mark.offset, held.mark.rekeyed), strict=True)),
            logs,
            accept_gap=self._pace.accept_gap,
        )
        await held.recover_outbox()
        if not await held.has_its_timers():
            await held.rearm({name: due async for name, due in self._timers(partition)})
        self._relay.take(partition, held)
        return places, _Hand(held)

    def let_go(self, partition: int) -> None:
        """Stop publishing for a partition."""
        self._relay.let_go(partition)

    async def finish(self) -> None:
        """Publish what waits."""
        await self._relay.finish()

    async def handle(self, chunk: Chunk) -> None:
        """Take a chunk through the pipeline and store its effects.

        When more timers are due than one batch takes, those that are left wait for no longer than
        it takes, and events do not wait for them: the next chunk of the partition comes first. Of
        a customer who is in it, the timers that are due fire before the event, as always.
        """
        hand: _Hand = chunk.cursor.held
        await hand.held.wait_for_room()
        watermark = self._watermark(chunk, hand.held.mark.watermark)
        more = await self._step(hand, chunk, chunk.records, watermark)
        while more and chunk.cursor.queued <= 1:
            await asyncio.sleep(0)
            more = await self._step(hand, chunk, (), hand.held.mark.watermark)

    def _watermark(self, chunk: Chunk, watermark: Millis) -> Millis:
        """Return the watermark before the batch: an idle partition's follows the clock."""
        idle = self._pace.wall and chunk.caught_up and not chunk.records
        if idle and watermark != NO_WATERMARK:
            return max(watermark, self._clock() - self._rules().lateness)
        return watermark

    async def _step(
        self, hand: _Hand, chunk: Chunk, records: Sequence[Any], watermark: Millis
    ) -> bool:
        """Handle one batch; return whether more timers are due than it took."""
        held, book, shop, intake = hand.held, hand.book, self._rules(), self._intake
        offset, rekeyed = (chunk.end[topic] for topic in self.topics)
        read = intake.read(records)
        names = read.customers()
        target = watermark_after(shop, read.arrivals, watermark)
        missing = [name for name in names if name not in book]
        page = await held.store.read(held.partition, missing, target, self._pace.timers)
        self._clock.hear(page.time)
        self._load(book, page.records, (*missing, *page.due))
        unknown = (name for name in names if book[name].new)
        away = astray(unknown, held.partition, self._partitions())
        sorted_out = intake.sort(records, read, away)
        arrivals = sorted_out.arrivals
        if away:
            for name in away:
                del book[name]
            target = watermark_after(shop, arrivals, watermark)
        mark = held.mark
        moved = (offset, rekeyed, held.topics) != (mark.offset, mark.rekeyed, mark.topics)
        passed = target - mark.watermark >= PASSED
        if not (arrivals or page.due or moved or passed or held.untrimmed):
            return False
        under_way = handling(shop, self._judge(), arrivals, page.due, book, watermark)
        effects = await self._finished(under_way, watermark)
        intake.refuse_all(sorted_out, records, effects.refused)
        intake.pass_on(sorted_out, records, effects.passed)
        recent = recent_after(
            mark.recent,
            sorted_out.good,
            sorted_out.bad,
            self._pace.invalid_cap,
            sorted_out.last_reason,
        )
        counts = sorted_out.counts
        counts.update(effects.counts)
        await held.commit(
            offset=offset,
            rekeyed=rekeyed,
            watermark=effects.watermark,
            partitions=self._partitions(),
            recent=recent,
            records={name: _changes(customer) for name, customer in effects.changed.items()},
            timers={name: customer.due() for name, customer in effects.changed.items()},
            messages=[
                *map(alert_message, effects.alerts),
                *map(example_message, effects.examples),
                *sorted_out.messages,
            ],
            counts=counts,
        )
        for name, customer in effects.changed.items():
            customer.state_changed = customer.ledger_changed = False
            trail = customer.state.trail
            if trail is not None and trail.size > _LONG_TRAIL:
                del book[name]
        self._relay.wake()
        if len(book) > CACHED:
            for name in list(book)[: CACHED // 2]:
                del book[name]
        return len(page.due) >= self._pace.timers

    async def _finished(self, under_way: Handling, watermark: Millis) -> Effects:
        """Bring the answers that a batch waits for, and return what comes of it.

        What is granted is set aside before the batch is stored. Who dies between the two decides
        the same again, under the same ids, and finds it set aside.
        """
        try:
            asked = next(under_way)
            while True:
                asked = under_way.send(await self._limits.reserve(asked, watermark))
        except StopIteration as done:
            effects: Effects = done.value
            return effects

    async def _timers(self, partition: int) -> AsyncIterator[tuple[str, Millis]]:
        """Yield when each customer of a partition is due, as their states say."""
        async for name, record in self._store.customers(partition):
            yield name, self._customer(record).due()

    def _load(self, book: dict[str, Customer], records: Any, names: Iterable[str]) -> None:
        for name in names:
            if name not in book:
                customer = book[name] = self._customer(records[name])
                # One who was stored before trails were kept has one from now on.
                if customer.state.trail is None and is_visitor(name):
                    customer.state.trail = Trail()

    def _customer(self, record: Record) -> Customer:
        definition = self._rules().definition
        state, ledger = record
        try:
            return Customer(
                CustomerState(definition) if state is None else decode_state(state, definition),
                Ledger() if ledger is None else Ledger.decode(ledger),
                new=state is None,
            )
        except UnknownVersion as error:
            raise NewerVersion(f"what Redis holds of a customer: {error}") from None
        except (ValueError, TypeError, LookupError, msgspec.MsgspecError) as error:
            # Not the name: that is for whoever asks with a command of their own.
            raise Unreadable(
                f"what Redis holds of a customer cannot be read ({error}). Find out of which "
                "one with: ebb verify --all"
            ) from None


class _Hand:
    """A partition in a worker's hand: its mark and outbox, and the customers in memory."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self.book: dict[str, Customer] = {}


def _changes(customer: Customer) -> Record:
    return Record(
        encode_state(customer.state) if customer.state_changed else None,
        customer.ledger.encode() if customer.ledger_changed else None,
    )
