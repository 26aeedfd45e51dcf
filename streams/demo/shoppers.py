"""A shop full of invented shoppers: the demo's events, the same again for the same seed.

`Shop.deliveries` is what arrives at the broker: the true events, now and then twice, late or
with a broken message beside them. `Shop.events` is what truly happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush, merge
from itertools import takewhile
from typing import Final, NamedTuple

from features import DAY, MINUTE, Event, Millis, encode_event
from streams.demo.dice import Dice
from streams.demo.lives import Nature, Plan, live, nature_of
from streams.demo.visits import Habits, Happening, Visitor
from streams.demo.wares import CATEGORIES

SHOPPERS: Final = 3_000
DAYS: Final = 180
JOINING_DAYS: Final = 120

#: Shares of the messages that are sent twice, come late, or have a broken one beside them.
TWICE: Final = 0.003
LATE: Final = 0.005
BROKEN: Final = 0.0005
#: Below the default lateness of one hour, so that every late event still counts.
LATEST: Final = 50 * MINUTE

_FATED: Final = TWICE + LATE + BROKEN
_AGES: Final = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
_GENDERS: Final = ("female", "male", "diverse")
_TIERS: Final = ("bronze", "bronze", "silver", "silver", "gold")


class Delivery(NamedTuple):
    """A message as the broker gets it.

    Parameters
    ----------
    key
        The shopper, as the Kafka key.
    value
        The event as JSON, or, now and then, bytes that are no event.
    at
        When it arrives, milliseconds; deliveries come in this order.
    """

    key: bytes
    value: bytes
    at: Millis


@dataclass(frozen=True)
class Shop:
    """All shoppers of a seed, up to a moment.

    Parameters
    ----------
    seed
        Same seed and end, same shoppers, same messages, same truth. Not negative.
    end
        Where the stream ends, milliseconds; every event lies before it.
    shoppers
        How many. Shopper 7 does the same among ten as among ten thousand.
    days
        How many days of events, besides the part of a day before ``end``.

    Examples
    --------
    >>> shop = Shop(seed=1, end=1_767_225_600_000, shoppers=5)
    >>> first = next(shop.events())
    >>> first.type, first.event_id
    ('identified', 's1-3-1')
    >>> next(shop.deliveries()).value == encode_event(first)
    True
    """

    seed: int
    end: Millis
    shoppers: int = SHOPPERS
    days: int = DAYS

    @property
    def start(self) -> Millis:
        """Midnight (UTC) of the first day."""
        return self.end - self.end % DAY - self.days * DAY

    @staticmethod
    def user_id(index: int) -> str:
        """Return the customer id of a shopper."""
        return f"shopper-{index:05d}"

    def nature(self, index: int) -> Nature:
        """Return what kind of shopper this is: part of the hidden truth."""
        return nature_of(Dice(self.seed, index))

    def life(self, index: int) -> Iterator[Happening]:
        """Return all that one shopper does, also after ``end``.

        Parameters
        ----------
        index
            Which shopper, from 0.

        Returns
        -------
        Iterator
            In order of time; without end, unless the shopper leaves for good.
        """
        dice = Dice(self.seed, index)
        nature = nature_of(dice)
        plan = Plan(
            nature=nature,
            opened=self.start,
            joins=dice.roll() * min(JOINING_DAYS, self.days),
            rhythm=4.5 * 5.5 ** dice.roll(),
            regularity=dice.whole(2, 6),
            keen=dice.between(0.2, 0.6),
        )
        likes = tuple(dice.pick(CATEGORIES) for _ in range(3))
        tiers = _TIERS[1:] if nature is Nature.LOYAL else _TIERS
        traits = {
            "tier": dice.pick(tiers),
            "age_band": dice.pick(_AGES),
            "gender": _GENDERS[min(int(dice.roll() * 2.06), 2)],
        }
        visitor = Visitor(self.seed, Habits(index, self.user_id(index), likes, traits), dice)
        for visit in live(plan, dice):
            yield from visitor.come(visit)

    def events(self) -> Iterator[Event]:
        """Return what truly happened before ``end``, in order of event time."""
        return (happening.event for happening in self._happenings())

    def deliveries(self) -> Iterator[Delivery]:
        """Return what arrives at the broker, in order of arrival.

        Returns
        -------
        Iterator
            Every true event at least once; some twice, some late by less than `LATEST`, and
            some broken messages besides. Memory grows with the shoppers, not with the events.
        """
        on_the_way: list[tuple[Millis, int, Delivery]] = []
        for number, (at, _, fate, event) in enumerate(self._happenings()):
            while on_the_way and on_the_way[0][0] <= at:
                yield heappop(on_the_way)[2]
            delivery = Delivery(event.user_id.encode(), encode_event(event), at)
            if fate >= _FATED:
                yield delivery
                continue
            if not TWICE <= fate < TWICE + LATE:
                yield delivery
            share = _within(fate)
            arrives = min(at + 1 + int(share * (LATEST - 1)), self.end)
            value = delivery.value
            if fate >= TWICE + LATE:
                value = _broken(value, share)
            heappush(on_the_way, (arrives, number, Delivery(delivery.key, value, arrives)))
        while on_the_way:
            yield heappop(on_the_way)[2]

    def _happenings(self) -> Iterator[Happening]:
        def before_end(happening: Happening) -> bool:
            return happening.at < self.end

        # Compares (at, shopper), which no two shoppers share.
        return merge(*(takewhile(before_end, self.life(index)) for index in range(self.shoppers)))


def _within(fate: float) -> float:
    """Return where in its band a fate lies: the same luck serves as the delay."""
    if fate < TWICE:
        return fate / TWICE
    if fate < TWICE + LATE:
        return (fate - TWICE) / LATE
    return (fate - TWICE - LATE) / BROKEN


def _broken(value: bytes, share: float) -> bytes:
    """Return one of the ways in which messages break in real life."""
    ways = (
        value[: len(value) // 2],
        b"\xff\xfe\x00binary",
        value.replace(b'"user_id"', b'"user"', 1),
        value.replace(b'"time":', b'"time":"yesterday","was":', 1),
    )
    return ways[int(share * len(ways))]
