"""The pure pipeline on its own: what the work costs without Kafka, Redis and the event loop.

``python -m bench.inprocess CUSTOMERS EVENTS`` measures one size in a process of its own, so that
its memory is its own, and prints JSON.
"""

from __future__ import annotations

import heapq
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from bench.shopping import DAY, END, Mix, messages, one_each
from features import CustomerState, decode_event
from models.deciding import Ledger
from models.registry import prior_judge
from streams.composition import shop_of, task_of
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, Shop, handle, watermark_after
from streams.settings import load_settings

_BATCH = 1_000
#: Most customers whose timers fire in one batch, as in a worker.
_TIMERS = 200


class Hand:
    """All customers of one partition, in memory, with their timers."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._judge = prior_judge(task_of(shop))
        self.book: dict[str, Customer] = {}
        self._timers: list[tuple[int, str]] = []
        self._watermark = NO_WATERMARK

    def take(self, values: Iterable[bytes]) -> Effects:
        """Take a batch through the pipeline, as a worker does."""
        shop, book = self._shop, self.book
        arrivals = []
        for place, value in enumerate(values):
            event = decode_event(value)
            arrivals.append(Arrival(place, event.at, event))
            if event.user_id not in book:
                book[event.user_id] = Customer(CustomerState(shop.definition), Ledger(), new=True)
        target = watermark_after(shop, arrivals, self._watermark)
        due = set()
        while self._timers and self._timers[0][0] <= target and len(due) < _TIMERS:
            due.add(heapq.heappop(self._timers)[1])
        effects = handle(shop, self._judge, arrivals, due, book, self._watermark)
        self._watermark = effects.watermark
        for name, customer in effects.changed.items():
            heapq.heappush(self._timers, (customer.due(), name))
        return effects

    @property
    def behind(self) -> bool:
        """Whether timers are due that the last batch did not take."""
        return bool(self._timers) and self._timers[0][0] <= self._watermark


def run_through(shop: Shop, values: Iterable[bytes], hand: Hand | None = None) -> Iterator[Effects]:
    """Take events through the pipeline in batches."""
    hand, rest = hand or Hand(shop), iter(values)
    while batch := list(islice(rest, _BATCH)):
        yield hand.take(batch)
        while hand.behind:
            yield hand.take(())


def measure(customers: int, events: int) -> dict[str, float]:
    """Return events a second and memory with so many customers known before."""
    shop = shop_of(load_settings(environ={"EBB_CLOCK": "events"}).settings)
    hand = Hand(shop)
    before = _resident()
    known = (each.value for each in one_each(customers, 1, END - 3 * DAY))
    while batch := list(islice(known, _BATCH)):
        hand.take(batch)
    values = [each.value for each in messages(Mix(events, customers, 1))]
    # The first events find everybody's first session over, and close it: not what is measured.
    hand.take(values[:1])
    while hand.behind:
        hand.take(())
    memory = _resident() - before
    began = time.perf_counter()
    for first in range(1, len(values), _BATCH):
        hand.take(values[first : first + _BATCH])
        while hand.behind:
            hand.take(())
    seconds = time.perf_counter() - began
    return {
        "customers": customers,
        "events": events,
        "rate": (events - 1) / seconds,
        "memory": memory,
        "memory_each": memory / customers,
    }


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
