"""The stream of a seeded shop: regulars and strangers, late events, repeats, and rubbish."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from features import DAY, HOUR, MINUTE, Event, Millis, encode_event
from streams.topics import partition_of

#: When the stream begins; long ago, so that nothing in it lies in the future.
START: Millis = 1_672_531_200_000
#: How long it lasts, in event time, however many events there are.
SPAN: Millis = 60 * DAY
_TYPES = (
    *("page_viewed",) * 6,
    *("product_viewed",) * 6,
    *("product_added", "searched", "purchase"),
    *("complaint", "review", "something_new"),
)


class Letter(NamedTuple):
    """A message to be sent; ``partition`` where the key does not say it."""

    key: bytes | None
    value: bytes
    partition: int | None = None


def letters(
    dice: random.Random, count: int, partitions: int, *, foreign: float = 0.0
) -> Iterator[Letter]:
    """Return the messages of a stream.

    ``foreign`` is the share of customers whose producer has librdkafka's partitioner: all that
    they do lies where CRC32 says.
    """
    # Each customer about ten events: a regular has hundreds, most come for a while.
    customers = [f"shopper-{number}" for number in range(max(count // 10, 40))]
    weights = [dice.paretovariate(1.2) for _ in customers]
    strangers = {name for name in customers if dice.random() < foreign}
    lately: list[Letter] = []
    for number in range(count):
        if dice.random() < 0.01:
            yield _rubbish(dice, number, partitions)
            continue
        if lately and dice.random() < 0.01:
            yield dice.choice(lately)
            continue
        [name] = dice.choices(customers, weights)
        at = START + SPAN * number // count
        if dice.random() < 0.05:
            at = max(at - dice.randint(0, 3 * HOUR), START)
        value = encode_event(_event(dice, f"{number}", name, at))
        where = partition_of_librdkafka(name.encode(), partitions) if name in strangers else None
        letter = Letter(name.encode(), value, where)
        lately = [*lately[-50:], letter]
        yield letter


def closing(partitions: int, at: Millis) -> list[Letter]:
    """Return one event for each partition: time passes everywhere."""
    found: dict[int, Letter] = {}
    number = 0
    while len(found) < partitions:
        name = f"closing-{number}"
        event = Event(event_id="closing", user_id=name, type="page_viewed", time=at)
        place = partition_of(name.encode(), partitions)
        found.setdefault(place, Letter(name.encode(), encode_event(event), place))
        number += 1
    return list(found.values())


def partition_of_librdkafka(key: bytes, partitions: int) -> int:
    """Return where librdkafka's ``consistent`` partitioner, its default for keys, sends a key."""
    return zlib.crc32(key) % partitions


def _event(dice: random.Random, number: str, name: str, at: Millis) -> Event:
    kind = dice.choice(_TYPES)
    return Event(
        event_id=number,
        user_id=name,
        type=kind,
        time=at + dice.randint(0, MINUTE),
        amount=round(dice.uniform(1, 200), 2) if kind == "purchase" else None,
        rating=float(dice.randint(1, 5)) if kind == "review" else None,
        item_id=f"item-{dice.randint(1, 50)}",
        category=f"shelf-{dice.randint(1, 5)}",
    )


def _rubbish(dice: random.Random, number: int, partitions: int) -> Letter:
    """Return what cannot be used; no two are alike, so that each can be told from the others."""
    good = {"event_id": f"bad-{number}", "user_id": "nobody", "type": "visit", "time": START}
    later = 4_000_000_000_000 + number
    value: bytes = dice.choice(
        [
            b"\xff\xfe" + dice.randbytes(dice.randint(4, 200)) + str(number).encode(),
            json.dumps(good).encode()[: dice.randint(20, 40)] + str(number).encode(),
            json.dumps(good | {"price": "dear"}).encode(),
            json.dumps(good | {"time": later}).encode(),
            json.dumps({"event_id": f"bad-{number}"}).encode(),
        ]
    )
    # What nobody can read has no owner, and may lie anywhere. An event from the future has one.
    if b"time" in value and str(later).encode() in value:
        return Letter(b"nobody", value)
    return Letter(None, value, dice.randrange(partitions))
