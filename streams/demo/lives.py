"""The kinds of shoppers, and when each kind comes: the part of the truth that repeats.

A life is an endless sequence of visits in order of time; it ends only when the shopper leaves
for good. Spans of time are in days here, since that is how a shopper counts.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final

from features import DAY, HOUR, MINUTE, Millis
from streams.demo.dice import Dice
from streams.demo.visits import Mood, Visit


class Nature(StrEnum):
    """What kind of shopper; hidden from the stream."""

    LOYAL = "loyal"
    FADING = "fading"
    SEASONAL = "seasonal"
    ONE_TIME = "one-time"
    ANGRY = "angry"
    BARGAIN = "bargain hunter"


#: How common each kind is.
SHARES: Final[dict[Nature, float]] = {
    Nature.LOYAL: 0.39,
    Nature.FADING: 0.16,
    Nature.SEASONAL: 0.09,
    Nature.ONE_TIME: 0.16,
    Nature.ANGRY: 0.10,
    Nature.BARGAIN: 0.10,
}

#: A sale starts every so many days, on this day of the cycle, and lasts so long.
SALE_EVERY: Final = 14
SALE_STARTS: Final = 9
SALE_DAYS: Final = 3

#: How busy each hour of the day is, from midnight, UTC.
_HOURS: Final = tuple(
    accumulate(
        (2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 11, 13, 12, 10, 10, 11, 12, 14, 17, 18, 15, 9, 5)
    )
)
_LEAST_GAP: Final = 45 * MINUTE


@dataclass(frozen=True)
class Plan:
    """What a shopper's life is drawn from.

    Parameters
    ----------
    opened
        Midnight of the shop's first day, milliseconds.
    joins
        Days from there to the first visit.
    rhythm
        Mean days between two visits.
    regularity
        1: like rain; 6: like clockwork.
    keen
        Share of the visits that end in a purchase.
    """

    nature: Nature
    opened: Millis
    joins: float
    rhythm: float
    regularity: int
    keen: float


def nature_of(dice: Dice) -> Nature:
    """Draw a kind by its share.

    Examples
    --------
    >>> nature_of(Dice(1, 1)) in SHARES
    True
    """
    luck = dice.roll()
    for nature, share in SHARES.items():
        if luck < share:
            return nature
        luck -= share
    return Nature.LOYAL


def live(plan: Plan, dice: Dice) -> Iterator[Visit]:
    """Return the shopper's visits in order of time; ends when the shopper has left for good.

    Parameters
    ----------
    plan
        Who lives.
    dice
        Their luck.
    """
    last = 0
    for day, visit in _LIVES[plan.nature](plan, dice):
        at = max(plan.opened + _time_of_day(day, dice), last + _LEAST_GAP)
        # Sessions take a few minutes; three hours apart they never overlap.
        last = at + 3 * HOUR
        yield visit._replace(at=at)


def _time_of_day(day: float, dice: Dice) -> Millis:
    luck = dice.roll() * _HOURS[-1]
    return int(day) * DAY + bisect(_HOURS, luck) * HOUR + int(dice.roll() * HOUR)


_Life = Iterator[tuple[float, Visit]]


def _loyal(plan: Plan, dice: Dice, day: float | None = None) -> _Life:
    day = plan.joins if day is None else day
    while True:
        luck = dice.roll()
        if luck < 0.007:
            yield day, _trouble()
            if dice.chance(0.35):
                return
        else:
            yield day, _browse(plan, dice, day)
        if luck > 0.992:
            return  # Moved away, or found another shop: nothing to see beforehand.
        if luck > 0.977:
            day += dice.between(20, 45)  # A long journey, and back.
        day += dice.wait(plan.rhythm, plan.regularity)


def _fading(plan: Plan, dice: Dice) -> _Life:
    day, rhythm, keen = plan.joins, plan.rhythm, plan.keen
    turns = day + dice.between(20, 120)
    slower, patience = dice.between(1.2, 1.7), dice.between(2.5, 6.0)
    while rhythm < plan.rhythm * patience:
        yield day, _browse(plan, dice, day, keen)
        day += dice.wait(rhythm, plan.regularity)
        if day > turns:
            rhythm *= slower
            keen *= 0.8


def _seasonal(plan: Plan, dice: Dice) -> _Life:
    opens, lasts = plan.joins, dice.between(25, 50)
    pause = dice.between(30, 75)
    while True:
        day = opens
        while day < opens + lasts:
            yield day, _browse(plan, dice, day)
            day += dice.wait(plan.rhythm, plan.regularity)
        opens = max(day, opens + lasts + pause * dice.between(0.85, 1.15))


def _one_time(plan: Plan, dice: Dice) -> _Life:
    day = plan.joins
    yield day, _browse(plan, dice, day, 0.6)
    if dice.chance(0.45):
        day += dice.wait(4.0, 1)
        yield day, _browse(plan, dice, day, 0.35)


def _angry(plan: Plan, dice: Dice) -> _Life:
    day = plan.joins
    breaks = day + dice.between(20, 130)
    while day < breaks:
        yield day, _browse(plan, dice, day)
        day += dice.wait(plan.rhythm, plan.regularity)
    yield day, _trouble()
    luck = dice.roll()
    if luck < 0.65:
        return
    day += dice.wait(plan.rhythm, plan.regularity)
    if luck < 0.80:
        yield day, _browse(plan, dice, day, 0.1)
        return
    yield from _loyal(plan, dice, day)  # Won back.


def _bargain(plan: Plan, dice: Dice) -> _Life:
    comes, tires = dice.between(0.55, 0.95), dice.between(0.02, 0.10)
    day = plan.joins
    yield day, _browse(plan, dice, day)
    while True:
        cycle = int(day - SALE_STARTS) // SALE_EVERY + 1
        day = cycle * SALE_EVERY + SALE_STARTS + dice.between(0, 1)
        if dice.chance(tires):
            return
        if not dice.chance(comes):
            continue
        for _ in range(dice.whole(1, 3)):
            yield day, Visit(0, Mood.COUPON, 0.6, sale_on(day))
            day += dice.between(0.1, 0.9)


def sale_on(day: float) -> str | None:
    """Return the sale that is on at a day since the shop opened, if any.

    Examples
    --------
    >>> sale_on(9.5), sale_on(13.0)
    ('sale-00', None)
    """
    cycle, within = divmod(int(day), SALE_EVERY)
    on = SALE_STARTS <= within < SALE_STARTS + SALE_DAYS
    return f"sale-{cycle:02d}" if on else None


def _browse(plan: Plan, dice: Dice, day: float, keen: float | None = None) -> Visit:
    campaign = sale_on(day) if dice.chance(0.3) else None
    mood = Mood.COUPON if campaign and dice.chance(0.3) else Mood.BROWSE
    return Visit(0, mood, plan.keen if keen is None else keen, campaign)


def _trouble() -> Visit:
    return Visit(0, Mood.TROUBLE)


_LIVES: Final[dict[Nature, Callable[[Plan, Dice], _Life]]] = {
    Nature.LOYAL: _loyal,
    Nature.FADING: _fading,
    Nature.SEASONAL: _seasonal,
    Nature.ONE_TIME: _one_time,
    Nature.ANGRY: _angry,
    Nature.BARGAIN: _bargain,
}
