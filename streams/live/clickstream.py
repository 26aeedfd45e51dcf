"""The worker's side of the stream: one read, one pure `handle`, one fenced commit a batch."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from features import (
    MINUTE,
    CustomerState,
    InvalidEvent,
    Millis,
    decode_event,
    decode_state,
    encode_state,
)
from features.store import Record, Store
from models.deciding import Ledger
from models.learning import Judge
from streams.deadletters import DeadLetter
from streams.live.chunks import Chunk
from streams.live.held import Held
from streams.live.messages import Message, alert_message, example_message, letter_message
from streams.live.relay import Relay
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Shop, handle, watermark_after
from streams.topics import partition_of

logger = logging.getLogger(__name__)

#: Customers kept in memory for one partition; the store has them all.
CACHED: Final = 20_000
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
    """

    batch: int
    timers: int
    wall: bool


class ClickstreamReader:
    """Handles the chunks of ``clickstream``.

    Parameters
    ----------
    shop
        The rules.
    store
        Where the customers are.
    relay
        Publishes what a batch brings about.
    judge
        Returns the model of now.
    pace
        How much at once.
    partitions
        Returns the number of partitions of the topic.
    clock
        The time of now, in milliseconds; for idle partitions only.
    """

    def __init__(
        self,
        shop: Shop,
        store: Store,
        relay: Relay,
        judge: Callable[[], Judge],
        pace: Pace,
        partitions: Callable[[], int],
        clock: Callable[[], Millis],
    ) -> None:
        self.batch = pace.batch
        self._shop = shop
        self._store = store
        self._relay = relay
        self._judge = judge
        self._pace = pace
        self._partitions = partitions
        self._clock = clock

    async def open(self, tp: Any) -> tuple[int | None, Any]:
        """Return where the state of a partition stands."""
        data = await self._store.mark(tp.partition)
        held = Held(self._store, tp.partition, data, self._shop.definition.fingerprint)
        await held.recover_outbox()
        self._relay.take(tp, held)
        offset = held.mark.offset
        return (offset if offset >= 0 else None), _Hand(held)

    def let_go(self, tp: Any) -> None:
        """Stop publishing for a partition."""
        self._relay.let_go(tp)

    async def handle(self, chunk: Chunk) -> int:
        """Take a chunk through the pipeline and store its effects."""
        hand: _Hand = chunk.cursor.held
        held = hand.held
        await held.wait_for_room()
        arrivals, letters, counts = self._decode(chunk, hand)
        offset = chunk.records[-1].offset + 1 if chunk.records else chunk.cursor.committed
        watermark = self._watermark(chunk, held.mark.watermark)
        while True:
            more = await self._step(hand, arrivals, letters, counts, offset, watermark)
            if not more:
                return offset
            arrivals, letters, counts = [], [], Counter()
            watermark = held.mark.watermark
            await asyncio.sleep(0)

    def _watermark(self, chunk: Chunk, watermark: Millis) -> Millis:
        """Return the watermark before the batch: an idle partition's follows the clock."""
        idle = self._pace.wall and chunk.caught_up and not chunk.records
        if idle and watermark != NO_WATERMARK:
            return max(watermark, self._clock() - self._shop.lateness)
        return watermark

    async def _step(
        self,
        hand: _Hand,
        arrivals: list[Arrival],
        letters: list[Message],
        counts: Counter[str],
        offset: int,
        watermark: Millis,
    ) -> bool:
        """Handle one batch; return whether more timers are due than it took."""
        held, book, shop = hand.held, hand.book, self._shop
        target = watermark_after(shop, arrivals, watermark)
        missing = [name for name in {a.event.user_id for a in arrivals} if name not in book]
        page = await held.store.read(held.partition, missing, target, self._pace.timers)
        moved = offset > held.mark.offset or target - held.mark.watermark >= PASSED
        if not (arrivals or letters or page.due or moved or held.untrimmed):
            return False
        self._load(book, page.records, (*missing, *page.due))
        effects = handle(shop, self._judge(), arrivals, page.due, book, watermark)
        counts.update(effects.counts)
        for refusal in effects.refused:
            letters.append(hand.letter(refusal.offset, refusal.reason, refusal.field))
        await held.commit(
            offset=offset,
            watermark=effects.watermark,
            partitions=self._partitions(),
            records={name: _changes(customer) for name, customer in effects.changed.items()},
            timers={name: customer.due() for name, customer in effects.changed.items()},
            messages=[
                *map(alert_message, effects.alerts),
                *map(example_message, effects.examples),
                *letters,
            ],
            counts=counts,
        )
        for customer in effects.changed.values():
            customer.state_changed = customer.ledger_changed = False
        self._relay.wake()
        if len(book) > CACHED:
            for name in list(book)[: CACHED // 2]:
                del book[name]
        return len(page.due) >= self._pace.timers

    def _load(self, book: dict[str, Customer], records: Any, names: Iterable[str]) -> None:
        definition = self._shop.definition
        for name in names:
            if name in book:
                continue
            state, ledger = records[name]
            book[name] = Customer(
                CustomerState(definition) if state is None else decode_state(state, definition),
                Ledger() if ledger is None else Ledger.decode(ledger),
                new=state is None,
            )

    def _decode(
        self, chunk: Chunk, hand: _Hand
    ) -> tuple[list[Arrival], list[Message], Counter[str]]:
        """Decode at the edge: from here on, events are trusted; the rest are dead letters."""
        arrivals: list[Arrival] = []
        letters: list[Message] = []
        counts: Counter[str] = Counter()
        hand.records = {}
        here, partitions = chunk.cursor.tp.partition, self._partitions()
        for record in chunk.records:
            hand.records[record.offset] = record
            try:
                event = decode_event(record.value)
                if event.user_id not in hand.book and (
                    partition_of(event.user_id.encode(), partitions) != here
                ):
                    raise InvalidEvent(
                        "lies on a partition that is not its customer's: the producer must key "
                        "by user_id with the murmur2 partitioner",
                        "user_id",
                    )
            except InvalidEvent as error:
                letters.append(hand.letter(record.offset, error.reason, error.field))
                counts["invalid"] += 1
            else:
                arrivals.append(Arrival(record.offset, record.timestamp, event))
        return arrivals, letters, counts


class _Hand:
    """A partition in a worker's hand: its mark and outbox, and the customers in memory."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self.book: dict[str, Customer] = {}
        #: The records of the batch under way, for its dead letters.
        self.records: dict[int, Any] = {}

    def letter(self, offset: int, reason: str, field: str) -> Message:
        """Return the dead letter of a record."""
        record = self.records[offset]
        letter = DeadLetter(
            reason=reason,
            field=field,
            topic=record.topic,
            partition=record.partition,
            offset=offset,
            timestamp=record.timestamp,
        )
        return letter_message(letter, record.key, record.value)


def _changes(customer: Customer) -> Record:
    return Record(
        encode_state(customer.state) if customer.state_changed else None,
        customer.ledger.encode() if customer.ledger_changed else None,
    )
