"""Rolling windows as tiles: counts by hour for two days and by day for ninety.

A tile is a count of one kind of event in one hour or day, so the order in which events arrive
does not matter, and a late event lands in the tile where it belongs. Windows are sawtooth: one
that ends at q covers [round_down(q - W, hop), q). Tiles hold sums and counts only; averages are
taken when a feature asks.

Source: the tiled windows of Airbnb's Chronon ("sawtooth windows").
"""

from __future__ import annotations

from typing import Final

from features.events import Kind
from features.timeline import DAY, HOUR, Millis

HOURS_KEPT: Final = 48
DAYS_KEPT: Final = 90
_HOURS_A_DAY: Final = DAY // HOUR
#: A tile's key is its hour or day number, shifted, and the kind of event.
KIND_BITS: Final = 5
KIND_MASK: Final = (1 << KIND_BITS) - 1
KINDS_COUNT: Final = len(Kind)


def oldest_hour(now: Millis) -> int:
    """Return the number of the oldest hour that is kept at ``now``."""
    return (now - HOURS_KEPT * HOUR) // HOUR


def oldest_day(now: Millis) -> int:
    """Return the number of the oldest day that is kept at ``now``."""
    return (now - DAYS_KEPT * DAY) // DAY


class Tiles:
    """Counts by kind for each hour and day that is kept, and money by day.

    Examples
    --------
    >>> tiles = Tiles()
    >>> tiles.add(10 * DAY, Kind.PURCHASE, 20.0)
    >>> tiles.add(9 * DAY, Kind.VIEW, 0.0)
    >>> week = tiles.by_day(11 * DAY, 7)
    >>> week[Kind.PURCHASE], week[Kind.VIEW], tiles.money(11 * DAY, 7)
    (1, 1, 20.0)
    """

    __slots__ = ("days", "hours", "spend")

    def __init__(
        self,
        hours: dict[int, int] | None = None,
        days: dict[int, int] | None = None,
        spend: dict[int, float] | None = None,
    ) -> None:
        self.hours = {} if hours is None else hours
        self.days = {} if days is None else days
        self.spend = {} if spend is None else spend

    def add(self, at: Millis, kind: int, value: float) -> None:
        """Count an event of a kind at a time, and its money on its day."""
        hours, days = self.hours, self.days
        hour = at // HOUR
        # From the hour: a small number is divided far more quickly.
        number = hour // _HOURS_A_DAY
        key = hour << KIND_BITS | kind
        hours[key] = hours.get(key, 0) + 1
        key = number << KIND_BITS | kind
        days[key] = days.get(key, 0) + 1
        if value:
            self.spend[number] = self.spend.get(number, 0.0) + value

    def forget(self, now: Millis) -> None:
        """Drop the tiles that no window ending at ``now`` or later can cover."""
        hour = oldest_hour(now) << KIND_BITS
        if min(self.hours, default=hour) < hour:
            self.hours = {key: count for key, count in self.hours.items() if key >= hour}
        number = oldest_day(now)
        day = number << KIND_BITS
        if min(self.days, default=day) < day:
            self.days = {key: count for key, count in self.days.items() if key >= day}
        if min(self.spend, default=number) < number:
            self.spend = {key: money for key, money in self.spend.items() if key >= number}

    def by_hour(self, at: Millis, hours: int) -> list[int]:
        """Return counts by kind in the ``hours`` before ``at`` (at most 48)."""
        return _count(self.hours, (at - hours * HOUR) // HOUR)

    def by_day(self, at: Millis, days: int) -> list[int]:
        """Return counts by kind in the ``days`` before ``at`` (at most 90)."""
        return _count(self.days, (at - days * DAY) // DAY)

    def money(self, at: Millis, days: int) -> float:
        """Return the money spent in the ``days`` before ``at`` (at most 90)."""
        since = (at - days * DAY) // DAY
        # Sorted, so that the sum does not depend on the order in which days were first seen.
        return sum(self.spend[day] for day in sorted(self.spend) if day >= since)


def _count(tiles: dict[int, int], since: int) -> list[int]:
    counts = [0] * KINDS_COUNT
    first = since << KIND_BITS
    for key, count in tiles.items():
        if key >= first:
            counts[key & KIND_MASK] += count
    return counts
