"""Tiles as they are stored: runs of kinds and counts, and steps from one hour or day to the next.

What has been written of days that are over is kept in memory: most of a customer is the same the
next time.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate, islice
from typing import Any, Final

from features.compact import Damaged, pack_steps, scaled, unpack_steps, unscaled, which
from features.customer import CustomerState
from features.events import Kind
from features.tiles import (
    KIND_BITS,
    KIND_MASK,
    NO_RUNS,
    PackedTiles,
    Runs,
    oldest_day,
)
from features.timeline import DAY, HOUR

#: A tile's kind and count in a byte; from this count on, the rest follows.
_COUNT_BITS: Final = 3
_MANY: Final = (1 << _COUNT_BITS) - 1
_PURCHASE: Final = int(Kind.PURCHASE)


def pack_tiles(state: CustomerState) -> PackedTiles:
    """Return the tiles of hours and of days, the money and the counts, as they are stored.

    Only an event changes them; of days that are over, only a late one.
    """
    tiles, events = state.tiles, state.events
    packed = tiles.packed
    if packed is None:
        packed = tiles.packed = PackedTiles(tiles.days)
    elif packed.events == events:
        return packed
    packed.events = events
    days, spend, kinds = tiles.days, tiles.spend, state.kinds
    if packed.of is not days:
        packed.since(days)
    today = state.last_seen // DAY << KIND_BITS
    # Those of the days that are not over were added last, unless one came late.
    keys = sorted(islice(reversed(days), len(days) - packed.sealed.tiles))
    if keys and keys[0] >> KIND_BITS < packed.until:
        days = tiles.days = dict(sorted(days.items()))
        packed.since(days)
        keys = list(days)
    if keys and keys[0] < today:
        over = bisect_left(keys, today)
        packed.sealed = _pack_runs(keys[:over], days, packed.sealed)
        packed.until = today >> KIND_BITS
        del keys[:over]
    oldest = oldest_day(state.last_seen)
    packed.days = _columns(_pack_runs(keys, days, packed.sealed), oldest)
    hours = tiles.hours
    runs = _pack_runs(sorted(hours), hours, NO_RUNS)
    # Mostly the last day had one hour, and nothing else in it.
    known = packed.days[2] if packed.days else b""
    packed.hours = _columns(runs, state.last_seen // HOUR, -1)
    if runs.tiles and known.endswith(runs.kinds):
        packed.hours[2] = runs.tiles
    packed.kinds, packed.counts = which(kinds), [count for count in kinds if count]
    purchases = kinds[_PURCHASE]
    if packed.spend_of is not spend or packed.purchases != purchases:
        packed.spend_of, packed.purchases = spend, purchases
        packed.spend = _pack_spend(spend)
    return packed


def _pack_runs(keys: list[int], tiles: dict[int, int], before: Runs) -> Runs:
    """Return what was written before, and behind it the tiles of hours or days that follow."""
    if not keys:
        return before
    first, number, _, heads, kinds, many = before
    steps, packed = [], bytearray()
    lacks: list[int] = []
    run = 0
    for key in keys:
        if key >> KIND_BITS != number:
            if run:
                steps.append(run)
                run = 0
            if number >= 0:
                steps.append((key >> KIND_BITS) - number)
            else:
                first = key >> KIND_BITS
            number = key >> KIND_BITS
        run += 1
        count = tiles[key]
        if count >= _MANY:
            lacks.append(count - _MANY)
            count = _MANY
        packed.append((key & KIND_MASK) << _COUNT_BITS | count)
    steps.append(run)
    if lacks:
        many += pack_steps(lacks)
    return Runs(
        first, number, before.tiles + len(keys), heads + pack_steps(steps), kinds + packed, many
    )


def _columns(runs: Runs, base: int, sign: int = 1) -> list[Any]:
    first, _, count, heads, kinds, many = runs
    if not count:
        return []
    found: list[Any] = [sign * (first - base), heads, kinds]
    if many:
        found.append(many)
    return found


def unpack_hours(columns: list[Any], days: list[Any], last_hour: int) -> dict[int, int]:
    """Return the tiles of hours, given the columns of the days.

    Raises
    ------
    Damaged
        If there are more or fewer than they say.
    """
    if not columns:
        return {}
    before, heads, kinds, *many = columns
    if isinstance(kinds, int):
        kinds = days[2][-kinds:]
    return unpack_tiles([-before, heads, kinds, *many], last_hour)


def unpack_tiles(columns: list[Any], base: int) -> dict[int, int]:
    """Return the tiles of hours or days, of columns that count from ``base``.

    Raises
    ------
    Damaged
        If there are more or fewer than they say.
    """
    if not columns:
        return {}
    first, packed, kinds, *many = columns
    heads = unpack_steps(packed)
    if sum(heads[::2]) != len(kinds):
        raise Damaged("there are more or fewer tiles than they should be")
    tiles: dict[int, int] = {}
    number, place = base + first, 0
    steps = iter(heads[1::2])
    for size in heads[::2]:
        start = number << KIND_BITS
        for each in kinds[place : place + size]:
            tiles[start | each >> _COUNT_BITS] = each & _MANY
        place += size
        number += next(steps, 0)
    if many:
        lacks = iter(unpack_steps(many[0]))
        for key, count in tiles.items():
            if count == _MANY:
                tiles[key] += next(lacks)
    return tiles


def _pack_spend(spend: dict[int, float]) -> tuple[int, bytes | list[float]]:
    """Return the first day, and its money with the steps to the next days and theirs."""
    flat: list[float] = []
    first = before = min(spend, default=0)
    plain = True
    for day in sorted(spend):
        money = scaled(spend[day])
        plain = plain and isinstance(money, int) and money >= 0
        flat += (day - before, money)
        before = day
    del flat[:1]
    return first, pack_steps(map(int, flat)) if plain else flat


def unpack_spend(first: int, packed: bytes | list[Any]) -> dict[int, float]:
    """Return the money of each day.

    Raises
    ------
    ValueError
        If there are more or fewer days than they say.
    """
    flat = unpack_steps(packed) if isinstance(packed, bytes) else packed
    days = accumulate(flat[1::2], initial=first)
    return dict(zip(days, map(unscaled, flat[::2]), strict=True))
