"""A worker in miniature: it reads, handles and commits the batches of one partition."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from features import (
    DAY,
    HOUR,
    CustomerState,
    Definition,
    Millis,
    build_catalogue,
    decode_state,
    encode_state,
)
from features.store import Commit, MemoryStore, Record
from models.deciding import Alert, Ledger, Policy, Prediction
from models.judging import Explainer
from models.learning import Judge, TrainingExample
from streams.pipeline import (
    NO_WATERMARK,
    Arrival,
    Customer,
    Effects,
    Refusal,
    Shop,
    handle,
    watermark_after,
)


def shop_with(definition: Definition | None = None, **rules: Any) -> Shop:
    definition = definition or Definition()
    policy = rules.pop("policy", Policy(threshold=0.5, cooldown=10 * DAY, holdout=0.4))
    rules = {"lateness": HOUR, "skew": DAY, "max_pending": 1_000, **rules}
    return Shop(definition, build_catalogue(definition), policy, Explainer(), **rules)


@dataclass
class Run:
    """What a whole log brought about, and the store that it left behind."""

    alerts: list[Alert] = field(default_factory=list)
    examples: list[TrainingExample] = field(default_factory=list)
    #: For each example, the watermark at which it left.
    left_at: list[Millis] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    watermark: Millis = NO_WATERMARK
    records: dict[str, Record] = field(default_factory=dict)

    def ledger(self, user: str) -> Ledger:
        record = self.records.get(user, Record())
        return Ledger() if record.ledger is None else Ledger.decode(record.ledger)

    def pending(self) -> list[tuple[str, Prediction]]:
        return [(user, each) for user in sorted(self.records) for each in self.ledger(user).pending]


class Worker:
    """Reads, handles and commits batches of one partition, as the live worker does."""

    def __init__(self, shop: Shop, judge: Judge, limit: int) -> None:
        self.shop, self.judge, self.limit = shop, judge, limit
        self.store = MemoryStore()
        self.run = Run()
        self.mark: bytes | None = None

    async def batch(self, arrivals: Sequence[Arrival]) -> int:
        """Handle a batch; return how many timers were due."""
        shop, run = self.shop, self.run
        after = watermark_after(shop, arrivals, run.watermark)
        names = {arrival.event.user_id for arrival in arrivals}
        page = await self.store.read(0, sorted(names), after, self.limit)
        book = {name: self.customer(record) for name, record in page.records.items()}
        effects = self.handle(shop, self.judge, arrivals, page.due, book, run.watermark)
        assert effects.watermark == after
        await self.commit(effects)
        run.alerts += effects.alerts
        run.examples += effects.examples
        run.left_at += [effects.watermark] * len(effects.examples)
        run.refused += effects.refused
        run.counts.update(effects.counts)
        run.watermark = effects.watermark
        return len(page.due)

    def handle(self, *batch: Any) -> Effects:
        return handle(*batch)

    def customer(self, record: Record) -> Customer:
        definition = self.shop.definition
        new = record.state is None
        state = CustomerState(definition) if new else decode_state(record.state or b"", definition)
        ledger = Ledger() if record.ledger is None else Ledger.decode(record.ledger)
        return Customer(state, ledger, new=new)

    async def commit(self, effects: Effects) -> None:
        records = {}
        timers = {}
        for name, customer in effects.changed.items():
            state = encode_state(customer.state) if customer.state_changed else None
            ledger = customer.ledger.encode() if customer.ledger_changed else None
            if state or ledger:
                records[name] = Record(state, ledger)
            timers[name] = customer.due()
        mark = b"%d" % (int(self.mark or b"0") + 1)
        assert await self.store.commit(0, Commit(self.mark, mark, records, timers))
        self.mark = mark

    async def finish(self) -> Run:
        while await self.batch([]):
            pass
        self.run.records = {name: record async for name, record in self.store.customers(0)}
        return self.run


def run_through(
    shop: Shop,
    judge: Judge,
    log: Sequence[Arrival],
    cuts: Sequence[tuple[int, bool]] = (),
    limit: int = 500,
) -> Run:
    """Take a log through the pipeline.

    ``cuts`` are sizes of batches, and whether all timers that are due fire before the next one;
    what is left of the log is the last batch.
    """

    async def all_of_it() -> Run:
        worker = Worker(shop, judge, limit)
        place = 0
        for size, drain in cuts:
            await worker.batch(log[place : place + size])
            place += size
            while drain and await worker.batch([]):
                pass
        await worker.batch(log[place:])
        return await worker.finish()

    return asyncio.run(all_of_it())
