"""Rolling windows as tiles: counts by hour for two days and by day for ninety.

A tile is a count of one kind of event in one hour or day, so the order in which events arrive
does not matter, and a late event lands in the tile where it belongs. Windows are sawtooth: one
that ends at q covers [round_down(q - W, hop), q). Tiles hold sums and counts only; averages are
taken when a feature asks.

Source: the tiled windows of Airbnb's Chronon ("sawtooth windows").
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from features.events import Kind
from features.timeline import DAY, HOUR, Millis

HOURS_KEPT: Final = 48
DAYS_KEPT: Final = 90
HOURS_A_DAY: Final = DAY // HOUR
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


class Runs(NamedTuple):
    """Tiles as they are stored: for each hour or day how many kinds, and of each how many.

    Parameters
    ----------
    first, last
        The first and the last hour or day.
    tiles
        How many there are.
    heads
        How many kinds there were on the first, the step to the next, how many on that, ...
    kinds
        Kind and count of each tile in a byte.
    many
        What is missing of counts that are too large for that.
    """

    first: int
    last: int
    tiles: int
    heads: bytes
    kinds: bytes
    many: bytes


NO_RUNS: Final = Runs(0, -1, 0, b"", b"", b"")


class PackedTiles:
    """What was written of tiles, so that not all of it need be written again.

    Parameters
    ----------
    of
        The tiles of days that it is of.

    Notes
    -----
    ``events`` is how many events the customer had then, and ``hours``, ``days``, ``spend``,
    ``kinds`` and ``counts`` are what was stored. ``sealed`` is what was written of the days before
    ``until``.
    """

    __slots__ = (
        *("counts", "days", "events", "hours", "kinds", "of"),
        *("purchases", "sealed", "spend", "spend_of", "until"),
    )

    def __init__(self, of: dict[int, int]) -> None:
        self.events = -1
        self.hours: list[Any] = []
        self.days: list[Any] = []
        self.kinds = 0
        self.counts: list[int] = []
        self.spend: tuple[int, bytes | list[float]] = (0, b"")
        self.spend_of: dict[int, float] | None = None
        self.purchases = 0
        self.since(of)

    def since(self, of: dict[int, int]) -> None:
        """Begin anew with other tiles."""
        self.of = of
        self.sealed = NO_RUNS
        self.until = 0


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

    __slots__ = ("days", "hours", "packed", "spend")

    def __init__(
        self,
        hours: dict[int, int] | None = None,
        days: dict[int, int] | None = None,
        spend: dict[int, float] | None = None,
    ) -> None:
        self.hours = {} if hours is None else hours
        self.days = {} if days is None else days
        self.spend = {} if spend is None else spend
        #: What was written of them; an event of a day that is over makes it void.
        self.packed: PackedTiles | None = None

    def add(self, at: Millis, kind: int, value: float) -> None:
        """Count an event of a kind at a time, and its money on its day."""
        hours, days = self.hours, self.days
        hour = at // HOUR
        # From the hour: a small number is divided far more quickly.
        number = hour // HOURS_A_DAY
        key = hour << KIND_BITS | kind
        hours[key] = hours.get(key, 0) + 1
        key = number << KIND_BITS | kind
        days[key] = days.get(key, 0) + 1
        if self.packed is not None and number < self.packed.until:
            self.packed = None
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

    def days_with(self, kinds: Collection[int] | None) -> dict[int, int]:
        """Return the days on which there were events of some kinds, or of any, and how many."""
        found: dict[int, int] = {}
        for key, count in self.days.items():
            if kinds is None or key & KIND_MASK in kinds:
                found[key >> KIND_BITS] = found.get(key >> KIND_BITS, 0) + count
        return found

    def is_last(self, at: Millis, kind: int) -> bool:
        """Whether no event of a kind is known of a later day, or of a later hour of the same."""
        hour = at // HOUR
        day = hour // HOURS_A_DAY
        return not any(
            tiles_key & KIND_MASK == kind and tiles_key >> KIND_BITS > number
            for tiles, number in ((self.days, day), (self.hours, hour))
            for tiles_key in tiles
        )

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
