"""The input of every measurement: shoppers who come in sessions, a few of them very often.

How often a customer comes follows Zipf's law. The same arguments give the same bytes, whoever
measures; so all peers work on the same input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.topics import partition_of

END: Final = 1_767_225_600_000
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

#: Events of a session, on average, and the time between two of them.
_SESSION: Final = 8
_PAUSE: Final = 45_000
_TYPES: Final = (
    "product_viewed",
    "page_viewed",
    "searched",
    "product_added",
    "purchase",
    "complaint",
)
_SHARES: Final = (0.55, 0.2, 0.118, 0.1, 0.03, 0.002)
_CATEGORIES: Final = ("garden", "kitchen", "bedroom", "outdoor", "lighting")


@dataclass(frozen=True)
class Mix:
    """What is measured with.

    ``late`` and ``repeated`` are shares: events whose own time lies hours before their arrival,
    and events that are sent twice. ``days`` is how much event time passes.
    """

    events: int = 200_000
    customers: int = 20_000
    partitions: int = 4
    days: float = 2.0
    seed: int = 7
    late: float = 0.0
    repeated: float = 0.0


@dataclass(frozen=True)
class Message:
    """A record to be sent."""

    partition: int
    key: bytes
    value: bytes


def customer(number: int) -> str:
    """Return a customer's id."""
    return f"customer-{number:07d}"


class Homes:
    """Knows the partition of each customer; murmur2 in Python is slow, so each is asked once."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._known: dict[bytes, int] = {}

    def __getitem__(self, key: bytes) -> int:
        home = self._known.get(key)
        if home is None:
            home = self._known[key] = partition_of(key, self._partitions)
        return home


def messages(mix: Mix) -> Iterator[Message]:
    """Return the records in the order of their arrival."""
    rng = np.random.default_rng(mix.seed)
    sent_once = round(mix.events / (1 + mix.repeated))
    who, at = _visits(rng, mix, sent_once)
    kinds = rng.choice(len(_TYPES), size=sent_once, p=_SHARES)
    prices = np.round(np.exp(rng.normal(3.2, 0.9, sent_once)), 2)
    items = rng.integers(0, 50_000, sent_once)
    late = rng.random(sent_once) < mix.late
    at = np.where(late, at - rng.integers(2 * HOUR, 8 * HOUR, sent_once), at)
    again = np.sort(rng.choice(sent_once, mix.events - sent_once, replace=True))
    homes, repeat = Homes(mix.partitions), 0
    rows = zip(who.tolist(), at.tolist(), kinds.tolist(), prices.tolist(), items, strict=True)
    for place, (number, time, kind, price, item) in enumerate(rows):
        name = customer(number)
        message = Message(
            homes[key := name.encode()], key, event(place, name, time, _TYPES[kind], price, item)
        )
        yield message
        while repeat < len(again) and again[repeat] == place:
            repeat += 1
            yield message


def event(place: int, name: str, time: int, kind: str, price: float, item: int) -> bytes:
    """Return an event of about 180 bytes."""
    return (
        f'{{"event_id":"e-{place:09d}","user_id":"{name}","type":"{kind}","time":{time},'
        f'"item_id":"sku-{item:05d}","category":"{_CATEGORIES[item % 5]}","price":{price},'
        f'"quantity":1,"currency":"EUR"}}'
    ).encode()


def _visits(rng: np.random.Generator, mix: Mix, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return who does something and when, in order of time."""
    lengths = rng.geometric(1 / _SESSION, size=count // _SESSION * 2 + 10)
    lengths = lengths[: int(np.searchsorted(np.cumsum(lengths), count)) + 1]
    weights = 1 / np.arange(1, mix.customers + 1)
    ranks = rng.choice(mix.customers, size=len(lengths), p=weights / weights.sum())
    names = rng.permutation(mix.customers)[ranks]
    starts = np.sort(rng.integers(END - int(mix.days * DAY), END, len(lengths)))
    who = np.repeat(names, lengths)[:count]
    pauses = np.maximum(rng.exponential(_PAUSE, len(who)), 1)
    passed = np.cumsum(pauses)
    first = np.cumsum(lengths) - lengths
    within = passed - np.repeat(passed[first], lengths)[:count]
    at = np.repeat(starts, lengths)[:count] + within.astype(np.int64)
    order = np.argsort(at, kind="stable")
    return who[order], at[order]


def one_each(
    customers: int, partitions: int, at: int, kind: str = "page_viewed"
) -> Iterator[Message]:
    """Return one event of every customer, all at the same moment."""
    homes = Homes(partitions)
    for number in range(customers):
        name = customer(number)
        key = name.encode()
        yield Message(
            homes[key], key, event(900_000_000 + number, name, at, kind, 10.0, number % 50_000)
        )
