"""Some customers' events, so that a report can tell what happened to them.

Who is told of goes by the hash of the name, so that the choice is fair, needs no second pass, and
is the same for the same seed. Of each, what happened last; no texts, no items, no traits.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from features import Millis
from streams.pipeline import Arrival
from streams.report import arrow, writing

#: Customers who are told of, and events of each.
MOST_CUSTOMERS: Final = 400
MOST_EVENTS: Final = 300


class Happening(NamedTuple):
    """An event as far as it is told.

    Parameters
    ----------
    at
        When.
    type
        What.
    amount
        What it was worth; None if it carried no money.
    """

    at: Millis
    type: str
    amount: float | None


class Stories:
    """Keeps the last events of the customers whose hashes are lowest.

    Parameters
    ----------
    seed
        Another seed tells of others.
    skew
        How far after its arrival an event's own time may lie, in milliseconds; others are left
        out.
    customers, events
        Most customers, and most events of each.

    Examples
    --------
    >>> from features import Event
    >>> stories = Stories(seed=0, skew=0, customers=1, events=2)
    >>> for number, name in enumerate(("ada", "grace", "grace", "ada", "grace")):
    ...     event = Event(event_id=str(number), user_id=name, type="visit", time=number)
    ...     stories.note([Arrival(number, number, event)])
    >>> {name: [each.at for each in story] for name, story in stories.told().items()}
    {'grace': [2, 4]}
    """

    def __init__(
        self,
        seed: int,
        skew: Millis,
        customers: int = MOST_CUSTOMERS,
        events: int = MOST_EVENTS,
    ) -> None:
        self._salt = f"story|{seed}|"
        self._skew = skew
        self._customers = customers
        self._events = events
        #: By event id, so that what comes again is told once.
        self._kept: dict[str, dict[str, Happening]] = {}
        #: The hashes of those who are kept, the highest first; negative, for the heap.
        self._highest: list[tuple[int, str]] = []
        self._seen: set[str] = set()

    def note(self, arrivals: Iterable[Arrival]) -> None:
        """Take note of events, in the order in which they arrived."""
        for arrival in arrivals:
            event = arrival.event
            at = event.at
            if at > arrival.timestamp + self._skew:
                continue
            name = event.user_id
            if name not in self._seen:
                self._seen.add(name)
                self._consider(name)
            story = self._kept.get(name)
            if story is None or event.event_id in story:
                continue
            worth = event.amount is not None or event.price is not None
            story[event.event_id] = Happening(at, event.type, event.value if worth else None)
            # Now and then: to look for the earliest at every event costs more than a replay.
            if len(story) >= 2 * self._events:
                self._cut(story)

    def _consider(self, name: str) -> None:
        """Keep a new customer, if need be instead of the one with the highest hash.

        Who has been passed over or left out once is so for good, so a story lacks no beginning.
        """
        digest = blake2b(f"{self._salt}{name}".encode(), digest_size=8).digest()
        entry = (-int.from_bytes(digest, "big"), name)
        if len(self._highest) < self._customers:
            heapq.heappush(self._highest, entry)
        else:
            _, gone = heapq.heappushpop(self._highest, entry)
            if gone == name:
                return
            del self._kept[gone]
        self._kept[name] = {}

    def _cut(self, story: dict[str, Happening]) -> None:
        """Leave out the earliest of a story that has become too long."""
        too_many = len(story) - self._events
        if too_many > 0:
            for event_id in sorted(story, key=lambda event_id: story[event_id].at)[:too_many]:
                del story[event_id]

    def told(self) -> dict[str, list[Happening]]:
        """Return the stories by name, each in the order of time."""
        for story in self._kept.values():
            self._cut(story)
        return {
            name: sorted(story.values(), key=lambda each: each.at)
            for name, story in sorted(self._kept.items())
        }

    def write(self, path: Path) -> None:
        """Write ``stories.parquet``."""
        pa, parquet = arrow()
        schema = pa.schema(
            [
                ("customer", pa.string()),
                ("at", pa.timestamp("ms", tz="UTC")),
                ("type", pa.string()),
                ("amount", pa.float64()),
            ]
        )
        rows = [(name, *each) for name, story in self.told().items() for each in story]
        columns = zip(*rows, strict=True) if rows else ([] for _ in schema.names)
        table = pa.table(dict(zip(schema.names, columns, strict=True)), schema=schema)
        with writing(path):
            parquet.write_table(table, path)
