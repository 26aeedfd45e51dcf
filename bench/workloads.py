"""What the benchmarks run on: events of simulated shops, the same every time."""

from __future__ import annotations

import random

from features import DAY, SECOND, Event
from streams.demo import Shop as Shoppers

END = 1_767_225_600_000
_BROWSING = ("product_viewed",) * 14 + ("searched",) * 2 + ("page_viewed",) * 2 + ("product_added",)


def shoppers(count: int) -> list[Event]:
    """Return half a year of the demo's shoppers: six decisions in ten events."""
    return list(Shoppers(seed=7, end=END, shoppers=count).events())


def crowd(count: int, customers: int = 1_000, visit: int = 300, days: int = 40) -> list[Event]:
    """Return the clicks of a crowd whose members come by Zipf's law: one decision in 100 events.

    Long visits of many clicks, and few customers for so many: what is measured is the way of an
    event, and not what is said of a customer.
    """
    chance = random.Random(7)
    shares = [1 / (place + 1) for place in range(customers)]
    rows = []
    for number, name in enumerate(chance.choices(range(customers), shares, k=count // visit)):
        at = END - days * DAY + int(chance.random() * days * DAY)
        for click in range(visit):
            kind = chance.choice(_BROWSING)
            if click == visit - 1 and chance.random() < 0.3:
                kind = "purchase"
            rows.append((at, f"{number}-{click}", f"customer-{name}", kind))
            at += chance.randrange(1, 20) * SECOND
    rows.sort()
    return [
        Event(
            event_id=name,
            user_id=customer,
            type=kind,
            time=at,
            amount=20.0 if kind == "purchase" else None,
        )
        for at, name, customer, kind in rows
    ]
